"""Runs over management servers: the tables of a server's way, and whose turn it is.

Plain data in, plain data out. One server at a time, in the order of the run; where anything is in doubt the line stops.
"""

from collections.abc import Mapping

from maintenance.domain.outcomes import Outcome
from maintenance.domain.run_view import Decision, Move, Result, RunView, StartStage, result_of
from maintenance.domain.states import TARGET_BEGUN, RunKind, Stage, TargetState

T, S, R = TargetState, Stage, Result

# Into maintenance, held as long as a person wants, and back; or, from there, down.
MAINTENANCE: Mapping[tuple[Stage, Result], Move] = {
    (S.SERVER_PREPARE, R.SUCCESS): Move(T.IN_MAINTENANCE, words="held until a person cancels or shuts down"),
    (S.SERVER_PREPARE, R.FAILURE): Move(T.RETURNING, S.SERVER_CANCEL, failing=True),
    (S.SERVER_CANCEL, R.SUCCESS): Move(T.DONE),
    (S.SERVER_CANCEL, R.FAILURE): Move(T.NEEDS_PERSON, words="flagged: needs a person"),
    (S.SERVER_SHUT_DOWN, R.SUCCESS): Move(T.DONE, words="it is Down, as asked"),
    (S.SERVER_SHUT_DOWN, R.FAILURE): Move(T.NEEDS_PERSON, words="flagged: needs a person"),
}

SHUTDOWN: Mapping[tuple[Stage, Result], Move] = {
    (S.SERVER_PREPARE_SHUTDOWN, R.SUCCESS): Move(
        T.IN_MAINTENANCE, words="ready; held until a person cancels or shuts down"
    ),
    (S.SERVER_PREPARE_SHUTDOWN, R.FAILURE): Move(T.RETURNING, S.SERVER_CANCEL_SHUTDOWN, failing=True),
    (S.SERVER_CANCEL_SHUTDOWN, R.SUCCESS): Move(T.DONE),
    (S.SERVER_CANCEL_SHUTDOWN, R.FAILURE): Move(T.NEEDS_PERSON, words="flagged: needs a person"),
    (S.SERVER_SHUT_DOWN, R.SUCCESS): Move(T.DONE, words="it is Down, as asked"),
    (S.SERVER_SHUT_DOWN, R.FAILURE): Move(T.NEEDS_PERSON, words="flagged: needs a person"),
}

RESTART: Mapping[tuple[Stage, Result], Move] = {
    (S.SERVER_PREPARE, R.SUCCESS): Move(T.WORKING, S.SERVER_SHUT_DOWN),
    (S.SERVER_PREPARE, R.FAILURE): Move(T.RETURNING, S.SERVER_CANCEL, failing=True),
    (S.SERVER_SHUT_DOWN, R.SUCCESS): Move(T.WORKING, S.SERVER_COME_BACK),
    (S.SERVER_SHUT_DOWN, R.FAILURE): Move(T.NEEDS_PERSON, words="flagged: needs a person"),
    (S.SERVER_COME_BACK, R.SUCCESS): Move(T.RETURNING, S.SERVER_CANCEL),
    (S.SERVER_COME_BACK, R.FAILURE): Move(T.NEEDS_PERSON, words="flagged: needs a person"),
    (S.SERVER_CANCEL, R.SUCCESS): Move(T.VERIFYING, S.SERVER_SETTLE),
    (S.SERVER_CANCEL, R.FAILURE): Move(T.NEEDS_PERSON, words="flagged: needs a person"),
    (S.SERVER_SETTLE, R.SUCCESS): Move(T.DONE),
    (S.SERVER_SETTLE, R.FAILURE): Move(
        T.NEEDS_PERSON, words="in doubt: no further server before a person looked"
    ),
}

SERVER_TABLES: Mapping[RunKind, Mapping[tuple[Stage, Result], Move]] = {
    RunKind.SERVER_MAINTENANCE: MAINTENANCE,
    RunKind.SERVER_SHUTDOWN: SHUTDOWN,
    RunKind.SERVER_RESTART: RESTART,
}

FIRST_STAGE: Mapping[RunKind, Stage] = {
    RunKind.SERVER_MAINTENANCE: S.SERVER_PREPARE,
    RunKind.SERVER_SHUTDOWN: S.SERVER_PREPARE_SHUTDOWN,
    RunKind.SERVER_RESTART: S.SERVER_PREPARE,
}

HOME: Mapping[Stage, Stage] = {  # how a server that has begun this goes home
    S.SERVER_PREPARE: S.SERVER_CANCEL,
    S.SERVER_PREPARE_SHUTDOWN: S.SERVER_CANCEL_SHUTDOWN,
}
HOME_OF_KIND: Mapping[RunKind, Stage] = {kind: HOME[first] for kind, first in FIRST_STAGE.items()}
IS_HOME = frozenset({S.SERVER_CANCEL, S.SERVER_CANCEL_SHUTDOWN})


def stage_again(kind: RunKind, failed: Stage) -> Stage:
    """Where a server in doubt goes on when a person says so. A restarted one may be down, so it is seen back first."""
    after_down = {S.SERVER_COME_BACK, S.SERVER_CANCEL, S.SERVER_SETTLE}
    return S.SERVER_COME_BACK if kind is RunKind.SERVER_RESTART and failed in after_down else failed


def next_server_move(
    kind: RunKind, stage: Stage, outcome: Outcome, *, failing: bool, cancelling: bool
) -> Move:
    """What becomes of a server when a stage has ended. One that is down is brought back before it ends Cancelled."""
    result = R.SUCCESS if result_of(outcome) is R.SUCCESS else R.FAILURE
    if cancelling and stage in HOME:
        return Move(T.RETURNING, HOME[stage])
    if result is R.SUCCESS and stage in IS_HOME:
        if failing:
            return Move(T.FAILED)
        if cancelling:
            return Move(T.CANCELLED)
    if cancelling and stage is S.SERVER_SETTLE:
        return Move(T.CANCELLED)
    return SERVER_TABLES[kind][stage, result]


def server_turns(run: RunView) -> list[Decision]:
    """The next server's turn comes when the one before is back, Up and settled."""
    if any(target.state in TARGET_BEGUN or target.has_open_step for target in run.begun):
        return []
    return [StartStage(target.id, FIRST_STAGE[run.kind]) for target in run.waiting[:1]]
