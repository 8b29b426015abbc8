"""From the decision to rows: load what `decide` needs, ask it, write what it says, all under the run's row lock."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Window
from django.db.models.functions import Coalesce, RowNumber

from maintenance.clock import database_now
from maintenance.domain.decide import decide
from maintenance.domain.outcomes import Outcome
from maintenance.domain.rolling import PREFLIGHTS_AT_ONCE
from maintenance.domain.router_restart import FIRST_STAGE, RestartWay
from maintenance.domain.run_view import (
    BecomePaused,
    CancelWaiting,
    EndRun,
    RunView,
    StartStage,
    TargetView,
)
from maintenance.domain.states import (
    OVER_SERVERS,
    OVER_SYSTEM_VMS,
    RUN_ENDED,
    RUN_MOVES,
    STATE_DURING,
    TARGET_BEGUN,
    TARGET_WAITING,
    RunKind,
    RunState,
    Stage,
    StepState,
    TargetState,
)
from maintenance.engine.attention import WAITS, Cause, resolve_attentions
from maintenance.feed import UnitOfWork
from maintenance.models import Run, Step, Target

BEGUN = [*TARGET_BEGUN, TargetState.CHECKING]


def lock_run(run_id: UUID) -> Run:
    """The run, locked until the transaction ends: decisions about one run are made one after another."""
    return Run.objects.select_for_update(no_key=True).get(id=run_id)


def advance(work: UnitOfWork, run: Run, *, locked: Target | None = None, claims_next: bool = False) -> None:
    """Everything that can start or end now does. Call with the run locked; a second call changes nothing.

    `locked`: a target that the caller holds already, so that it is not read again. `claims_next`: the caller goes
    on with one of the steps that start, and nobody has to be woken for that one.
    """
    started = 0
    while True:
        now = database_now()
        decisions = decide(view_of(run), now)
        ended = False
        for decision in decisions:
            match decision:
                case StartStage(target_id, stage):
                    is_held = locked is not None and locked.id == target_id
                    target = locked if is_held and locked else _locked_target(target_id)
                    _start_stage(work, run, target, stage)
                    started += 1
                case CancelWaiting():
                    _cancel_waiting(work, run, now)
                    ended = True
                case BecomePaused():
                    move_run(work, run, RunState.PAUSED, pausing=False)
                case EndRun(state):
                    _end_run(work, run, state, now)
        if not ended:
            break
    if started > int(claims_next):
        work.wake_engine()


def view_of(run: Run) -> RunView:
    """The run as `decide` sees it: all hosts in progress, the first candidates of each cluster, counts of the rest.

    While every turn is taken nobody's turn can come, and who waits is not asked: most steps end like that.
    """
    targets = Target.objects.filter(run=run)
    has_open_step = Exists(Step.objects.filter(target=OuterRef("id")).exclude(state=StepState.ENDED))
    active = targets.filter(is_open=True).annotate(has_open_step=has_open_step)
    begun = _views(
        active.filter(
            Q(state__in=BEGUN)
            | Q(state__in=TARGET_WAITING, has_open_step=True)
            | (Q(state__in=TARGET_WAITING) & ~Q(next_stage=""))
        )
    )
    is_going_on = run.state == RunState.RUNNING and not run.pausing
    waiting: tuple[TargetView, ...] = ()
    counts: dict[TargetState, int] = {}
    if not (is_going_on and _is_every_turn_taken(run, begun)):
        by_state = (
            targets.values("state").annotate(hosts=Count("id")).values_list("state", "hosts").order_by()
        )
        counts = {TargetState(state): hosts for state, hosts in by_state}
        if is_going_on:
            waiting = _views(_first_waiting(run, active, counts))
    return RunView(
        kind=RunKind(run.kind),
        state=RunState(run.state),
        pausing=run.pausing,
        ending=RunState(run.ending) if run.ending else None,
        max_unavailable=run.max_unavailable,
        clusters_in_parallel=run.clusters_in_parallel,
        begun=begun,
        waiting=waiting,
        counts=counts,
        canary=run.canary,
        first_stage=FIRST_STAGE[RestartWay(run.way)] if run.way else None,
    )


def _first_waiting(run: Run, active: QuerySet[Any], counts: Mapping[TargetState, int]) -> Iterable[Any]:
    """Who may begin next, in the plan's order: the first of each cluster. `active` carry has_open_step.

    While hosts are unchecked no other's turn can come, and only the next few of these are: a large cluster has more
    hosts that are ready than are looked at here.
    """
    waiting = active.filter(state__in=TARGET_WAITING, next_stage="", has_open_step=False).order_by("order")
    if run.kind == RunKind.ROLLING and counts.get(TargetState.WAITING):
        return waiting.filter(state=TargetState.WAITING)[:PREFLIGHTS_AT_ONCE]
    place = Window(RowNumber(), partition_by=Coalesce("cluster_id", "zone_id"), order_by=F("order").asc())
    numbered: QuerySet[Any] = waiting.exclude(_waits_for_its_host(run)).annotate(place=place)
    return numbered.filter(place__lte=max(run.max_unavailable, PREFLIGHTS_AT_ONCE))


def _waits_for_its_host(run: Run) -> Q:
    """System VMs whose host a run is at work on: their turn comes afterwards, whatever time was chosen. Of a pair
    neither side goes before the other may."""
    nobody = Q(pk__in=[])
    if run.kind not in OVER_SYSTEM_VMS:
        return nobody
    at_work = Target.objects.filter(host__isnull=False, is_open=True, state__in=TARGET_BEGUN)
    hosts = list(at_work.filter(run__cloud=run.cloud_id).values_list("host_id", flat=True))
    if not hosts:
        return nobody
    held = Target.objects.filter(run=run, is_open=True, state__in=TARGET_WAITING, system_vm__host__in=hosts)
    found = list(held.values_list("id", "group"))
    groups = [group for _id, group in found if group is not None]
    return Q(id__in=[key for key, _group in found]) | Q(group__isnull=False, group__in=groups)


def _is_every_turn_taken(run: Run, begun: Sequence[TargetView]) -> bool:
    """Hosts are on their way (so that all PreFlights are over), as many as may be at once."""
    in_turn = Counter(target.cluster for target in begun if target.state in TARGET_BEGUN)
    return len(in_turn) >= run.clusters_in_parallel and all(
        n >= run.max_unavailable for n in in_turn.values()
    )


def _views(targets: Iterable[Any]) -> tuple[TargetView, ...]:
    """`targets` carry the annotation has_open_step."""
    return tuple(
        TargetView(
            id=target.id,
            cluster=target.cluster_id or target.zone_id,
            group=target.group,
            order=target.order,
            state=TargetState(target.state),
            next_stage=Stage(target.next_stage) if target.next_stage else None,
            has_open_step=target.has_open_step,
            preflight_at=target.preflight_at,
        )
        for target in targets
    )


def _locked_target(target_id: UUID) -> Target:
    return Target.objects.select_for_update(no_key=True).get(id=target_id)


def _start_stage(work: UnitOfWork, run: Run, target: Target, stage: Stage) -> None:
    """A step that any engine may claim. A host stays what it is until the gate of the step has opened."""
    earlier = 0
    if stage is Stage.PREFLIGHT:  # the only one that runs again in the same attempt, when it got too old
        earlier = Step.objects.filter(target=target, stage=stage, attempt=target.attempt).count()
    Step.objects.create(run=run, target=target, stage=stage, attempt=target.attempt, round=earlier + 1)
    is_gated = stage in {Stage.PRE_MAINTENANCE, Stage.DRAIN}
    state = TargetState(target.state) if is_gated else STATE_DURING[stage]
    move_target(work, target, state, next_stage="")


def start_return(work: UnitOfWork, run: Run, target: Target) -> None:
    """Bring a host home now, whatever its run waits for. A run that has ended stays ended, only this host goes on."""
    _start_stage(work, run, target, Stage.RETURN)
    work.wake_engine()


def _cancel_waiting(work: UnitOfWork, run: Run, now: datetime) -> None:
    """Hosts that have not begun will not; a step that is held for them ends undone."""
    waiting = Target.objects.select_for_update(no_key=True).filter(run=run, state__in=TARGET_WAITING)
    # Cancelled is what a person does; a run that failed passes its other hosts by.
    by_person = run.ending == RunState.CANCELLED
    state = TargetState.CANCELLED if by_person else TargetState.SKIPPED
    why = "not begun: the run was stopped" if by_person else "not begun: the run had failed"
    for target in waiting:
        end_open_step(target, "never begun", now)
        move_target(work, target, state, detail=why, next_stage="", is_open=False, finished_at=now)
    _nobody_waits(work, run)


def _nobody_waits(work: UnitOfWork, run: Run) -> None:
    """What its hosts waited for is of no importance any more. A host that failed for it keeps its flag."""
    waited = Q(run=run, cause__in=WAITS) & ~Q(target__state=TargetState.FAILED)
    resolve_attentions(work, waited, by=f"run {run.number}, which is over")


def end_open_step(target: Target, why: str, now: datetime) -> None:
    """End the target's open step, if any, from outside; raising its epoch makes its owner a zombie."""
    Step.objects.filter(target=target).exclude(state=StepState.ENDED).update(
        state=StepState.ENDED,
        epoch=F("epoch") + 1,
        outcome=Outcome.STOPPED,
        detail=why,
        finished=now,
        lease_until=None,
    )


def move_target(work: UnitOfWork, target: Target, state: TargetState, **changes: object) -> None:
    """Write a target's new state and say so in the feed. No event when only silent columns change."""
    before = {"state": target.state, "detail": target.detail}
    target.state = state
    for name, value in changes.items():
        setattr(target, name, value)
    target.save(update_fields=["state", *changes])
    after = {"state": target.state, "detail": target.detail}
    if before != after:
        work.event("target.state", about_target(target), before=before, after=after)


def about_target(target: Target) -> dict[str, str]:
    """What an event about a target names: its host, its management server, or its system VM and what is done to it."""
    about = {"run": str(target.run_id), "target": str(target.id)}
    if target.server_id is not None:
        return about | {"server": str(target.server_id), "name": target.name}
    if target.system_vm_id is not None:
        return about | {"system_vm": str(target.system_vm_id), "name": target.name, "kind": target.run.kind}
    return about | {
        "host": str(target.host_id),
        "host_name": target.name,
        "cluster": str(target.cluster_id),
    }


def about_run(run: Run) -> dict[str, str | int]:
    """What an event about a run names."""
    return {"run": str(run.id), "run_number": run.number, "kind": run.kind}


def move_run(work: UnitOfWork, run: Run, state: RunState, **changes: object) -> None:
    """Write a run's new state and say so in the feed."""
    before = {"state": run.state, "pausing": run.pausing}
    assert state == run.state or state in RUN_MOVES[RunState(run.state)], f"{run.state} → {state}"
    run.state = state
    for name, value in changes.items():
        setattr(run, name, value)
    run.save(update_fields=["state", *changes])
    after = {"state": run.state, "pausing": run.pausing, "details": run.details}
    work.event("run.state", about_run(run), before=before, after=after)
    if before["state"] == RunState.PAUSED and state != RunState.PAUSED:
        resolve_attentions(work, Q(run=run, cause=Cause.RUN_PAUSED), by=work.actor)


def _end_run(work: UnitOfWork, run: Run, state: RunState, now: datetime) -> None:
    assert state in RUN_ENDED
    Target.objects.filter(run=run).update(is_open=False)
    _nobody_waits(work, run)
    move_run(
        work,
        run,
        state,
        pausing=False,
        paused_reason=None,
        finished_at=now,
        details=run.details or _sentence(run, state),
    )
    work.audit(f"run {state}", about_run(run), after={"details": run.details})


def _sentence(run: Run, state: RunState) -> str:
    """How it ended, for people; "OK" where CloudStack says so."""
    ended = dict(
        Target.objects.filter(run=run)
        .values("state")
        .annotate(hosts=Count("id"))
        .values_list("state", "hosts")
    )
    failed = ended.get(TargetState.FAILED, 0) + ended.get(TargetState.NEEDS_PERSON, 0)
    match state:
        case RunState.SUCCEEDED:
            return "OK"
        case RunState.CANCELLED:
            return "stopped by a person"
        case _:
            one = _one_of(run)
            return f"{failed} {one if failed == 1 else one + 's'} failed"


def _one_of(run: Run) -> str:
    """What its targets are called."""
    if run.kind == RunKind.ROUTER_RESTART:
        return "router"
    if run.kind in OVER_SYSTEM_VMS:
        return "system VM"
    return "management server" if run.kind in OVER_SERVERS else "host"
