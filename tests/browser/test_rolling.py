"""A rolling maintenance by clicking, watched live to its report."""

import re

import pytest
from playwright.sync_api import expect

from maintenance import actions
from maintenance.models import Run
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]

SOON_MS = 30_000
UNTIL_LET_GO = '#!/bin/sh\necho begun\nwhile ! [ -e "$LAB_HOST_DIR/go" ]; do sleep 0.1; done\n'


def reload_count(page):
    """How often the page was loaded: set once, kept in the window as long as nothing reloads it."""
    return page.evaluate("window.loadedOnce")


def start_by_clicking(page):
    page.get_by_role("link", name="Start rolling maintenance").first.click()
    page.wait_for_url("**/rolling/new/**")
    page.get_by_text("zone1", exact=True).click()
    page.locator("tr[data-verdict=ready]").first.wait_for()
    page.get_by_role("button", name=re.compile("^Start: 3 hosts"))
    return page.get_by_role("button", name=re.compile("^Start: 3 hosts"))


def test_a_run_is_started_by_clicking_and_its_stages_move_without_reload_to_the_report(
    lab, engine, open_page
):
    lab.everywhere("Maintenance", UNTIL_LET_GO.replace("begun", "working on it"))
    page = open_page("/")

    start_by_clicking(page).click()
    page.wait_for_url(re.compile(r"/rolling/[0-9a-f-]{36}/$"))
    page.evaluate("window.loadedOnce = true")

    expect(page.locator("#run-now")).to_contain_text("Working", timeout=SOON_MS)
    expect(page.locator("#run-now")).to_contain_text("working on it", timeout=SOON_MS)
    for host in lab.hosts:
        (lab.folder(host) / "go").touch()
    expect(page.locator("#run-finished")).to_contain_text("kvm1", timeout=SOON_MS)
    expect(page.locator("#run-head")).to_contain_text("Done", timeout=SOON_MS)
    expect(page.locator("#run-finished")).to_contain_text("kvm3")
    assert reload_count(page)
    assert Run.objects.get().state == "Succeeded"


def test_a_double_click_on_start_starts_one_run(lab, open_page):
    page = open_page("/")

    start_by_clicking(page).dblclick(no_wait_after=True)
    page.wait_for_url(re.compile(r"/rolling/[0-9a-f-]{36}/$"))

    assert Run.objects.count() == 1


def test_two_administrators_at_once_start_one_run_and_the_second_is_shown_the_first(lab, open_page):
    first, second = open_page("/", who="administrator"), open_page("/", who="operator")
    start_first, start_second = start_by_clicking(first), start_by_clicking(second)

    start_first.click()
    first.wait_for_url(re.compile(r"/rolling/[0-9a-f-]{36}/$"))
    start_second.click()

    expect(second.get_by_role("alert").first).to_contain_text(f"run {Run.objects.get().number}")


def test_a_failed_host_says_its_cause_and_a_retry_leads_to_success(lab, engine, open_page):
    lab.script("kvm1", "Maintenance", "#!/bin/sh\necho disk is full\nexit 3\n")
    run = lab.start()
    page = open_page(f"/rolling/{run.id}/")

    problems = page.locator("#run-problems")
    expect(problems).to_contain_text("kvm1", timeout=SOON_MS)
    expect(problems).to_contain_text("exit status 3")
    expect(problems).to_contain_text("disk is full")
    expect(page.locator("#run-head")).to_contain_text("Paused", timeout=SOON_MS)
    lab.script("kvm1", "Maintenance", "#!/bin/sh\n")
    page.get_by_role("button", name=re.compile("^(Retry|Try)")).first.click()

    expect(page.locator("#run-head")).to_contain_text("Done", timeout=SOON_MS)
    assert Run.objects.get().state == "Succeeded"


def test_pause_and_stop_say_and_do_what_their_words_say(lab, engine, open_page):
    lab.everywhere("Maintenance", UNTIL_LET_GO)
    run = lab.start()
    page = open_page(f"/rolling/{run.id}/")
    expect(page.locator("#run-now")).to_contain_text("begun", timeout=SOON_MS)

    page.get_by_role("button", name="Pause after this host").click()
    expect(page.locator("#run-steering")).to_contain_text("Resume")
    wait_until(lambda: Run.objects.get().pausing)
    page.locator("#run-steering summary", has_text="Stop").click()
    page.locator("#run-steering .confirm-box button").click()

    expect(page.locator("#run-head")).to_contain_text("Cancelled", timeout=SOON_MS)
    assert lab.resource_state("kvm1") == "Enabled"


def test_when_the_web_process_dies_the_page_says_so_and_catches_up(lab, engine, web, open_page):
    lab.everywhere("Maintenance", UNTIL_LET_GO)
    run = lab.start()
    page = open_page(f"/rolling/{run.id}/")
    expect(page.locator("#run-now")).to_contain_text("begun", timeout=SOON_MS)
    page.evaluate("window.loadedOnce = true")
    expect(page.locator("#trust")).to_contain_text("Live")

    web.kill9()
    expect(page.locator("#trust")).not_to_contain_text(re.compile(r"^\s*Live"), timeout=10_000)
    actions.cancel_run(run.id, actor="operator")
    wait_until(lambda: Run.objects.get().state == "Cancelled", within_s=30)
    web.start()

    expect(page.locator("#run-head")).to_contain_text("Cancelled", timeout=SOON_MS)
    expect(page.locator("#trust")).to_contain_text("Live", timeout=SOON_MS)
    assert reload_count(page)


def test_a_host_goes_out_and_back_by_hand_from_its_page(lab, engine, open_page):
    page = open_page(f"/hosts/{lab.hosts['kvm2']}/")

    page.get_by_text("Put into maintenance").first.click()
    page.get_by_role("button", name="Take kvm2 out of service").click()
    wait_until(lambda: lab.resource_state("kvm2") == "Maintenance", within_s=30)
    back = page.get_by_role("button", name="Return to service")
    expect(back).to_be_enabled(timeout=SOON_MS)
    back.click()
    wait_until(lambda: lab.resource_state("kvm2") == "Enabled", within_s=30)


def test_reload_and_back_on_a_run_show_it_as_it_is_and_live(lab, engine, open_page):
    lab.everywhere("Maintenance", UNTIL_LET_GO)
    run = lab.start()
    page = open_page(f"/rolling/{run.id}/")
    now = page.locator("#run-now")
    expect(now).to_contain_text("begun", timeout=SOON_MS)

    page.reload()
    expect(now).to_contain_text("begun")
    page.get_by_role("link", name="All output").first.click()
    page.wait_for_url("**/output/")
    page.locator("#find").fill("beg")
    expect(page.locator("#find-count")).to_contain_text("Match 1 of 1")
    page.go_back()

    expect(now).to_contain_text("kvm1")
    expect(page.locator("#trust")).to_contain_text("Live")
    page.evaluate("window.loadedOnce = true")
    for host in lab.hosts:
        (lab.folder(host) / "go").touch()
    expect(page.locator("#run-head")).to_contain_text("Done", timeout=SOON_MS)
    assert reload_count(page)
