"""Their machines while operators work below them: before, at the start, meanwhile, at the end; and the timeline."""

import re
from datetime import timedelta

from django.utils import timezone

from maintenance.domain.states import RunState, Stage, TargetState
from maintenance.models import Instance, Run, RunPlan, SystemVm, Target
from tests.dashboard.console.runs import in_state, put_host, run_step, start_run
from tests.dashboard.portal.networks import add_machine, at_stage, ended, patch, publish
from tests.dashboard.portal.test_cards import PORTAL, card


def notes(page: str) -> list[str]:
    """What each piece of work says."""
    found = re.findall(r"<section class=\"panel note portal-note\".*?</section>", page, re.S)
    return [" ".join(re.sub(r"<[^>]+>", " ", one).replace("\xa0", " ").split()) for one in found]


def times(page: str) -> str:
    section = page.partition('class="panel portal-times"')[2]
    return " ".join(re.sub(r"<[^>]+>", " ", section).replace("\xa0", " ").split())


def elsewhere(tenancy) -> None:
    """Routers stand on hardware that nobody works on, so that only machines are touched."""
    SystemVm.objects.update(host=tenancy.inventory.hosts["kvm6"])


def before(run: Run, host: str, state: str, *machines: Instance, **columns) -> Target:
    names = [[str(machine.id), machine.name] for machine in machines]
    return put_host(run, host, state, instances_before=names, **columns)


def test_planned_work_says_which_machines_will_move_and_when_it_begins(shop, tenancy):
    elsewhere(tenancy)
    add_machine(tenancy, "web-1", "shop")
    add_machine(tenancy, "web-2", "bank")
    start_run(tenancy.inventory, "c1", not_before=timezone.now() + timedelta(hours=3))

    page = shop.get(PORTAL).text

    [says] = notes(page)
    assert "Planned work touches" in says
    assert "begins about" in says
    assert "web-1 will move" in says
    assert "web-2" not in page
    assert "Planned: work on the hardware begins" in times(page)


def test_while_a_host_is_emptied_each_machine_says_where_it_is_on_its_way(shop, tenancy):
    elsewhere(tenancy)
    moved, moving, stays = (add_machine(tenancy, name, "shop") for name in ("moved-1", "moving-1", "next-1"))
    run = in_state(start_run(tenancy.inventory, "c1"), RunState.RUNNING)
    before(run, "kvm1", TargetState.DRAINING, moved, moving, stays)
    Instance.objects.filter(id=moved.id).update(host=tenancy.inventory.hosts["kvm6"])
    Instance.objects.filter(id=moving.id).update(state="Migrating")

    [says] = notes(shop.get(PORTAL).text)

    assert "Work touches" in says
    assert re.search(r"moved-1 moved At \S+ UTC ?; it runs\.", says)
    assert "moving-1 moving It keeps running while it moves." in says
    assert "next-1 about to move" in says


def test_a_machine_that_moved_twice_or_came_back_is_told_once(shop, tenancy):
    elsewhere(tenancy)
    back, again = (add_machine(tenancy, name, "shop", host="kvm2") for name in ("back-1", "again-1"))
    run = in_state(start_run(tenancy.inventory, "c1"), RunState.RUNNING)
    now = timezone.now()
    before(run, "kvm2", TargetState.DONE, back, again, finished_at=now, out_at=now)
    before(run, "kvm1", TargetState.DONE, back, finished_at=now, out_at=now)
    Instance.objects.filter(id=again.id).update(host=tenancy.inventory.hosts["kvm3"])
    before(run, "kvm3", TargetState.DRAINING, again)

    [says] = notes(shop.get(PORTAL).text)

    assert says.count("back-1") == says.count("again-1") == 1
    assert "back-1 moved" in says
    assert "untouched" not in says
    assert "again-1 moves again It keeps running while it moves." in says


def test_a_machine_that_the_plan_cannot_move_will_be_stopped_and_says_that_nothing_was_done_yet(
    shop, tenancy
):
    elsewhere(tenancy)
    add_machine(tenancy, "local-1", "shop")
    run = start_run(tenancy.inventory, "c1")
    kvm1 = str(tenancy.inventory.hosts["kvm1"].id)
    RunPlan.objects.filter(run=run).delete()
    lines = [{"host": kvm1, "stuck": [["local-1", "local storage on kvm1"]]}]
    RunPlan.objects.create(run=run, computed_at=timezone.now(), lines=lines)

    page = shop.get(PORTAL).text

    [says] = notes(page)
    assert "local-1 will be stopped It cannot move while it runs. Nothing was done to it yet" in says
    assert "kvm1" not in page


def test_a_machine_that_does_not_run_after_it_left_is_told_as_that(shop, tenancy):
    elsewhere(tenancy)
    lost = add_machine(tenancy, "lost-1", "shop")
    run = in_state(start_run(tenancy.inventory, "c1"), RunState.RUNNING)
    before(run, "kvm1", TargetState.WORKING, lost)
    Instance.objects.filter(id=lost.id).update(state="Stopped")

    [says] = notes(shop.get(PORTAL).text)

    assert "lost-1 does not run It ran before this work." in says


def test_a_machine_that_its_owner_stopped_after_the_work_is_no_alarm(shop, tenancy):
    elsewhere(tenancy)
    mine = add_machine(tenancy, "web-1", "shop")
    run = in_state(start_run(tenancy.inventory, "c1"), RunState.RUNNING)
    before(run, "kvm1", TargetState.DONE, mine, finished_at=timezone.now() - timedelta(hours=1))
    Instance.objects.filter(id=mine.id).update(state="Stopped", changed_at=timezone.now())

    says = " ".join(notes(shop.get(PORTAL).text))

    assert "web-1 stopped since It ran when the work ended." in says
    assert "does not run" not in says


def test_a_machine_on_hardware_that_was_passed_by_is_untouched(shop, tenancy):
    elsewhere(tenancy)
    mine = add_machine(tenancy, "web-1", "shop")
    run = in_state(start_run(tenancy.inventory, "c1"), RunState.RUNNING)
    before(run, "kvm1", TargetState.SKIPPED, mine)

    says = " ".join(notes(shop.get(PORTAL).text))

    assert "web-1 untouched It stayed where it is." in says


def test_the_end_of_the_work_is_told_for_a_day_and_then_no_more(shop, tenancy):
    elsewhere(tenancy)
    mine = add_machine(tenancy, "web-1", "shop")
    run = start_run(tenancy.inventory, "c1")
    target = before(run, "kvm1", TargetState.DONE, mine, is_open=False)
    Target.objects.filter(run=run).exclude(id=target.id).delete()
    Instance.objects.filter(host=target.host).update(host=tenancy.inventory.hosts["kvm6"])
    in_state(run, RunState.SUCCEEDED, finished_at=timezone.now())

    page = shop.get(PORTAL).text
    assert "Work below 1 machine of yours is over" in " ".join(notes(page))
    assert "Work on the hardware ended" in times(page)

    Target.objects.filter(id=target.id).update(finished_at=timezone.now() - timedelta(hours=25))
    assert not notes(shop.get(PORTAL).text)


def test_work_below_a_router_alone_is_told_too(shop, tenancy):
    SystemVm.objects.filter(account="shop").update(host=tenancy.inventory.hosts["kvm5"])
    Instance.objects.filter(account="shop").update(account="nobody")
    start_run(tenancy.inventory, "c2")

    [says] = notes(shop.get(PORTAL).text)

    assert "Work on the hardware below your networks" in says
    assert "The routers of these networks move, too, and go on serving: shop-prod." in says


def test_a_network_below_which_operators_work_waits_and_says_until_when(shop, tenancy):
    publish()
    for n in range(3):  # how long such work takes is learned
        past = start_run(tenancy.inventory, "c1")
        target = put_host(past, "kvm2", TargetState.DONE)
        now = timezone.now()
        for stage in (Stage.DRAIN, Stage.MAINTENANCE, Stage.RETURN):
            target.steps.create(
                run=past,
                stage=stage,
                state="Ended",
                outcome="ok",
                started=now - timedelta(minutes=10 + n),
                finished=now,
            )
        Target.objects.filter(run=past).update(is_open=False)
        in_state(past, RunState.SUCCEEDED)
    run = in_state(start_run(tenancy.inventory, "c1"), RunState.RUNNING)
    run_step(put_host(run, "kvm1", TargetState.WORKING), Stage.MAINTENANCE)

    says = card(shop.get(PORTAL).text, "shop-prod")

    assert "Waiting until about" in says
    assert "Your operators work on the hardware below this network. Nothing is wrong." in says
    assert "Not while your operators work on the hardware below it." in says


def test_the_timeline_tells_an_update_before_at_its_start_and_at_its_end(shop, tenancy):
    publish()
    run = patch(tenancy, "shop-prod", actor="shop-person", not_before=timezone.now() + timedelta(hours=1))
    assert "Planned: the update begins shop-prod" in times(shop.get(PORTAL).text)

    at_stage(run, Stage.PATCH_COPY, now=Stage.PATCH_BACK_UP)
    assert "The update began shop-prod" in times(shop.get(PORTAL).text)

    run.steps.filter(state="Running").update(state="Ended", outcome="ok", finished=timezone.now())
    ended(run, "patched")
    told = times(shop.get(PORTAL).text)
    assert told.index("Updated, everything answered") < told.index("The update began")
