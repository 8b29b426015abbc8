"""Update now, choose a time, change it, give it up: what each press does, and what it says when it cannot."""

from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from dashboard.models import User
from maintenance.domain.states import RunState, Stage
from maintenance.models import AuditEntry, Payload, Run
from tests.dashboard.portal.networks import (
    Tenancy,
    add_network,
    add_vpc,
    at_stage,
    browser,
    ended,
    patch,
    publish,
)
from tests.dashboard.portal.test_cards import PORTAL, card
from tests.dashboard.told import tells


@pytest.fixture(autouse=True)
def payload(tenancy) -> Payload:
    return publish()


def press(client: Client, tenancy: Tenancy, name: str, what: str = "update", **fields: str):
    place = tenancy.id(name)
    body = {f"{field}-{place}": value for field, value in fields.items()}
    return client.post(f"{PORTAL}networks/{place}/{what}/", body, follow=True)


def in_line(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M")


def only_run() -> Run:
    return Run.objects.get()


def test_update_now_starts_a_patch_of_this_network_alone(shop, tenancy):
    answer = press(shop, tenancy, "shop-prod")

    assert answer.redirect_chain == [(f"{PORTAL}#net-{tenancy.id('shop-prod')}", 303)]
    run = only_run()
    assert (run.kind, run.started_by, run.not_before) == ("live-patch", "shop-person", None)
    assert [target.system_vm for target in run.targets.all()] == [tenancy.routers["r-shop-prod-1-VM"]]
    assert not run.forced
    assert "In line" in card(answer.text, "shop-prod")


def test_a_second_press_joins_and_says_so(shop, tenancy):
    press(shop, tenancy, "shop-prod")
    at_stage(only_run(), now=Stage.PATCH_COPY)

    answer = press(shop, tenancy, "shop-prod")

    assert Run.objects.count() == 1
    assert "An update of this network is under way already" in answer.text


def test_a_tenant_who_presses_while_operators_patch_joins_their_run(shop, tenancy):
    run = patch(tenancy, "shop-prod", actor="ada")

    answer = press(shop, tenancy, "shop-prod")

    assert only_run() == run
    assert not tells(answer.text, "ada")


def test_a_vpc_is_patched_once_for_all_its_tiers(shop, tenancy):
    add_vpc(tenancy, "shop-vpc", "shop", "web-tier", "db-tier")

    press(shop, tenancy, "shop-vpc")

    assert [target.name for target in only_run().targets.all()] == ["r-shop-vpc-1-VM"]


def test_a_tier_has_no_address_of_its_own(shop, tenancy):
    add_vpc(tenancy, "shop-vpc", "shop", "web-tier")

    answer = shop.post(f"{PORTAL}networks/{tenancy.id('web-tier')}/update/")

    assert answer.status_code == 404
    assert not Run.objects.exists()


def test_too_often_is_refused_in_words_with_the_time_to_wait(shop, tenancy):
    ended(patch(tenancy, "shop-prod", actor="shop-person"), "failed_restored")
    says = card(shop.get(PORTAL).text, "shop-prod")
    assert "Try again" in says

    answer = press(shop, tenancy, "shop-prod")

    assert "It can be updated again in 10 minutes." in answer.text
    assert Run.objects.count() == 1


def test_another_network_is_not_held_by_that_limit(shop, tenancy):
    add_network(tenancy, "shop-other", "shop")
    ended(patch(tenancy, "shop-prod", actor="shop-person"), "failed_restored")

    press(shop, tenancy, "shop-other")

    assert Run.objects.count() == 2


def test_a_refusal_repeats_nothing_that_operators_are_told(shop, tenancy):
    tenancy.routers["r-shop-prod-1-VM"].state = "Stopped"
    tenancy.routers["r-shop-prod-1-VM"].save()

    answer = press(shop, tenancy, "shop-prod")

    assert "This cannot be done just now" in answer.text
    assert "r-shop-prod" not in answer.text
    assert not Run.objects.exists()


# ---- a time ----------------------------------------------------------------------------------------------------------


def test_a_chosen_time_is_on_the_clock_of_whoever_chose_it(shop, tenancy):
    at = (timezone.now() + timedelta(days=1)).replace(second=0, microsecond=0)
    theirs = at + timedelta(minutes=330)

    answer = press(shop, tenancy, "shop-prod", "slot", at=in_line(theirs), east="330")

    assert only_run().not_before == at
    says = card(answer.text, "shop-prod")
    for part in ("Updates ", "You chose this time.", "Choose another time", "Give the time up"):
        assert part in says


def test_without_script_the_line_is_on_utc(shop, tenancy):
    at = (timezone.now() + timedelta(hours=3)).replace(second=0, microsecond=0)

    press(shop, tenancy, "shop-prod", "slot", at=in_line(at))

    assert only_run().not_before == at


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("", "Choose a time first."),
        ("tomorrow", "Give a day and a time"),
        ("2020-01-01T10:00", "That moment has passed"),
        ("2999-01-01T10:00", "Give a moment within a year."),
        ("9999-12-31T23:59", "Give a moment within a year."),
        ("0001-01-01T00:00", "That moment has passed"),
    ],
)
def test_a_line_that_is_no_time_to_come_is_refused_and_starts_nothing(shop, tenancy, typed, says):
    answer = press(shop, tenancy, "shop-prod", "slot", at=typed)

    assert says in answer.text
    assert not Run.objects.exists()


@pytest.mark.parametrize("east", ["x", "1e9", "99999999999999999999", "-99999999"])
def test_a_strange_clock_never_breaks_the_page(shop, tenancy, east):
    at = timezone.now() + timedelta(days=3)

    answer = press(shop, tenancy, "shop-prod", "slot", at=in_line(at), east=east)

    assert answer.status_code == 200


def test_a_time_can_be_changed_until_it_begins(shop, tenancy):
    first, later = (timezone.now().replace(second=0, microsecond=0) + timedelta(hours=n) for n in (2, 5))
    press(shop, tenancy, "shop-prod", "slot", at=in_line(first))

    press(shop, tenancy, "shop-prod", "slot", at=in_line(later))

    run = only_run()
    assert run.not_before == later
    entry = AuditEntry.objects.get(action="live patch: another time")
    assert entry.actor == "shop-person"


def test_a_chosen_time_can_become_now(shop, tenancy):
    press(shop, tenancy, "shop-prod", "slot", at=in_line(timezone.now() + timedelta(hours=2)))

    press(shop, tenancy, "shop-prod")

    assert only_run().not_before is None


def test_a_time_can_be_given_up_and_then_the_network_is_as_before(shop, tenancy):
    press(shop, tenancy, "shop-prod", "slot", at=in_line(timezone.now() + timedelta(hours=2)))

    answer = press(shop, tenancy, "shop-prod", "give-up")

    assert only_run().state == RunState.CANCELLED
    assert "Live Patch: update now" in card(answer.text, "shop-prod")
    assert "One update in 10 minutes" not in card(answer.text, "shop-prod")
    press(shop, tenancy, "shop-prod")
    assert Run.objects.count() == 2


def test_what_has_begun_is_not_given_up(shop, tenancy):
    press(shop, tenancy, "shop-prod")
    at_stage(only_run(), Stage.PATCH_COPY, now=Stage.PATCH_BACK_UP)

    answer = press(shop, tenancy, "shop-prod", "give-up")

    assert "It has begun: it cannot be given up any more." in answer.text
    assert only_run().state == RunState.RUNNING


def test_a_time_that_operators_chose_is_not_the_tenants_to_change(shop, tenancy):
    at = timezone.now() + timedelta(hours=2)
    run = patch(tenancy, "shop-prod", actor="ada", not_before=at)

    says = card(shop.get(PORTAL).text, "shop-prod")
    for what in ("update", "give-up"):
        press(shop, tenancy, "shop-prod", what)
    press(shop, tenancy, "shop-prod", "slot", at=in_line(at + timedelta(hours=1)))

    assert "Your operators chose this time." in says
    assert "Give the time up" not in says
    run.refresh_from_db()
    assert (run.state, run.not_before) == (RunState.QUEUED, at)


def test_another_person_of_the_account_may_change_the_time(shop, tenancy):
    press(shop, tenancy, "shop-prod", "slot", at=in_line(timezone.now() + timedelta(hours=2)))
    colleague = User.objects.create(username="colleague", role="tenant")
    membership = User.objects.get(username="shop-person").memberships.get()
    colleague.memberships.create(
        cloud=membership.cloud, domain=membership.domain, account=membership.account, made_by="ada"
    )

    answer = browser(colleague).get(PORTAL)

    assert "Chosen in your account." in card(answer.text, "shop-prod")
    assert "shop-person" not in answer.text
    press(browser(colleague), tenancy, "shop-prod", "give-up")
    assert only_run().state == RunState.CANCELLED
