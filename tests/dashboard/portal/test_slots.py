"""A time that a tenant chose: operators' work on the hardware comes first, and a fleet's patch leaves it alone."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from maintenance.actions import Conflict
from maintenance.actions.live_patches import PatchRequest, start_live_patch
from maintenance.domain.states import RunState, Stage, TargetState
from maintenance.engine.advance import advance, lock_run
from maintenance.engine.sweep import begin_queued_runs
from maintenance.feed import unit_of_work
from maintenance.models import Run, Step, Target
from tests.dashboard.console.runs import in_state, put_host, start_run
from tests.dashboard.portal.networks import add_network, at_stage, patch, publish, restart
from tests.dashboard.portal.test_cards import PORTAL, card


@pytest.fixture(autouse=True)
def payload(tenancy):
    return publish()


def looked_at_again(run: Run) -> None:
    with unit_of_work("engine") as work:
        advance(work, lock_run(run.id))


def test_a_chosen_time_within_operators_work_waits_for_its_end_says_so_and_begins_then(shop, tenancy):
    run = patch(tenancy, "shop-prod", actor="shop-person", not_before=timezone.now() + timedelta(hours=1))
    work = put_host(
        in_state(start_run(tenancy.inventory, "c1"), RunState.RUNNING), "kvm1", TargetState.DRAINING
    )
    Run.objects.filter(id=run.id).update(not_before=timezone.now() - timedelta(seconds=1))

    begin_queued_runs()
    looked_at_again(run)

    assert not Step.objects.filter(run=run).exists()
    says = card(shop.get(PORTAL).text, "shop-prod")
    assert "Your operators work on the hardware below this network." in says
    assert "It starts by itself when they are done" in says

    Target.objects.filter(id=work.id).update(state=TargetState.DONE)
    looked_at_again(run)

    assert Step.objects.get(run=run).stage == Stage.PATCH_COPY


def test_of_a_pair_neither_side_begins_while_operators_work_below_one(tenancy):
    add_network(tenancy, "twin", "shop", pair=True)
    side = tenancy.routers["r-twin-1-VM"]
    side.host = tenancy.inventory.hosts["kvm2"]
    side.save()
    put_host(in_state(start_run(tenancy.inventory, "c1"), RunState.RUNNING), "kvm2", TargetState.WORKING)
    run = patch(tenancy, "shop-prod")
    # Started before that work began.
    Target.objects.filter(host__name="kvm2").update(state=TargetState.WAITING)
    twin = patch(tenancy, "twin")
    Target.objects.filter(host__name="kvm2").update(state=TargetState.WORKING)

    begin_queued_runs()

    assert not Step.objects.filter(run=twin).exists()
    assert Step.objects.filter(run=run).exists()


def test_a_fleets_patch_passes_by_what_has_a_chosen_time_and_says_which(tenancy):
    at = timezone.now() + timedelta(hours=3)
    slot = patch(tenancy, "shop-prod", actor="shop-person", not_before=at)
    add_network(tenancy, "bank-other", "bank")
    at_stage(patch(tenancy, "bank-prod"), now=Stage.PATCH_COPY)
    add_network(tenancy, "bank-third", "bank")
    restart(tenancy, "bank-third")

    run = start_live_patch(PatchRequest(all_outdated=True), actor="ada").run

    left = dict(run.targets.filter(state=TargetState.SKIPPED).values_list("name", "detail"))
    assert left["r-shop-prod-1-VM"] == (
        f"shop-person chose {at:%Y-%m-%d %H:%M} UTC for it: run {slot.number} patches it then"
    )
    assert "has it already" in left["r-bank-prod-1-VM"]
    assert "restarts the routers of its network" in left["r-bank-third-1-VM"]
    assert [t.name for t in run.targets.exclude(state=TargetState.SKIPPED)] == ["r-bank-other-1-VM"]
    slot.refresh_from_db()
    assert (slot.state, slot.not_before) == (RunState.QUEUED, at)


def test_an_operator_who_wants_it_now_is_not_given_the_time_that_a_tenant_chose(tenancy):
    at = timezone.now() + timedelta(hours=3)
    slot = patch(tenancy, "shop-prod", actor="shop-person", not_before=at)
    request = PatchRequest(network_ids=(tenancy.id("shop-prod"),))

    with pytest.raises(Conflict, match=f"shop-person chose .* run {slot.number}; cancel that one first"):
        start_live_patch(request, actor="ada")

    same = start_live_patch(replace(request, not_before=at), actor="ada")
    assert (same.run, same.joined) == (slot, True)


def test_a_second_press_of_the_fleets_button_joins_the_first(tenancy):
    zone = tenancy.inventory.zone.id
    first = start_live_patch(PatchRequest(zone_ids=(zone,)), actor="ada")

    again = start_live_patch(PatchRequest(zone_ids=(zone,)), actor="bob")

    assert (again.run, again.joined) == (first.run, True)


def test_a_fleet_of_which_everything_has_its_time_patches_nothing_and_joins_nobodys(tenancy):
    for name in ("shop-prod", "bank-prod"):
        patch(tenancy, name, not_before=timezone.now() + timedelta(hours=3))

    with pytest.raises(Conflict, match="UTC for it"):
        start_live_patch(PatchRequest(all_outdated=True), actor="ada")
