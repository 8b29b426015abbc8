"""The tab tells the state, times are the reader's, and nothing moves for who wants nothing to move."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from maintenance.models import Cloud, EngineProcess, Run
from tests.browser.test_live_honesty import AT_LATEST_MS, is_live

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]

MOVES = """() => document.getAnimations().length + [...document.querySelectorAll("*")].filter((e) =>
  ["", "::before", "::after"].some((of) => parseFloat(getComputedStyle(e, of).transitionDuration) > 0)).length"""


@pytest.fixture
def an_engine(lab) -> None:
    """One that answers; what it has read counts for ten minutes."""
    Cloud.objects.update(unknown_s=600)
    seen_at = timezone.now() + timedelta(days=1)
    EngineProcess.objects.create(host_name="engines-1", pid=1, version="0", seen_at=seen_at)


def shows(page: Page, title: str, icon: str) -> None:
    expect(page).to_have_title(title, timeout=AT_LATEST_MS)
    expect(page.locator("#favicon")).to_have_attribute("href", re.compile(rf"/favicon{icon}(\.\w+)?\.svg$"))


def test_title_and_icon_tell_live_how_many_things_need_a_person_and_when_the_page_is_not_live(
    lab, an_engine, web, open_page
):
    page = open_page("/hosts/")
    is_live(page)
    shows(page, "Hosts · Pitstop", "")

    far = Cloud.objects.create(name="far", kind="lab", read_error="connection refused")
    shows(page, "! 1 needs you – Pitstop · Hosts", "-paused")
    Cloud.objects.filter(name="lab").update(read_at=timezone.now() - timedelta(hours=1))
    shows(page, "! 2 need you – Pitstop · Hosts", "-paused")
    page.reload()
    shows(page, "! 2 need you – Pitstop · Hosts", "-paused")
    far.delete()
    lab.read()
    shows(page, "Hosts · Pitstop", "")

    web.kill9()
    shows(page, "? not live – Pitstop · Hosts", "-unknown")


@pytest.mark.parametrize(("zone", "clock"), [("Asia/Kolkata", "18:04:05"), ("America/New_York", "07:34:05")])
def test_times_are_the_readers(lab, web, open_page, zone, clock):
    run = lab.start(reason="before")
    Run.objects.update(created_at=datetime(2026, 1, 20, 12, 34, 5, tzinfo=UTC))

    page = open_page(f"/rolling/{run.id}/", timezone=zone)

    time = page.locator("main time[datetime^='2026-01-20T12:34:05']").first
    expect(time).to_have_attribute("title", re.compile(rf"20 January 2026 at {clock}"))
    expect(time).to_contain_text(clock[:5])


def test_days_are_the_readers_too_and_keep_their_zone_in_the_address(lab, web, open_page):
    run = lab.start(hosts=["kvm1"])
    Run.objects.filter(id=run.id).update(
        created_at=datetime(2026, 11, 21, 18, tzinfo=UTC)
    )  # there it is the 22nd
    page = open_page("/rolling/", timezone="Pacific/Kiritimati")
    expect(page.locator("label[for=since]")).to_contain_text("Pacific/Kiritimati")

    page.locator("#since").fill("2026-11-22")

    page.wait_for_url(re.compile(r"since=2026-11-22.*zone=Pacific%2FKiritimati"))
    expect(page.locator("#run-list tbody tr")).to_have_count(1)
    page.reload()
    expect(page.locator("#run-list tbody tr")).to_have_count(1)


def test_nothing_moves_for_a_reader_who_wants_that(lab, web, open_page):
    still, moving = open_page("/"), open_page("/", motion="no-preference")
    for page in (still, moving):
        is_live(page)

    assert still.evaluate(MOVES) == 0
    assert moving.evaluate(MOVES) > 0
