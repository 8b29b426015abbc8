"""What changes by itself is told to readers of the screen, and the focus stays with whoever has it."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from maintenance import actions
from maintenance.models import Run
from tests.browser.test_live_honesty import is_live

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]


def announced(page: Page, words: str) -> None:
    expect(page.locator("#announced")).to_have_text(re.compile(words))


def test_a_run_that_is_paused_and_resumed_is_told_and_the_focus_is_never_lost(lab, web, open_page):
    run = lab.start()
    Run.objects.update(state="Running", started_at=timezone.now())
    page = open_page(f"/rolling/{run.id}/")
    is_live(page)
    expect(page.locator("#announced")).to_be_empty()

    steering = page.locator("#run-steering")
    steering.get_by_role("button", name=re.compile("^Pause")).press("Enter")
    announced(page, r"^Paused\.")
    expect(steering.get_by_role("heading")).to_be_focused()
    page.keyboard.press("Tab")
    resume = steering.get_by_role("button", name=re.compile("^Resume"))
    expect(resume).to_be_focused()

    actions.resume_run(run.id, actor="ada")
    expect(resume).to_have_count(0)
    announced(page, "^(?!Paused)")
    expect(steering.get_by_role("heading")).to_be_focused()


def test_how_many_hosts_a_filter_leaves_and_how_they_are_sorted_is_told(lab, web, open_page):
    page = open_page("/hosts/")
    is_live(page)

    page.locator("#find").press_sequentially("kvm2")
    announced(page, "^1 of 3")
    page.get_by_role("link", name="Instances").first.press("Enter")
    announced(page, "Sorted by: .*nstances")


def test_what_was_moved_in_the_order_is_told_first_and_that_it_moves_no_further(lab, web, open_page):
    page = open_page(f"/rolling/new/?clusters={lab.clusters[0]}")
    said = page.locator("#plan-said")

    down = page.get_by_role("button", name="Move kvm1 down")
    down.press("Enter")
    expect(said).to_have_text(re.compile(r"^kvm1 is now 2 of 3\. Plan "))
    down.press("ArrowDown")
    expect(said).to_have_text(re.compile(r"^kvm1 is now 3 of 3\. Plan "))
    down.press("ArrowDown")
    expect(said).to_have_text("kvm1 is the last already.")
    expect(down).to_be_focused()
