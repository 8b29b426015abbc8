"""A page says how old what it shows is, offers nothing while it cannot know, and catches up by itself."""

import re
import signal
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from maintenance.backends.lab import models as lab_models
from maintenance.models import Cloud

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]

AT_LATEST_MS = 10_000
SOON_MS = 25_000
NOT_LIVE = re.compile(r"Not live since \d\d:\d\d:\d\d\.")


def change(lab, host: str, **columns: str) -> None:
    """The cloud lists the host otherwise, and is read."""
    lab_models.Host.objects.filter(name=host).update(**columns)
    lab.read()


def is_live(page: Page) -> None:
    expect(page.locator("[data-trust=word]")).to_have_text(re.compile("^Live"), timeout=SOON_MS)


def says_it_is_not_live(page: Page) -> None:
    expect(page.locator("#banner")).to_contain_text(NOT_LIVE, timeout=AT_LATEST_MS)
    expect(page.locator("[data-trust=word]")).to_contain_text("Not live")


def test_while_web_is_dead_a_page_says_so_its_buttons_wait_and_it_catches_up(lab, web, open_page):
    page = open_page(f"/hosts/{lab.hosts['kvm1']}/")
    button = page.locator("#main button[formaction]").first
    is_live(page)
    expect(button).to_be_enabled()
    page.evaluate("window.loadedOnce = true")

    web.kill9()
    says_it_is_not_live(page)
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("data-not-live", "waits: not live")
    expect(page.locator("#main .not-live").first).to_contain_text("this page is not live")
    for kernel in ("6.9.1", "6.9.2", "6.9.3"):
        change(lab, "kvm1", kernel_version=kernel)
    web.start()

    expect(page.locator("[data-trust=note]")).to_have_text("Caught up, 3 changes.", timeout=SOON_MS)
    expect(page.locator("#host-head")).to_contain_text("6.9.3")
    is_live(page)
    expect(button).to_be_enabled()
    expect(page.locator("#banner")).to_be_hidden()
    assert page.evaluate("window.loadedOnce")


def test_a_web_process_that_hangs_is_noticed_as_soon_as_one_that_is_dead(lab, web, open_page):
    """Its sockets stay open: only the missing heartbeat tells."""
    page = open_page("/")
    is_live(page)

    with web.sent(signal.SIGSTOP, signal.SIGCONT):
        says_it_is_not_live(page)

    is_live(page)
    expect(page.locator("#banner")).to_be_hidden()


def test_nothing_that_changed_meanwhile_is_said_too(lab, web, open_page):
    page = open_page("/hosts/")
    is_live(page)

    web.kill9()
    says_it_is_not_live(page)
    web.start()

    expect(page.locator("[data-trust=note]")).to_have_text("Caught up, nothing had changed.", timeout=SOON_MS)


def test_three_ages_stand_in_the_corner_this_page_the_reading_and_the_cloud_s_own_list(lab, web, open_page):
    now = timezone.now()
    Cloud.objects.update(read_at=now - timedelta(seconds=20), as_of=now - timedelta(minutes=2), unknown_s=600)

    page = open_page("/")

    is_live(page)
    expect(page.locator("[data-trust=page]")).to_have_text(re.compile(r"^\d\ss\sold$"))
    expect(page.locator("#trust [data-read]")).to_have_text(re.compile(r"^read\s[2-5]\d\ss\sago$"))
    expect(page.locator("#trust [data-listing]")).to_have_text(re.compile(r"^its list 2\sm\s\d\d\ss\sold$"))


def test_a_cloud_that_is_not_read_any_more_makes_its_hosts_unknown_on_open_pages(lab, web, open_page):
    Cloud.objects.update(unknown_s=600)
    page = open_page("/hosts/")
    row = page.locator(f"#host-row-{lab.hosts['kvm1']}")
    is_live(page)
    expect(row).not_to_contain_text("Unknown")

    Cloud.objects.update(read_at=timezone.now() - timedelta(hours=1))

    expect(page.locator("[data-trust=word]")).to_have_text(
        re.compile(r"^Live, lab not read for 1\sh"), timeout=AT_LATEST_MS
    )
    expect(row).to_contain_text("Unknown", timeout=AT_LATEST_MS)
    expect(page.locator("[data-trust=page]")).to_have_text(
        re.compile(r"^\d\ss\sold$")
    )  # its own, not the cloud's


def test_what_nothing_has_touched_tells_the_age_of_the_newest_reading(lab, web, open_page):
    page = open_page("/")
    is_live(page)
    compared = page.locator("#overview-verdict time[data-reading]")
    listed = page.locator("#overview-verdict time[data-listing]")
    before = compared.get_attribute("datetime"), listed.get_attribute("datetime")

    lab.read()

    cloud = Cloud.objects.get()
    assert cloud.read_at
    assert cloud.as_of
    for element, moment, was in zip((compared, listed), (cloud.read_at, cloud.as_of), before, strict=True):
        # A heartbeat tells ages; the moment is counted back from it, here and there.
        near = [(moment + timedelta(seconds=s)).strftime("%Y-%m-%dT%H:%M:%S") for s in (-1, 0, 1)]
        expect(element).to_have_attribute("datetime", re.compile("|".join(near)), timeout=SOON_MS)
        assert element.get_attribute("datetime") != was
