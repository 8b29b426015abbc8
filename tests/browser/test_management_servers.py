"""Management servers and jobs in a real browser: a server drains live into maintenance and comes back, a clock runs
down by itself, and a job that ends leaves within a second."""

import time
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from maintenance.feed import unit_of_work
from maintenance.models import Cloud, PendingJob, Run
from tests.dashboard.console.servers import add_job, make_servers, server, set_state
from tests.maintenance.engine.server_lab import make_server_lab
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]


# By the page's own clock, which is this machine's: whoever asks now and then would notice it later.
NOTE_WHEN_A_ROW_LEAVES = """() => {
  const rows = () => document.querySelectorAll("#jobs-first tbody tr").length;
  const before = rows();
  window.leftAt = 0;
  const watch = new MutationObserver(() => {
    if (rows() < before) { window.leftAt = Date.now(); watch.disconnect(); }
  });
  watch.observe(document.body, { subtree: true, childList: true });
}"""


@pytest.fixture
def servers(lab):
    return make_server_lab(lab)


@pytest.fixture
def at_hand(lab, open_page):
    """A page, live, on rows of ours: no engine changes them."""
    lab.read()
    make_servers(lab)
    Cloud.objects.update(unknown_s=3600)

    def opened(path: str):
        page = open_page(path)
        expect(page.locator("#trust")).to_contain_text("Live")
        return page

    return opened


def end(job: PendingJob) -> None:
    """The cloud lists it no more."""
    with unit_of_work() as work:
        PendingJob.objects.filter(id=job.id).update(gone_at=timezone.now())
        about = {"job": str(job.id), "name": job.name, "server": str(job.management_server_id)}
        work.event("jobs.changed", about, after={"gone": True})


def test_a_server_drains_live_into_maintenance_and_its_agents_come_home(servers, engine, open_page):
    servers.jobs("mgmt2", count=2)
    servers.read()
    before = servers.agents("mgmt2")
    assert before > 0
    page = open_page(f"/management-servers/{servers.servers['mgmt2']}/")
    expect(page.locator("h1")).to_contain_text("mgmt2 is Up.")
    expect(page.locator("#trust")).to_contain_text("Live")

    page.get_by_text("Prepare for maintenance…").click()
    page.get_by_label("Type MAINTENANCE to do it").first.fill("MAINTENANCE")
    page.get_by_role("button", name="Prepare it for maintenance").click()
    expect(page.locator("h1")).to_contain_text("mgmt2 is preparing for maintenance.")
    steps = page.locator("#server-preparing .stages")
    expect(steps).to_contain_text("2 left")
    expect(page.locator("#server-jobs tbody tr")).to_have_count(2)
    expect(page.locator("#server-preparing [role=timer] time")).to_be_visible()

    servers.end_jobs("mgmt2")
    expect(page.locator("#server-jobs")).to_contain_text("No job is pending on it.")
    expect(page.locator("h1")).to_contain_text("mgmt2 is in maintenance.")
    expect(page.locator("#server-agents-count")).to_have_text("0")
    expect(page.locator("#server-tasks")).not_to_contain_text("running")

    page.get_by_text("Cancel maintenance…").click()
    page.get_by_role("button", name="Have it Up again").first.click()
    expect(page.locator("h1")).to_contain_text("mgmt2 is Up.")
    expect(page.locator("#server-agents-count")).to_have_text(str(before))
    expect(page.locator("#nav-servers")).to_have_text("3")


def test_a_job_that_ends_leaves_within_a_second_and_every_count_agrees(at_hand):
    jobs, last = [add_job("mgmt1") for _ in range(3)], add_job("mgmt2", "CopyTemplateCmd", ago_s=900)
    page = at_hand("/jobs/")
    rows = page.locator("#jobs-first tbody tr")
    expect(rows).to_have_count(4)

    took_s = []
    for job in jobs:
        page.evaluate(NOTE_WHEN_A_ROW_LEAVES)
        began = time.time()
        end(job)
        left_at = wait_until(lambda: page.evaluate("window.leftAt"), within_s=20)
        took_s.append(left_at / 1000 - began)
    # The best of three: other tests run beside this one.
    assert min(took_s) < 1.0, took_s
    expect(rows).to_have_count(1)
    expect(page.locator("h1")).to_contain_text("1 job is pending.")
    expect(page.locator("#nav-jobs")).to_have_text("1")

    end(last)
    expect(page.locator("#jobs-first")).to_contain_text("The management servers have nothing left to do.")
    expect(page.locator("#nav-jobs")).to_be_hidden()


def test_a_list_that_was_narrowed_follows_what_ends_and_what_begins(at_hand):
    first = add_job("mgmt1")
    add_job("mgmt2", "CopyTemplateCmd")
    page = at_hand(f"/jobs/?server={server('mgmt1').id}")
    expect(page.locator("#jobs-found")).to_contain_text("1 job found")

    end(first)

    expect(page.locator("#jobs-found")).to_contain_text("No pending job matches.")
    expect(page.locator("h1")).to_contain_text("1 job is pending.")


def test_the_clock_of_a_window_runs_down_without_being_fetched(at_hand):
    set_state("mgmt2", "PreparingForMaintenance", window_ends_at=timezone.now() + timedelta(minutes=42))
    page = at_hand("/management-servers/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    clock = page.locator("#servers-preparing [role=timer] time")
    before = clock.inner_text()

    expect(clock).not_to_have_text(before)

    assert clock.inner_text() < before
    assert before.startswith("41:")
    assert asked == []


@pytest.mark.parametrize("with_script", [True, False])
def test_enter_in_a_line_presses_no_button(servers, open_page, with_script):
    servers.read()
    page = open_page(f"/management-servers/{servers.servers['mgmt2']}/", script=with_script)
    page.get_by_text("Prepare for maintenance…").click()

    page.get_by_label("Type MAINTENANCE to do it").first.fill("MAINTENANCE")
    page.keyboard.press("Enter")
    page.reload()

    assert not Run.objects.exists()
