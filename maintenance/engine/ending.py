"""What a stage's end makes of its target and, where it failed, of the whole run."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from maintenance.domain.outcomes import Outcome
from maintenance.domain.run_view import Move
from maintenance.domain.states import RUN_ENDED, TARGET_ENDED, RunState, TargetState
from maintenance.engine.advance import about_run, move_target
from maintenance.engine.attention import Cause, resolve_attentions
from maintenance.feed import ENGINE, UnitOfWork
from maintenance.models import Host, Run, Target


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
    fallen: bool = (
        False  # the router that took its place was verified, and does not serve any more: the way back
    )
    unconfirmed: bool = False  # of a patch: it is installed, and nothing answers that could tell how it went


def apply_move(
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
