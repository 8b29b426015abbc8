"""Starting a restart of routers: one run over the networks and VPCs that share a way."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from maintenance.actions.errors import BadInput, Conflict
from maintenance.actions.in_the_way import restart_in_the_way
from maintenance.actions.live_patches import ZONES_AT_ONCE, group_of
from maintenance.actions.router_plans import (
    Place,
    RestartPlan,
    RestartRequest,
    places_of,
    plan_router_restart,
    plans_of,
)
from maintenance.actions.run_numbers import next_run_number
from maintenance.actions.server_offers import refuse_when_all_blocked
from maintenance.domain.router_restart import RestartWay
from maintenance.domain.states import RUN_ACTIVE, RunKind, RunState
from maintenance.engine.advance import about_run, about_target
from maintenance.feed import UnitOfWork, unit_of_work
from maintenance.limits import DRAIN_TIMEOUT_S, STAGE_TIMEOUT_S
from maintenance.models import Cloud, Run, Target

__all__ = ["RestartPlan", "RestartRequest", "RestartStarted", "plan_router_restart", "start_router_restart"]


@dataclass(frozen=True, slots=True)
class RestartStarted:
    """The run that restarts. `joined`: it was there already, of the same networks and in the same way."""

    run: Run
    joined: bool = False


def start_router_restart(request: RestartRequest, *, actor: str, request_id: str = "") -> RestartStarted:
    """A queued run over the routers of the networks, the backup side of a pair first; one way for all of them.

    Raises: BadInput; NotFound naming the id; Conflict with the reason of each that cannot be restarted, with the run
    that has a router of theirs, or when they would be restarted in several ways; AllBlocked.
    """
    request.check()
    with unit_of_work(actor, request_id=request_id) as work:
        places = places_of(request)
        cloud = _one_cloud(places)
        Cloud.objects.select_for_update(no_key=True).get(id=cloud.id)  # starts are decided one after another
        if running := _same_restart(request, places):
            return RestartStarted(running, joined=True)
        plans = plans_of(request, places)
        _refuse(plans)
        restart_in_the_way(cloud)
        refuse_when_all_blocked(cloud)
        run = _make_run(request, cloud, plans, actor)
        _make_targets(run, plans)
        _tell(work, run, request)
        return RestartStarted(run)


def _one_cloud(places: Sequence[Place]) -> Cloud:
    if len({place.cloud_id for place in places}) > 1:
        raise BadInput("the networks belong to several clouds; restart one cloud at a time", field="networks")
    return places[0].cloud


def _same_restart(request: RestartRequest, places: Sequence[Place]) -> Run | None:
    """The active restart of all of these in the way that is asked for: a second click joins it."""
    keys = {place.id for place in places}
    targets = Target.objects.filter(group__in=keys, is_open=True, run__state__in=RUN_ACTIVE)
    taken = list(targets.filter(run__kind=RunKind.ROUTER_RESTART).select_related("run"))
    if not taken or {target.group for target in taken} != keys or len({t.run_id for t in taken}) > 1:
        return None
    run = taken[0].run
    asked = (request.cleanup, request.serial, request.makes_redundant)
    given = (run.way != RestartWay.REAPPLY, run.way == RestartWay.SERIAL, run.makes_redundant)
    return run if asked == given else None


def _refuse(plans: Sequence[RestartPlan]) -> None:
    """Raises: Conflict."""
    refused = [plan for plan in plans if plan.refused]
    if refused:
        named = "; ".join(f"{plan.place_name}: {plan.refused}" for plan in refused[:5])
        raise Conflict(
            f"cannot be restarted: {named}",
            owner=next((plan.owner for plan in refused if plan.owner is not None), None),
            items=[
                {"id": str(plan.place_id), "name": plan.place_name, "reason": plan.refused}
                for plan in refused[:50]
            ],
        )
    ways = {plan.chosen.way for plan in plans}
    if len(ways) > 1:
        named = "; ".join(
            f"{way}: {', '.join(plan.place_name for plan in plans if plan.chosen.way is way)}"
            for way in RestartWay
            if way in ways
        )
        raise Conflict(
            f"they would be restarted in several ways; start a run for each ({named})",
            items=[
                {"id": str(plan.place_id), "name": plan.place_name, "reason": str(plan.chosen.way)}
                for plan in plans[:50]
            ],
        )


def _make_run(request: RestartRequest, cloud: Cloud, plans: Sequence[RestartPlan], actor: str) -> Run:
    names = ", ".join(plan.place_name for plan in plans[:20])
    more = f" and {len(plans) - 20} more" if len(plans) > 20 else ""
    vpcs = [plan.place_id for plan in plans if plan.is_vpc]
    words = {plan.place_name: plan.chosen.words for plan in plans if plan.chosen.words}
    run = Run(
        number=next_run_number(),
        kind=RunKind.ROUTER_RESTART,
        cloud=cloud,
        state=RunState.QUEUED,
        scope_kind="vpcs" if len(vpcs) == len(plans) else "networks",
        scope_ids=[plan.place_id for plan in plans],
        scope_words=f"{names}{more}"[:500],
        timeout_s=STAGE_TIMEOUT_S.now(),
        drain_timeout_s=DRAIN_TIMEOUT_S.now(),
        max_unavailable=request.per_zone,
        clusters_in_parallel=ZONES_AT_ONCE,
        on_failure=request.on_failure,
        soak_s=request.soak_s,
        way=plans[0].chosen.way,
        way_words=_way_words(words, alone=len(plans) == 1),
        makes_redundant=request.makes_redundant,
        started_by=actor,
        reason=request.reason,
        ticket=request.ticket,
    )
    run.save(force_insert=True)
    run.refresh_from_db(fields=["created_at"])
    return run


def _way_words(words: Mapping[str, str], *, alone: bool) -> str:
    """Why it is not the way that one would expect, of each network that it is not."""
    said = "; ".join(why if alone else f"{name}: {why}" for name, why in words.items())
    return said if len(said) <= 500 else f"{said[:499]}…"


def _make_targets(run: Run, plans: Sequence[RestartPlan]) -> None:
    vms = [vm for plan in plans for vm in plan.routers]
    Target.objects.bulk_create(
        [
            Target(
                run=run,
                system_vm=vm,
                name=vm.name,
                zone_name=vm.zone.name,
                zone_id=vm.zone_id,
                group=group_of(vm),
                order=order,
            )
            for order, vm in enumerate(vms, 1)
        ],
        batch_size=1000,
    )


def _tell(work: UnitOfWork, run: Run, request: RestartRequest) -> None:
    targets = list(Target.objects.filter(run=run).order_by("order")[:2])
    about = about_run(run) | (about_target(targets[0]) if len(targets) == 1 else {})
    routers = Target.objects.filter(run=run).count()
    work.event("run.created", about, after={"state": run.state, "system_vms": routers, "way": run.way})
    work.audit(
        "router restart started",
        about_run(run),
        reason=request.reason,
        after={
            "scope": run.scope_words,
            "routers": routers,
            "way": run.way,
            "makes_redundant": run.makes_redundant,
        },
    )
    work.wake_engine()
