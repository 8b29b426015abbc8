"""The tenant's own page in a real browser: one presses, watches, chooses a time; nothing is pressed by accident."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext, Page, expect

from maintenance.domain.states import RunState, Stage
from maintenance.engine.advance import about_target
from maintenance.feed import unit_of_work
from maintenance.models import Run
from tests.browser.conftest import let_in
from tests.browser.test_every_page import RUN_AXE, flaws, with_axe
from tests.dashboard.portal.networks import (
    Tenancy,
    add_network,
    at_stage,
    ended,
    make_tenancy,
    patch,
    publish,
)

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(60),
]

ZONE = "Asia/Kolkata"  # half an hour off every full one


@pytest.fixture
def tenancy(transactional_db) -> Tenancy:
    made = make_tenancy()
    publish()
    # What was read stays known, however slow the test is.
    made.inventory.cloud.unknown_s = 3600
    made.inventory.cloud.save()
    return made


@pytest.fixture
def my_page(
    browser: Browser, lone_web, tenancy: Tenancy, complaints: list[str]
) -> Iterator[Callable[..., Page]]:
    contexts: list[BrowserContext] = []

    def opened(account: str = "shop", **options: Any) -> Page:
        context = browser.new_context(
            base_url=lone_web.url, timezone_id=ZONE, reduced_motion="reduce", **options
        )
        contexts.append(context)
        let_in(context, lone_web.url, tenancy.person(account))
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
        page.goto("/my/")
        return page

    yield opened
    for context in contexts:
        context.close()


def card(page: Page, tenancy: Tenancy, name: str = "shop-prod"):
    return page.locator(f"#net-{tenancy.id(name)}")


def test_a_tenant_presses_twice_and_watches_the_steps_to_the_truth(my_page, tenancy):
    page, other = my_page(), my_page("bank")
    expect(page.locator("#trust")).to_contain_text("Live")
    mine = card(page, tenancy)

    mine.get_by_text("Live Patch: update now").click()
    mine.get_by_role("button", name="Start the update").click()
    expect(mine).to_contain_text("In line")

    run = Run.objects.get()
    target = at_stage(run, Stage.PATCH_COPY, now=Stage.PATCH_BACK_UP)
    with unit_of_work("engine") as work:
        work.event("step.started", about_target(target))
    expect(mine).to_contain_text("Updating 2 of 5")

    target.steps.filter(state="Running").update(state="Ended", outcome="ok", finished=timezone.now())
    ended(run, "failed_restored", failed=Stage.PATCH_RESTART, detail="dnsmasq does not run")
    with unit_of_work("engine") as work:
        work.event("target.state", about_target(target))
    expect(mine).to_contain_text("The previous version is back.")
    expect(mine).to_contain_text("Did not start with the new version: DNS and DHCP.")
    expect(other.locator("main")).not_to_contain_text("shop")


def test_a_time_is_chosen_on_the_readers_own_clock(my_page, tenancy):
    page = my_page()
    mine = card(page, tenancy)
    mine.get_by_text("Choose a time").click()
    expect(mine.locator("[data-zone]")).to_have_text(re.compile("Asia/"))  # it has two names
    day = f"{timezone.now().year + (timezone.now().month == 12)}-12-31"

    mine.locator('input[type="datetime-local"]').fill(f"{day}T22:00")
    mine.get_by_role("button", name="Update at this time").click()

    expect(mine).to_contain_text("You chose this time.")
    expect(mine).to_contain_text("22:00")
    chosen = Run.objects.get().not_before
    assert chosen == datetime.fromisoformat(f"{day}T22:00").replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)

    mine.get_by_role("button", name="Give the time up").click()
    expect(mine.get_by_text("Live Patch: update now")).to_be_visible()
    assert Run.objects.get().state == RunState.CANCELLED


def test_enter_in_the_line_of_one_network_presses_nothing_of_another(my_page, tenancy):
    add_network(tenancy, "a-first", "shop")
    page = my_page()
    mine = card(page, tenancy)
    mine.get_by_text("Choose a time").click()

    mine.locator('input[type="datetime-local"]').press("Enter")
    expect(page.get_by_text("Choose a time first.")).to_be_visible()  # the line's own button: it is empty

    plain = my_page(java_script_enabled=False)
    card(plain, tenancy).get_by_text("Choose a time").click()
    card(plain, tenancy).locator('input[type="datetime-local"]').press("Enter")
    expect(plain.get_by_text("Nothing was pressed")).to_be_visible()
    assert not [run.scope_words for run in Run.objects.all()]


def test_an_open_question_and_what_is_typed_outlive_what_is_pushed(my_page, tenancy):
    add_network(tenancy, "other", "shop")
    page = my_page()
    expect(page.locator("#trust")).to_contain_text("Live")
    mine = card(page, tenancy)
    mine.get_by_text("Choose a time").click()
    mine.locator('input[type="datetime-local"]').fill("2030-01-02T03:04")

    patch(tenancy, "other")

    expect(card(page, tenancy, "other")).to_contain_text("In line")
    expect(mine.locator('input[type="datetime-local"]')).to_have_value("2030-01-02T03:04")
    expect(mine.locator('input[type="datetime-local"]')).to_be_visible()


def test_without_script_a_tenant_reads_presses_and_chooses(my_page, tenancy):
    page = my_page(java_script_enabled=False)
    mine = card(page, tenancy)
    mine.get_by_text("Choose a time").click()
    mine.locator('input[type="datetime-local"]').fill(f"{timezone.now().year + 1}-01-02T03:04")
    mine.get_by_role("button", name="Update at this time").click()
    assert Run.objects.get().not_before == datetime(timezone.now().year + 1, 1, 2, 3, 4, tzinfo=UTC)

    mine.get_by_text("Update now instead").click()
    mine.get_by_role("button", name="Start the update now").click()

    expect(mine).to_contain_text("In line")


def test_it_is_for_everybody_with_its_questions_open_too(my_page, tenancy):
    for n, result in enumerate(("patched", "failed_restored", "unconfirmed", "nothing_changed")):
        add_network(tenancy, f"net-{n}", "shop")
        ended(patch(tenancy, f"net-{n}"), result)
    add_network(tenancy, "x" * 63, "shop", pair=True)
    add_network(tenancy, "لشبكة 🚀", "shop", template_version="4.13.0")
    at_stage(patch(tenancy, "x" * 63), Stage.PATCH_COPY, now=Stage.PATCH_BACK_UP)
    page = with_axe(my_page())

    assert list(flaws(page, "/my/")) == []
    for scheme in ("dark", "light"):
        page.emulate_media(color_scheme=scheme)
        for question in ("Live Patch: update now", "Choose a time"):
            card(page, tenancy).get_by_text(question).click()
            assert page.evaluate(RUN_AXE) == [], f"{question}, {scheme}"
