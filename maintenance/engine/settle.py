"""How a stage ends: its outcome, the host's move, the run's answer to a failure, and what starts next – one
transaction."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from maintenance.clock import database_now
from maintenance.domain.decide import next_move
from maintenance.domain.outcomes import Outcome
from maintenance.domain.patch_run import patch_outcome
from maintenance.domain.router_restart import RouterOutcome, restart_outcome
from maintenance.domain.run_view import Move, Result, result_of
from maintenance.domain.states import (
    OVER_SERVERS,
    OVER_SYSTEM_VMS,
    RUN_ENDED,
    TARGET_ENDED,
    OnFailure,
    RunKind,
    RunState,
    Stage,
    StepState,
    TargetState,
)
from maintenance.domain.system_vms import ROUTERS, SystemVmType
from maintenance.engine.advance import about_run, about_target, advance, lock_run, move_run, move_target
from maintenance.engine.attention import ROUTER_CAUSES, VM_CAUSES, Cause, ask_for_person, resolve_attentions
from maintenance.engine.claim import Claim, fenced
from maintenance.engine.failpoints import failpoint
from maintenance.feed import ENGINE, UnitOfWork, unit_of_work
from maintenance.models import Host, HostOut, Run, SystemVm, Target


@dataclass(frozen=True, slots=True)
class Ending:
    """How a stage ended. `not_back`: the host is away and cannot be asked home; only a person can help. `taken`: it
    was refused because others have the host in maintenance."""

    outcome: Outcome
    detail: str = ""
    exit_status: int | None = None
    stays: str = ""  # PreMaintenance: why the host need not leave service
    not_back: bool = False
    taken: bool = False
    script: str = ""  # the file that ran
    left: str = ""  # of a router that was replaced: what a person has to do away with


def end_step(claim: Claim, ending: Ending) -> None:
    """Record how the claimed step ended and let the run go on. Raises: LostLease; then nothing was written."""
    with unit_of_work(ENGINE) as work:
        run = lock_run(claim.run_id)
        target = Target.objects.select_for_update(no_key=True).get(id=claim.target_id)
        now = database_now()
        fenced(
            claim,
            state=StepState.ENDED,
            outcome=ending.outcome,
            exit_status=ending.exit_status,
            detail=ending.detail,
            script=ending.script,
            note="",
            finished=now,
            lease_until=None,
        )
        work.event(
            "step.ended",
            about_step(claim, target),
            after={"outcome": ending.outcome, "detail": ending.detail},
        )
        if run.kind in OVER_SYSTEM_VMS:
            _move_vm_on(work, run, target, claim.stage, ending, now)
        elif run.kind in OVER_SERVERS:
            _move_server_on(work, run, target, claim.stage, ending, now)
        else:
            _move_on(work, run, target, claim.stage, ending, now)
        advance(work, run, locked=target, claims_next=True)
        failpoint(f"{claim.stage}.moving", target.name)
    failpoint(f"{claim.stage}.ended", target.name)


def about_step(claim: Claim, target: Target) -> dict[str, str]:
    """What an event about a claimed step names."""
    return about_target(target) | {"step": str(claim.step_id), "stage": claim.stage}


def _move_on(work: UnitOfWork, run: Run, target: Target, stage: Stage, ending: Ending, now: datetime) -> None:
    if stage is Stage.PREFLIGHT:
        _note_preflight(work, target, ending, now)
    if stage is Stage.PRE_MAINTENANCE and ending.outcome is Outcome.NOT_NEEDED:
        target.not_needed = f"PreMaintenance: {ending.detail}"
        target.save(update_fields=["not_needed"])
    stays = ending.stays or target.not_needed
    move = next_move(
        RunKind(run.kind),
        stage,
        ending.outcome,
        failing=bool(target.failing),
        cancelling=target.cancelling,
        stays=bool(stays),
    )
    if move.then is Stage.RETURN and not HostOut.objects.filter(target=target, closed_at=None).exists():
        # It never left service: there is nothing to return.
        move = Move(TargetState.CANCELLED if target.cancelling else TargetState.FAILED)
    if ending.not_back:
        move = Move(TargetState.NEEDS_PERSON)
    if is_home := _is_home_from_others(run, target, stage, ending):
        move = Move(TargetState.READY if target.preflight_at else TargetState.WAITING)
        target.attempt += 1  # this Return was no part of its own way
        target.save(update_fields=["attempt"])
    reason = f"{stage}: {ending.detail or ending.outcome}"
    _apply(work, run, target, move, reason, stays, now)
    if move.fails_run:
        _fail_run(work, run, target, reason)
    elif move.state in {TargetState.FAILED, TargetState.NEEDS_PERSON}:
        cause = Cause.FOREIGN_MAINTENANCE if ending.taken else Cause.STAGE_FAILED
        _answer_failure(work, run, target, move.state, target.detail, now, cause)
    elif is_home:
        _go_on_after_pause_for(work, run, target)


def _move_server_on(
    work: UnitOfWork, run: Run, target: Target, stage: Stage, ending: Ending, now: datetime
) -> None:
    """A management server becomes what its table says. One that failed or is in doubt always stops the line."""
    move = next_move(
        RunKind(run.kind),
        stage,
        ending.outcome,
        failing=bool(target.failing),
        cancelling=target.cancelling,
    )
    _apply(work, run, target, move, f"{stage}: {ending.detail or ending.outcome}", "", now)
    if move.state in {TargetState.DONE, TargetState.IN_MAINTENANCE}:
        before = Q(server_id=target.server_id, run__state__in=RUN_ENDED)
        resolve_attentions(work, before, by=f"run {run.number}, in which it is {move.state}")
    if move.state is TargetState.NEEDS_PERSON:
        cause = Cause.SERVER_NOT_BACK
    elif move.state is TargetState.FAILED:
        cause = Cause.SERVER_FAILED
    else:
        return
    ask_for_person(work, cause, run=run, target=target, message=target.detail)
    if run.kind == RunKind.SERVER_RESTART:
        stop_the_line(work, run, target, cause, target.detail, now)


def _move_vm_on(
    work: UnitOfWork, run: Run, target: Target, stage: Stage, ending: Ending, now: datetime
) -> None:
    """A system VM becomes what its table says, and how its patch or restart ended is told apart. One that could not be
    restored always stops the line; another failure does what the operator chose."""
    vm = SystemVm.objects.filter(id=target.system_vm_key).first()
    move = next_move(
        RunKind(run.kind),
        stage,
        ending.outcome,
        failing=bool(target.failing),
        cancelling=target.cancelling,
        is_router=vm is not None and vm.type in ROUTERS,
        makes_redundant=run.makes_redundant and vm is not None and vm.type == SystemVmType.ROUTER,
    )
    is_restart = run.kind == RunKind.ROUTER_RESTART
    if move.state in TARGET_ENDED:
        told_apart = restart_outcome if is_restart else patch_outcome
        target.result = told_apart(stage, ending.outcome, move.state)
        target.save(update_fields=["result"])
    if ending.left:
        move = Move(TargetState.FAILED)
    stays = ending.detail if move.state is TargetState.SKIPPED else ""
    reason = f"{stage}: {'; '.join(filter(None, (ending.detail, ending.left))) or ending.outcome}"
    _apply(work, run, target, move, reason, stays, now)
    failed, not_restored = Cause.PATCH_FAILED, Cause.PATCH_NOT_RESTORED
    if is_restart:
        failed, not_restored = Cause.ROUTER_FAILED, Cause.ROUTER_NOT_RESTORED
    if move.state is TargetState.DONE:
        resolve_attentions(work, _failed_before(run, target), by=f"run {run.number}, in which it is done")
    if move.state is TargetState.NEEDS_PERSON:
        ask_for_person(work, not_restored, run=run, target=target, message=target.detail)
        stop_the_line(work, run, target, not_restored, target.detail, now)
    elif move.state is TargetState.FAILED:
        ask_for_person(work, failed, run=run, target=target, message=target.detail)
        if run.on_failure == OnFailure.STOP and run.state == RunState.RUNNING:
            details = f"{target.name} failed, {target.detail}"
            move_run(work, run, RunState.STOPPING, pausing=False, ending=RunState.FAILED, details=details)
        elif run.on_failure == OnFailure.PAUSE:
            stop_the_line(work, run, target, failed, target.detail, now)


def _failed_before(run: Run, target: Target) -> Q:
    """What was asked of people in earlier runs and is settled by this one: the same about this VM; where it was
    replaced whatever was about it, or about a router of its network that is gone."""
    about = Q(system_vm_id=target.system_vm_id)
    causes = ROUTER_CAUSES if run.kind == RunKind.ROUTER_RESTART else VM_CAUSES - ROUTER_CAUSES
    if target.result == RouterOutcome.REPLACED:
        about |= Q(target__group=target.group, system_vm__gone_at__isnull=False)
        causes = VM_CAUSES
    return about & Q(run__state__in=RUN_ENDED, cause__in=causes)


def _is_home_from_others(run: Run, target: Target, stage: Stage, ending: Ending) -> bool:
    """Others had taken the host of a run, and a person had it taken back: its own turn is still to come."""
    is_back = stage is Stage.RETURN and ending.outcome is Outcome.OK
    is_wanted = run.kind == RunKind.ROLLING and not target.failing and not target.cancelling
    never_left_by_us = target.out_at is None
    return is_back and is_wanted and never_left_by_us


def _go_on_after_pause_for(work: UnitOfWork, run: Run, target: Target) -> None:
    """Whoever had it taken back was told so: the run that stopped for this host goes on with it."""
    if (run.paused_reason or {}).get("host") == str(target.host_id):
        move_run(work, run, RunState.RUNNING, pausing=False, paused_reason=None)


def _note_preflight(work: UnitOfWork, target: Target, ending: Ending, now: datetime) -> None:
    result = result_of(ending.outcome)
    if result is not Result.FAILURE:
        failed_before = Q(host_id=target.host_id, cause=Cause.PREFLIGHT_FAILED) & ~Q(target=target)
        resolve_attentions(work, failed_before, by="observed: its PreFlight has passed since")
    target.preflight = str(result).replace(" ", "_")
    target.preflight_at = now
    if ending.outcome is Outcome.NOT_NEEDED:
        target.not_needed = f"PreFlight: {ending.detail}"
    target.save(update_fields=["preflight", "preflight_at", "not_needed"])


def _apply(
    work: UnitOfWork, run: Run, target: Target, move: Move, reason: str, stays: str, now: datetime
) -> None:
    """The host becomes what the move says, with the reason a person reads."""
    changes: dict[str, object] = {"next_stage": move.then or ""}
    if move.failing and not target.failing:
        changes["failing"] = reason
    match move.state:
        case TargetState.FAILED:
            changes["detail"] = target.failing or reason
        case TargetState.SKIPPED:
            changes["detail"] = stays or reason
        case TargetState.NEEDS_PERSON:
            changes["detail"] = reason
        case TargetState.CANCELLED:
            changes["detail"] = "stopped by a person"
        case TargetState.RETURNING if move.failing:
            changes["detail"] = reason
        case _:
            changes["detail"] = ""
    if move.state in TARGET_ENDED:
        changes["finished_at"] = now
        if target.host_id is not None:
            changes["agent_after"] = software_of(target)
        if run.state in RUN_ENDED:
            changes["is_open"] = False  # a last return after the run's end
    move_target(work, target, move.state, **changes)
    if move.state in TARGET_ENDED - {TargetState.NEEDS_PERSON}:
        resolve_attentions(work, Q(target=target) & ~Q(cause=Cause.INSTANCE_LOST), by=ENGINE)
    if move.state is TargetState.DONE and target.host_id is not None:
        failed_before = Q(host_id=target.host_id, run__state__in=RUN_ENDED, cause=Cause.STAGE_FAILED)
        resolve_attentions(work, failed_before, by=f"run {run.number}, in which it is done")


def _fail_run(work: UnitOfWork, run: Run, target: Target, reason: str) -> None:
    """A failed PreFlight ends the run, whatever the operator chose for failures; every host that failed is named."""
    failed = Target.objects.filter(run=run, state=TargetState.FAILED).order_by("order")
    named = "; ".join(f"{name} failed, {detail}" for name, detail in failed.values_list("name", "detail"))
    touched = HostOut.objects.filter(run=run).exists()
    effect = "no further host was touched" if touched else "nothing was touched"
    ask_for_person(work, Cause.PREFLIGHT_FAILED, run=run, target=target, message=f"{reason}; {effect}")
    if run.state == RunState.STOPPING and run.ending != RunState.FAILED:
        return  # a person has stopped it already
    move_run(
        work,
        run,
        RunState.STOPPING,
        pausing=False,
        paused_reason=None,
        ending=RunState.FAILED,
        details=f"{named}; {effect}",
    )


def _answer_failure(
    work: UnitOfWork, run: Run, target: Target, state: TargetState, reason: str, now: datetime, cause: Cause
) -> None:
    """The operator chose at the start: pause, skip, stop. A host in doubt always stops the line."""
    flagged = state is TargetState.NEEDS_PERSON
    if flagged:
        cause = Cause.HOST_NOT_BACK
        taken_back = Q(host_id=target.host_id, cause=Cause.FOREIGN_MAINTENANCE)
        resolve_attentions(work, taken_back, by="a person, who had it taken back")
    ask_for_person(work, cause, run=run, target=target, message=reason)
    if run.state != RunState.RUNNING or run.kind == RunKind.HOST:
        return
    if run.on_failure == OnFailure.STOP:
        details = f"{target.name} failed, {reason}"
        move_run(work, run, RunState.STOPPING, pausing=False, ending=RunState.FAILED, details=details)
    elif run.on_failure == OnFailure.PAUSE or flagged:
        stop_the_line(work, run, target, cause, reason, now)


def stop_the_line(
    work: UnitOfWork, run: Run, target: Target, cause: Cause, reason: str, now: datetime
) -> None:
    """No further host starts until a person resumes. Nothing happens to a run that pauses or stops already."""
    if run.pausing or run.state != RunState.RUNNING:
        return
    run.pausing = True
    run.paused_reason = {
        "code": cause,
        "message": f"{target.name}: {reason}",
        **_whom(target),
        "since": now.isoformat(),
        "by": ENGINE,
    }
    run.save(update_fields=["pausing", "paused_reason"])
    work.event("run.pausing", about_run(run), after=run.paused_reason)


def _whom(target: Target) -> dict[str, str]:
    """What the run paused for."""
    if target.system_vm_id is not None:
        return {"system_vm": str(target.system_vm_id)}
    return {"host": str(target.host_id)} if target.host_id else {"server": str(target.server_id)}


def software_of(target: Target) -> str:
    """Kernel and agent version of the target's host, as last read."""
    host = Host.objects.filter(id=target.host_key).first()
    return f"{host.kernel_version} · {host.agent_version}" if host else ""


__all__ = ["Ending", "Result", "about_step", "end_step", "software_of"]
