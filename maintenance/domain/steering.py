"""What a person may do to a run and its hosts now: the legal moves, named."""

from maintenance.domain.router_restart import RouterOutcome
from maintenance.domain.states import RunKind, RunState, TargetState


def legal_run_moves(state: RunState, *, pausing: bool, kind: str = RunKind.ROLLING) -> frozenset[str]:
    """Of pause, resume and cancel, those that are legal now.

    One host or server held by hand has nothing to pause: it waits for a person anyway.
    """
    if kind in {RunKind.HOST, RunKind.SERVER_MAINTENANCE, RunKind.SERVER_SHUTDOWN}:
        is_open = state in {RunState.QUEUED, RunState.RUNNING, RunState.PAUSED}
        return frozenset({"cancel"}) if is_open else frozenset()
    match state:
        case RunState.QUEUED:
            return frozenset({"cancel"})
        case RunState.RUNNING:
            return frozenset({"resume", "cancel"}) if pausing else frozenset({"pause", "cancel"})
        case RunState.PAUSED:
            return frozenset({"resume", "cancel"})
        case _:
            return frozenset()


def legal_target_moves(run_state: RunState, target_state: TargetState, result: str = "") -> frozenset[str]:
    """Of retry and skip, those that are legal now for one host.

    Skip: a waiting host, or the failed one of a paused run. Retry: a failed or flagged one, while the run is paused;
    not a router that was replaced (`result`) though something beside it failed: it is gone.
    """
    if run_state is RunState.PAUSED and target_state is TargetState.FAILED:
        if result == RouterOutcome.REPLACED:
            return frozenset({"skip"})
        return frozenset({"retry", "skip"})
    if run_state is RunState.PAUSED and target_state is TargetState.NEEDS_PERSON:
        return frozenset({"retry"})
    waits = target_state in {TargetState.WAITING, TargetState.READY}
    if waits and run_state in {RunState.QUEUED, RunState.RUNNING, RunState.PAUSED}:
        return frozenset({"skip"})
    return frozenset()
