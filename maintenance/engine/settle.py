"""How a stage ends: its outcome, the host's move, the run's answer to a failure, and what starts next – one
transaction."""

from datetime import datetime

from django.db.models import Q

from maintenance.clock import database_now
from maintenance.domain.decide import next_move
from maintenance.domain.outcomes import Outcome
from maintenance.domain.run_view import Move, Result, result_of
from maintenance.domain.states import (
    OVER_SERVERS,
    OVER_SYSTEM_VMS,
    RUN_ENDED,
    OnFailure,
    RunKind,
    RunState,
    Stage,
    StepState,
    TargetState,
)
from maintenance.engine.advance import about_target, advance, lock_run, move_run
from maintenance.engine.attention import Cause, ask_for_person, resolve_attentions
from maintenance.engine.claim import Claim, fenced
from maintenance.engine.ending import Ending, apply_move, software_of, stop_the_line
from maintenance.engine.failpoints import failpoint
from maintenance.engine.settle_vms import move_vm_on
from maintenance.feed import ENGINE, UnitOfWork, unit_of_work
from maintenance.models import HostOut, Run, Target


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
            move_vm_on(work, run, target, claim.stage, ending, now)
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
    apply_move(work, run, target, move, reason, stays, now)
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
    apply_move(work, run, target, move, f"{stage}: {ending.detail or ending.outcome}", "", now)
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


__all__ = ["Ending", "Result", "about_step", "end_step", "software_of", "stop_the_line"]
