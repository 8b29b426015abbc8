"""The two questions every run is asked: what starts, pauses or ends now, and what a stage's end leads to.

Plain data in, plain data out: no Django, no clock, no I/O. The engine loads a `RunView`, calls `decide`, and does what
it says; a test can do the same with ten thousand hosts in virtual time.
"""

from collections.abc import Mapping
from datetime import datetime

from maintenance.domain.outcomes import Outcome
from maintenance.domain.patch_run import LIVE_PATCH, next_patch_move, patch_turns
from maintenance.domain.rolling import HOST_TABLES, host_turns, next_host_move
from maintenance.domain.router_restart import ROUTER_RESTART, next_restart_move
from maintenance.domain.run_view import (
    BecomePaused,
    CancelWaiting,
    Decision,
    EndRun,
    Move,
    Result,
    RunView,
    StartStage,
)
from maintenance.domain.server_run import SERVER_TABLES, next_server_move, server_turns
from maintenance.domain.states import (
    OVER_SERVERS,
    OVER_SYSTEM_VMS,
    RUN_ENDED,
    TARGET_BEGUN,
    TARGET_WAITING,
    RunKind,
    RunState,
    Stage,
    TargetState,
)

TABLES: Mapping[RunKind, Mapping[tuple[Stage, Result], Move]] = {
    **HOST_TABLES,
    **SERVER_TABLES,
    RunKind.LIVE_PATCH: LIVE_PATCH,
    RunKind.ROUTER_RESTART: ROUTER_RESTART,
}


def next_move(
    kind: RunKind,
    stage: Stage,
    outcome: Outcome,
    *,
    failing: bool,
    cancelling: bool,
    stays: bool = False,
    is_router: bool = False,
    makes_redundant: bool = False,
) -> Move:
    """What becomes of a host, a management server or a system VM when a stage has ended.

    `failing`, `cancelling`: it is on its way home to end Failed or Cancelled. `stays`: of a host that need not leave
    service.
    """
    if kind is RunKind.ROUTER_RESTART:
        return next_restart_move(
            stage, outcome, failing=failing, cancelling=cancelling, makes_redundant=makes_redundant
        )
    if kind is RunKind.LIVE_PATCH:
        return next_patch_move(stage, outcome, cancelling=cancelling, is_router=is_router)
    if kind in OVER_SERVERS:
        return next_server_move(kind, stage, outcome, failing=failing, cancelling=cancelling)
    return next_host_move(kind, stage, outcome, failing=failing, cancelling=cancelling, stays=stays)


def decide(run: RunView, now: datetime) -> list[Decision]:
    """Everything that starts, or ends, now. Deterministic: the same view and time give the same answer."""
    if run.state is RunState.QUEUED or run.state in RUN_ENDED:
        return []
    # Whoever has begun goes on, also in a paused or stopping run: out of service is no place to stand still.
    decisions: list[Decision] = [
        StartStage(target.id, target.next_stage)
        for target in run.begun
        if target.next_stage is not None and not target.has_open_step
    ]
    in_progress = [t for t in run.begun if t.state in TARGET_BEGUN or t.state is TargetState.CHECKING]
    waiting = sum(run.counts.get(state, 0) for state in TARGET_WAITING)
    match run.state:
        case RunState.STOPPING:
            if waiting:
                decisions.append(CancelWaiting())
            elif not in_progress:
                decisions.append(EndRun(run.ending or RunState.FAILED))
        case RunState.PAUSED:
            pass
        case RunState.RUNNING if run.pausing:
            if not in_progress:
                decisions.append(BecomePaused())
        case RunState.RUNNING if not waiting and not in_progress and not _has_open_steps(run):
            decisions.append(EndRun(_end_of(run.counts)))
        case RunState.RUNNING:
            decisions += _turns(run, now)
    return decisions


def _turns(run: RunView, now: datetime) -> list[Decision]:
    if run.kind in OVER_SYSTEM_VMS:
        return patch_turns(run)
    return server_turns(run) if run.kind in OVER_SERVERS else host_turns(run, now)


def _has_open_steps(run: RunView) -> bool:
    return any(target.has_open_step for target in run.begun)


def _end_of(counts: Mapping[TargetState, int]) -> RunState:
    """Any failed or flagged host makes the run Failed; skips alone do not."""
    if counts.get(TargetState.FAILED, 0) or counts.get(TargetState.NEEDS_PERSON, 0):
        return RunState.FAILED
    return RunState.SUCCEEDED
