"""Settings as people use them: somebody new logs in, a limit is changed by keyboard, somebody is put out."""

import pytest
from playwright.sync_api import expect

from dashboard.models import User
from maintenance.limits import MAX_UNAVAILABLE, STAGE_TIMEOUT_S
from tests.browser.conftest import PASSWORD
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]
OWN = "a password of their own"


def test_somebody_new_logs_in_with_the_first_password_and_chooses_their_own(open_page, browser, web):
    administrator = open_page("/settings/people/new/", who="administrator")
    administrator.get_by_label("User name").fill("grace")
    administrator.get_by_label("Role").select_option("operator")
    administrator.get_by_role("button", name="Make this person").click()
    first = administrator.locator("#secret").inner_text()

    context = browser.new_context(base_url=web.url)
    grace = context.new_page()
    grace.goto("/hosts/")
    grace.get_by_label("User").fill("grace")
    grace.get_by_label("Password").fill(first)
    grace.get_by_role("button", name="Log in").click()
    expect(grace.get_by_role("heading", name="Choose a password of your own")).to_be_visible()
    grace.goto("/hosts/")
    expect(grace.get_by_role("heading", name="Choose a password of your own")).to_be_visible()
    grace.get_by_label("The password you were given").fill(first)
    grace.get_by_label("The new one", exact=True).fill(OWN)
    grace.get_by_label("The new one again").fill(OWN)
    grace.get_by_role("button", name="Change it").click()

    expect(grace.get_by_role("heading", level=1)).to_contain_text("grace")
    grace.goto("/hosts/")
    expect(grace.locator("#main")).to_contain_text("kvm1")
    context.close()
    assert User.objects.get(username="grace").check_password(OWN)


def test_a_limit_is_changed_by_keyboard_and_what_cannot_hold_is_said_beside_it(open_page):
    page = open_page("/settings/limits/", who="administrator")
    keyboard = page.keyboard

    page.get_by_role("textbox", name="Hosts out of service at once").focus()
    keyboard.type("0")
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.type("soon")
    keyboard.press("Enter")
    expect(page.locator("#max_unavailable-error")).to_contain_text("1 to 1,000")
    expect(page.locator("#timeout_s-error")).to_contain_text("no length of time")

    page.get_by_role("textbox", name="Hosts out of service at once").focus()
    keyboard.press("Control+A")
    keyboard.type("2")
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.type("20 min")
    keyboard.press("Enter")

    expect(page.locator("#settings-limits")).to_contain_text("20 m 00 s")
    assert (MAX_UNAVAILABLE.now(), STAGE_TIMEOUT_S.now()) == (2, 1200)
    page.goto("/rolling/new/")
    expect(page.get_by_label("Hosts out per cluster")).to_have_value("2")


def test_the_open_page_of_somebody_who_is_put_out_says_so(open_page, people):
    theirs = open_page("/hosts/", who="operator")
    expect(theirs.locator("#trust")).to_contain_text("Live")
    key = people["operator"].key
    administrator = open_page(f"/settings/people/{key}/", who="administrator")

    administrator.get_by_text("Deactivate…").click()
    administrator.get_by_role("button", name="Deactivate operator").click()

    expect(theirs.get_by_text("Your account has been deactivated.")).to_be_visible(timeout=8_000)
    wait_until(lambda: not User.objects.get(username="operator").is_active, within_s=5)
    theirs.reload()
    expect(theirs.get_by_role("heading", name="Log in")).to_be_visible()
    theirs.get_by_label("User").fill("operator")
    theirs.get_by_label("Password").fill(PASSWORD)
    theirs.get_by_role("button", name="Log in").click()
    expect(theirs.get_by_text("do not belong together")).to_be_visible()
