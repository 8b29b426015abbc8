"""Operators restart a router: the tenant sees it as work on their network, its result, and how long it was away."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from maintenance.domain.states import RunState, Stage
from maintenance.models import Attention, Run, SystemVm, Target
from tests.dashboard.portal.networks import (
    NEW,
    add_network,
    add_vpc,
    at_stage,
    ended,
    measured,
    patch,
    publish,
    replaced,
    restart,
)
from tests.dashboard.portal.test_cards import PORTAL, card
from tests.dashboard.portal.test_work import times
from tests.dashboard.told import tells

NEVER = ("ada", "r-shop-prod", "r-new", "kvm1", "Run 1")


def page_of(shop: Client) -> str:
    page: str = shop.get(PORTAL).text
    assert not [word for word in NEVER if tells(page, word)]
    return page


def test_before_it_begins_it_is_in_line_and_nothing_can_be_pressed(shop, tenancy):
    publish()
    restart(tenancy, "shop-prod")

    says = card(page_of(shop), "shop-prod")

    assert "Restart in line" in says
    assert "Your operators restart its router" in says
    assert "Live Patch" not in says


def test_the_old_router_serves_while_the_new_one_starts_and_each_step_is_told(shop, tenancy):
    run = restart(tenancy, "shop-prod")
    at_stage(run, Stage.ROUTER_START, now=Stage.ROUTER_SWITCH)

    page = page_of(shop)

    says = card(page, "shop-prod")
    assert "Restarting 2 of 3: handing your traffic over to it" in says
    assert "The old one serves until the new one does." in says
    assert "The new router runs 6 s" in says
    assert "Your operators began to restart its router shop-prod" in times(page)
    assert "One router restart is running." in page
    assert "update is running" not in page


def test_the_serial_way_says_that_the_network_is_away(shop, tenancy):
    at_stage(restart(tenancy, "shop-prod", serial=True), Stage.ROUTER_STOP, now=Stage.ROUTER_START)

    says = card(page_of(shop), "shop-prod")

    assert "Restarting 2 of 4: starting a new router" in says
    assert "It is away until the new one runs." in says


def test_rules_that_are_set_again_replace_nothing(shop, tenancy):
    run = restart(tenancy, "shop-prod", cleanup=False)
    target = at_stage(run, now=Stage.ROUTER_REAPPLY)
    assert "nothing is replaced" in card(page_of(shop), "shop-prod")

    target.steps.update(state="Ended", outcome="ok", finished=timezone.now())
    ended(run, "reapplied")

    assert "Rules set again" in card(page_of(shop), "shop-prod")


def test_a_replaced_router_is_told_with_what_was_measured(shop, tenancy):
    publish()
    run = restart(tenancy, "shop-prod")
    target = at_stage(run, Stage.ROUTER_START, Stage.ROUTER_SWITCH, Stage.ROUTER_VERIFY)
    measured(target, 181.6)
    measured(target, 90, way="egress")
    measured(target, 0, way="load-balancer", was_down_before=True)
    replaced(tenancy, run)

    page = page_of(shop)

    says = card(page, "shop-prod")
    assert "Restarted" in says
    assert f"A new router serves it, with {NEW}." in says
    assert "Measured from outside: 182 ms without an answer." in says
    assert "Started by your operators" in says
    assert "Restarted, everything answered; 182 ms without an answer shop-prod" in times(page)


def test_a_restart_that_is_over_hides_no_update(shop, tenancy):
    publish()
    replaced(tenancy, restart(tenancy, "shop-prod"), version="4.21.0.0")

    says = card(page_of(shop), "shop-prod")

    assert re.search(r"Its router was replaced at \S+ UTC ?\.", says)
    assert "Live Patch: update now" in says


RESULTS = {
    "failed_restored": "previous router serves",
    "nothing_changed": "nothing was replaced",
    "failed_not_restored": "Being repaired",
    "unconfirmed": "Could not confirm",
}


@pytest.mark.parametrize("result", RESULTS)
def test_each_way_of_failing_has_words_of_its_own(shop, tenancy, result):
    target = ended(restart(tenancy, "shop-prod"), result)
    if result in {"failed_not_restored", "unconfirmed"}:
        needs = {"target": target, "system_vm": target.system_vm}
        Attention.objects.create(cause="restart", title="r-shop-prod-1-VM", message="on kvm1", **needs)

    says = card(page_of(shop), "shop-prod")

    assert RESULTS[result] in says
    assert not [words for other, words in RESULTS.items() if other != result and words in says]


def test_a_vpcs_routers_are_told_apart_by_their_turn(shop, tenancy):
    add_vpc(tenancy, "shop-vpc", "shop", "web-tier")
    add_network(tenancy, "twin", "shop", pair=True)
    run = restart(tenancy, "twin")
    at_stage(run, Stage.ROUTER_START, now=Stage.ROUTER_SWITCH)
    at_stage(restart(tenancy, "shop-vpc"), now=Stage.ROUTER_START)

    page = page_of(shop)

    assert "Restarting router 1 of 2, step 2 of 3" in card(page, "twin")
    assert "Restarting 1 of 3: starting a new router" in card(page, "shop-vpc")


def test_a_pair_that_is_held_after_its_first_side_failed_is_not_said_to_go_on(shop, tenancy):
    publish()
    add_network(tenancy, "twin", "shop", pair=True)
    run = patch(tenancy, "twin")
    first = at_stage(run, Stage.PATCH_COPY)
    Target.objects.filter(id=first.id).update(
        state="Failed", result="failed_restored", finished_at=timezone.now()
    )
    Run.objects.filter(id=run.id).update(state=RunState.PAUSED)

    says = card(page_of(shop), "twin")

    assert "Paused" in says
    assert "Updating" not in says
    assert "One of its routers could not be done: it is as it was before." in says


# ---- a restart instead of an update ----------------------------------------------------------------------------------


def test_an_image_that_is_too_old_needs_a_restart_whose_downtime_nobody_has_measured(shop, tenancy):
    publish(base_image="systemvm-kvm-4.22.0")

    says = card(page_of(shop), "shop-prod")

    assert "Needs a restart instead" in says
    assert "Away for a short interruption; not measured here yet" in says
    assert "ask them for a time that suits you" in says
    assert "Live Patch" not in says


def test_how_long_a_restart_takes_away_is_what_was_measured_in_the_same_way_here(shop, tenancy):
    publish(base_image="systemvm-kvm-4.22.0")
    for n, ms in enumerate((100.0, 300.0)):
        add_network(tenancy, f"bank-{n}", "bank")
        run = restart(tenancy, f"bank-{n}")
        measured(Target.objects.get(run=run), ms)
        measured(Target.objects.get(run=run), 20, way="egress")
        replaced(tenancy, run, by=f"r-new-{n}-VM")
    add_network(tenancy, "bank-slow", "bank")
    slow = restart(tenancy, "bank-slow", serial=True)
    measured(Target.objects.get(run=slow), 45_000)
    replaced(tenancy, slow, by="r-new-slow-VM")

    assert "Away for about 200 ms, as measured in 2 restarts here" in card(page_of(shop), "shop-prod")


def test_a_router_that_is_replaced_leaves_no_card_of_its_own(shop, tenancy):
    run = restart(tenancy, "shop-prod")
    replaced(tenancy, run)

    page = page_of(shop)

    assert page.count('<article class="panel netcard"') == 1
    assert SystemVm.objects.filter(account="shop", gone_at=None).count() == 1
