"""Zones, pods, clusters and hosts in a real browser: start from there, find again, take a host out by hand."""

import re

import pytest
from playwright.sync_api import expect

from maintenance.backends.lab.models import Host as LabHost
from maintenance.domain.states import TargetState
from maintenance.models import HostOut, Run, Target
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]

RUN_PAGE = re.compile(r"/rolling/[0-9a-f-]{36}/$")


def lists(page, *names: str) -> None:
    """Exactly these hosts, in this order."""
    expect(page.locator("tbody a.host")).to_have_text(list(names))


def test_a_run_starts_by_clicking_from_a_clusters_page_with_that_cluster_filled_in(lab, engine, open_page):
    lab.read()
    page = open_page("/clusters/")
    page.get_by_role("link", name="p1-c1").click()
    expect(page.locator("h1")).to_contain_text("p1-c1: all 3 hosts are in service.")
    expect(page.locator("#trust")).to_contain_text("Live")

    page.get_by_role("link", name="Start rolling maintenance…").click()
    page.wait_for_url(f"**/rolling/new/?clusters={lab.clusters[0]}")
    expect(page.locator("#kind-clusters")).to_be_checked()
    expect(page.locator(f"#choose-{lab.clusters[0]}")).to_be_checked()
    page.locator("#start-press").click()
    page.wait_for_url(RUN_PAGE)

    run = Run.objects.get()
    assert (run.scope_kind, run.scope_ids) == ("clusters", lab.clusters)
    wait_until(lambda: Target.objects.filter(run=run, out_at__isnull=False).exists(), within_s=30)
    page.goto(f"/clusters/{lab.clusters[0]}/")
    expect(page.locator("#place-runs")).to_contain_text(f"Run {run.number}")


def test_back_and_reload_restore_what_was_asked_and_chosen_hosts_start_a_run(lab, open_page):
    lab.read()
    page = open_page("/hosts/")
    page.get_by_role("link", name="Host", exact=True).click()
    page.wait_for_url("**?sort=name")
    page.get_by_role("link", name="Host", exact=True).click()
    page.wait_for_url("**?sort=-name")
    lists(page, "kvm3", "kvm2", "kvm1")
    page.get_by_label("State").select_option("in-service")
    page.wait_for_url("**state=in-service**")
    # Typed slowly it would be several lists, each of which "back" leads to.
    page.get_by_label("Name").fill("kvm3")
    page.wait_for_url("**search=kvm3**")
    expect(page.locator("h1")).to_contain_text("1 of 3")
    lists(page, "kvm3")

    page.reload()
    expect(page.get_by_label("Name")).to_have_value("kvm3")
    expect(page.get_by_label("State")).to_have_value("in-service")
    lists(page, "kvm3")
    page.go_back()
    expect(page.locator("tbody a.host")).to_have_count(3)
    expect(page.get_by_label("Name")).to_have_value("")
    expect(page.get_by_label("State")).to_have_value("in-service")
    lists(page, "kvm3", "kvm2", "kvm1")

    page.get_by_role("checkbox", name="Choose kvm3").check()
    page.get_by_label("Name").fill("kvm1")
    expect(page.locator("tbody a.host")).to_have_count(1)
    page.get_by_role("checkbox", name="Choose kvm1").check()
    expect(page.locator("[data-chosen]")).to_have_text("2 chosen, 1 of them not shown here")
    page.get_by_role("button", name="Start rolling maintenance…").click()
    page.wait_for_url("**/rolling/new/?hosts=**")
    page.locator("#start-press").click()
    page.wait_for_url(RUN_PAGE)

    assert {target.name for target in Run.objects.get().targets.all()} == {"kvm1", "kvm3"}


def test_a_host_is_taken_out_and_returned_by_clicking_and_its_page_follows(lab, engine, open_page):
    host = lab.hosts["kvm1"]
    in_the_lab = LabHost.objects.filter(id=host)
    in_the_lab.update(kernel_version="6.1.0-27-amd64")
    lab.read()
    page = open_page(f"/hosts/{host}/")
    expect(page.locator("#trust")).to_contain_text("Live")
    expect(page.get_by_role("button", name="Return to service")).to_be_disabled()

    page.get_by_text("Put into maintenance…").click()
    page.get_by_label("Reason").fill("a fan is loud")
    page.get_by_role("button", name="Take kvm1 out of service").click()
    expect(page.locator("#host-instances")).to_contain_text("2 of 2 have moved", timeout=30_000)
    expect(page.locator("#host-history")).to_contain_text("a fan is loud")
    expect(page.locator("#host-history")).to_contain_text("not back yet")
    assert HostOut.objects.filter(host=host, closed_at=None).exists()

    in_the_lab.update(kernel_version="6.1.0-28-amd64")
    back = page.get_by_role("button", name="Return to service")
    expect(back).to_be_enabled(timeout=30_000)
    back.click()
    expect(page.locator("h1")).to_contain_text("kvm1 is in service", timeout=30_000)
    software = page.locator("#host-history dl > div").filter(has_text="Kernel, before and after run 1")
    expect(software).to_contain_text(re.compile("6.1.0-27-amd64.*6.1.0-28-amd64", re.DOTALL))
    expect(page.locator("#host-way")).to_be_hidden()
    expect(page.locator("#host-instances")).not_to_contain_text("have moved")
    wait_until(lambda: Target.objects.get().state == TargetState.DONE, within_s=20)
    assert not HostOut.objects.filter(host=host, closed_at=None).exists()


def test_a_column_clicked_right_after_typing_is_what_the_list_is_sorted_by(lab, web, open_page):
    page = open_page("/hosts/")
    asked: list[str] = []
    page.on("request", lambda sent: asked.append(sent.url) if "/hosts/?" in sent.url else None)
    page.locator("#find").press_sequentially("kvm")
    expect(page).to_have_url(re.compile(r"search=kvm"))
    asked.clear()

    page.locator("#sort-instances").click()

    expect(page).to_have_url(re.compile(r"search=kvm.*sort=|sort=.*search=kvm"))
    page.wait_for_load_state("networkidle")
    assert len(asked) == 1, "leaving the line asked once more"
