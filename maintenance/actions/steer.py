"""Steering a run: pause, resume, cancel; retry or skip one of its hosts, management servers or system VMs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from maintenance.actions.errors import IllegalMove, NotFound
from maintenance.clock import database_now
from maintenance.domain.server_run import HOME_OF_KIND, stage_again
from maintenance.domain.servers import ServerState
from maintenance.domain.states import (
    OVER_SERVERS,
    OVER_SYSTEM_VMS,
    STATE_DURING,
    TARGET_BEGUN,
    RunKind,
    RunState,
    Stage,
    TargetState,
)
from maintenance.domain.steering import legal_run_moves, legal_target_moves
from maintenance.engine.advance import (
    about_run,
    about_target,
    advance,
    end_open_step,
    lock_run,
    move_run,
    move_target,
)
from maintenance.engine.attention import Cause, resolve_attentions
from maintenance.feed import UnitOfWork, unit_of_work
from maintenance.models import HostOut, ManagementServer, Run, Step, Target


@dataclass
class Steering:
    """A locked run and what is written with the change."""

    work: UnitOfWork
    run: Run
    actor: str
    now: datetime


@contextmanager
def _steering(run_id: UUID, move: str, actor: str, request_id: str) -> Iterator[Steering]:
    """Raises: NotFound, IllegalMove (when `move` is a move of the whole run)."""
    with unit_of_work(actor, request_id=request_id) as work:
        try:
            run = lock_run(run_id)
        except Run.DoesNotExist:
            raise NotFound(f"no run has the id {run_id}") from None
        legal = legal_run_moves(RunState(run.state), pausing=run.pausing, kind=run.kind)
        if move in {"pause", "resume", "cancel"} and move not in legal:
            raise IllegalMove(f"run {run.number} is {run.state}: {move} is not possible", legal=sorted(legal))
        yield Steering(work, run, actor, database_now())
        work.audit(f"run: {move.format(thing=thing_of(run))}", about_run(run), after={"state": run.state})
        work.wake_engine()


def thing_of(run: Run) -> str:
    """What the audit calls one of the run's targets."""
    if run.kind in OVER_SYSTEM_VMS:
        return "system VM"
    return "management server" if run.kind in OVER_SERVERS else "host"


def pause_run(run_id: UUID, *, actor: str, request_id: str = "") -> Run:
    """No further host starts; begun ones finish their way home, then the run is Paused.

    Raises: NotFound, IllegalMove.
    """
    with _steering(run_id, "pause", actor, request_id) as at:
        at.run.pausing = True
        at.run.paused_reason = {
            "code": "by-person",
            "message": f"paused by {actor}",
            "host": None,
            "since": at.now.isoformat(),
            "by": actor,
        }
        at.run.save(update_fields=["pausing", "paused_reason"])
        at.work.event("run.pausing", about_run(at.run), after=at.run.paused_reason)
        advance(at.work, at.run)
    return at.run


def resume_run(run_id: UUID, *, actor: str, request_id: str = "") -> Run:
    """The run goes on. Raises: NotFound, IllegalMove."""
    with _steering(run_id, "resume", actor, request_id) as at:
        _resume(at)
    return at.run


def _resume(at: Steering) -> None:
    move_run(at.work, at.run, RunState.RUNNING, pausing=False, paused_reason=None)
    # Hosts that were held by the pause are asked again at once.
    Step.objects.filter(run=at.run, state="Pending").update(due_at=at.now)
    advance(at.work, at.run)


def cancel_run(run_id: UUID, *, actor: str, request_id: str = "") -> Run:
    """Running scripts get TERM, then KILL; hosts that are out are returned to service; then the run is Cancelled.

    Raises: NotFound, IllegalMove.
    """
    with _steering(run_id, "cancel", actor, request_id) as at:
        run = at.run
        if run.state == RunState.QUEUED:
            move_run(at.work, run, RunState.RUNNING)
        details = f"stopped by {actor}"
        move_run(
            at.work,
            run,
            RunState.STOPPING,
            pausing=False,
            paused_reason=None,
            ending=RunState.CANCELLED,
            details=details,
        )
        decided = {
            Cause.SERVER_FAILED,
            Cause.PATCH_FAILED,
            Cause.ROUTER_FAILED,
            Cause.STAGE_FAILED,
            Cause.FOREIGN_MAINTENANCE,
            Cause.RUN_PAUSED,
        }
        resolve_attentions(at.work, Q(run=run, cause__in=decided), by=actor)
        begun = Target.objects.select_for_update(no_key=True).filter(
            run=run, state__in=[*TARGET_BEGUN, TargetState.CHECKING]
        )
        for target in begun:
            target.cancelling = True
            target.save(update_fields=["cancelling"])
            if target.state == TargetState.IN_MAINTENANCE:
                move_target(at.work, target, TargetState.RETURNING, next_stage=_way_home(run))
        advance(at.work, run)
    return at.run


def _way_home(run: Run) -> Stage:
    return HOME_OF_KIND[RunKind(run.kind)] if run.kind in OVER_SERVERS else Stage.RETURN


def skip_host(run_id: UUID, host_id: UUID, *, actor: str, request_id: str = "") -> Run:
    """The waiting host, or the failed one of a paused run, ends Skipped. Raises: NotFound, IllegalMove."""
    with _steering(run_id, "skip a {thing}", actor, request_id) as at:
        target = _target(at, host_id, "skip")
        end_open_step(target, f"skipped by {actor}", at.now)
        why = f"skipped by {actor}"
        if target.state == TargetState.FAILED:
            why = f"skipped by {actor} after it failed: {target.detail}"
        resolve_attentions(at.work, Q(target=target), by=actor)
        move_target(
            at.work, target, TargetState.SKIPPED, detail=why, next_stage="", is_open=False, finished_at=at.now
        )
        about = about_run(at.run) | about_target(target)
        at.work.audit(f"{thing_of(at.run)} skipped", about, after={"detail": why})
        advance(at.work, at.run)
    return at.run


def retry_host(run_id: UUID, host_id: UUID, *, actor: str, request_id: str = "") -> Run:
    """A new attempt of the failed host, and the run goes on: from PreMaintenance when the host is back in service,
    from the failed stage while it is still out. Raises: NotFound, IllegalMove.
    """
    with _steering(run_id, "retry a {thing}", actor, request_id) as at:
        target = _target(at, host_id, "retry")
        is_out = _is_out(target)
        resolve_attentions(at.work, Q(target=target), by=actor)
        target.attempt += 1
        again = {
            "attempt": target.attempt,
            "failing": "",
            "cancelling": False,
            "not_needed": "",
            "finished_at": None,
            "detail": f"tried again by {actor}",
            "result": "",
        }
        if is_out:
            failed_stage = server_tried_from(target) or _last_stage(target)
            if target.host_id is None or failed_stage is Stage.RETURN:
                again["failing"] = target.failing  # why it went home does not change by trying again
            move_target(at.work, target, STATE_DURING[failed_stage], next_stage=failed_stage, **again)
        else:
            move_target(at.work, target, TargetState.READY, next_stage="", back_at=None, out_at=None, **again)
        about = about_run(at.run) | about_target(target)
        at.work.audit(f"{thing_of(at.run)} retried", about, after={"attempt": target.attempt})
        _resume(at)
    return at.run


def _is_out(target: Target) -> bool:
    """Whether it is not yet back: a host that the ledger counts as out, a server in doubt."""
    if target.server_id is not None:
        return server_tried_from(target) is not None
    if target.system_vm_id is not None:
        return target.state == TargetState.NEEDS_PERSON
    return HostOut.objects.filter(target=target, closed_at=None).exists()


def server_tried_from(target: Target) -> Stage | None:
    """Where a server goes on when it is tried again; None: from the beginning. So does one that did not go down and is
    Up: its agents and jobs leave it first. Of a host always None."""
    if target.server_id is None or target.state != TargetState.NEEDS_PERSON:
        return None
    last = _last_stage(target)
    is_up = ManagementServer.objects.filter(id=target.server_id, state=ServerState.UP).exists()
    if last is Stage.SERVER_SHUT_DOWN and is_up:
        return None
    return stage_again(RunKind(target.run.kind), last)


def _last_stage(target: Target) -> Stage:
    last = Step.objects.filter(target=target).exclude(started=None).order_by("-started").first()
    return Stage(last.stage) if last else Stage.RETURN


def _target(at: Steering, host_id: UUID, move: str) -> Target:
    which = Q(host_id=host_id) | Q(server_id=host_id) | Q(system_vm_id=host_id)
    target = Target.objects.select_for_update(no_key=True).filter(which, run=at.run).first()
    if target is None:
        raise NotFound(f"run {at.run.number} has no host, server or system VM {host_id}")
    legal = legal_target_moves(RunState(at.run.state), TargetState(target.state), target.result)
    if at.run.kind not in {RunKind.ROLLING, RunKind.SERVER_RESTART, *OVER_SYSTEM_VMS}:
        legal -= {"skip"}
    if move not in legal:
        raise IllegalMove(
            f"{target.name} is {target.state} in a run that is {at.run.state}: {move} is not possible",
            legal=sorted(legal),
        )
    return target
