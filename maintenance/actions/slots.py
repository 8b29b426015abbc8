"""The time that was chosen for a live patch which has not begun: another one, now, or given up."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from maintenance.actions.errors import Conflict, NotFound
from maintenance.domain.states import RunKind, RunState
from maintenance.engine.advance import about_run, advance, lock_run, move_run
from maintenance.feed import UnitOfWork, unit_of_work
from maintenance.models import Run


def move_slot(run_id: UUID, not_before: datetime | None, *, actor: str, request_id: str = "") -> Run:
    """It begins then, or at once (None). Raises: NotFound; Conflict once it has begun."""
    with _not_begun(run_id, actor, request_id) as (work, run):
        before = run.not_before
        run.not_before = not_before
        run.save(update_fields=["not_before"])
        # Told as a state, so that every page which shows the run is drawn anew.
        move_run(work, run, RunState(run.state))
        work.audit(
            "live patch: another time",
            about_run(run),
            before={"not_before": before.isoformat() if before else None},
            after={"not_before": not_before.isoformat() if not_before else None},
        )
        return run


def give_up_slot(run_id: UUID, *, actor: str, request_id: str = "") -> Run:
    """It is cancelled before it began; nothing was touched. Raises: NotFound; Conflict once it has begun."""
    with _not_begun(run_id, actor, request_id) as (work, run):
        details = f"given up by {actor} before it began"
        move_run(work, run, RunState.RUNNING)
        move_run(work, run, RunState.STOPPING, ending=RunState.CANCELLED, details=details)
        advance(work, run)
        work.audit("live patch: given up", about_run(run), after={"state": run.state})
        return run


@contextmanager
def _not_begun(run_id: UUID, actor: str, request_id: str) -> Iterator[tuple[UnitOfWork, Run]]:
    with unit_of_work(actor, request_id=request_id) as work:
        try:
            run = lock_run(run_id)
        except Run.DoesNotExist:
            raise NotFound(f"no run has the id {run_id}") from None
        if run.kind != RunKind.LIVE_PATCH or run.state != RunState.QUEUED:
            raise Conflict(f"run {run.number} has begun: its time cannot be changed any more")
        yield work, run
        work.wake_engine()
