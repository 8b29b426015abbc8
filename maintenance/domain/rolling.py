"""Runs over hosts: one table of a host's way, and whose turn it is.

Plain data in, plain data out: no Django, no clock, no I/O.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta

from maintenance.domain.outcomes import Outcome
from maintenance.domain.run_view import Decision, Move, Result, RunView, StartStage, result_of
from maintenance.domain.states import RunKind, Stage, TargetState

PREFLIGHTS_AT_ONCE = 8
PREFLIGHT_MAX_AGE = timedelta(minutes=60)

T, S, R = TargetState, Stage, Result

ROLLING: Mapping[tuple[Stage, Result], Move] = {
    (S.PREFLIGHT, R.SUCCESS): Move(T.READY),
    (S.PREFLIGHT, R.NOT_NEEDED): Move(T.READY, words="noted: not needed"),
    (S.PREFLIGHT, R.FAILURE): Move(T.FAILED, fails_run=True, words="run Failed, nothing was touched"),
    (S.PRE_MAINTENANCE, R.SUCCESS): Move(T.PREPARING, S.DRAIN, words="Draining once the gate has opened"),
    (S.PRE_MAINTENANCE, R.NOT_NEEDED): Move(
        T.SKIPPED, words="noted: not needed; the host never leaves service"
    ),
    (S.PRE_MAINTENANCE, R.FAILURE): Move(T.FAILED, words="host never left service"),
    (S.DRAIN, R.SUCCESS): Move(T.WORKING, S.MAINTENANCE),
    (S.DRAIN, R.FAILURE): Move(T.RETURNING, S.RETURN, failing=True),
    (S.MAINTENANCE, R.SUCCESS): Move(T.RETURNING, S.RETURN),
    (S.MAINTENANCE, R.FAILURE): Move(T.RETURNING, S.RETURN, failing=True),
    (S.RETURN, R.SUCCESS): Move(T.VERIFYING, S.POST_MAINTENANCE),
    (S.RETURN, R.FAILURE): Move(T.NEEDS_PERSON, words="flagged: needs a person"),
    (S.POST_MAINTENANCE, R.SUCCESS): Move(T.DONE),
    (S.POST_MAINTENANCE, R.FAILURE): Move(T.FAILED, words="host is in service"),
}

# One host by hand: out, held as long as a person wants, back.
BY_HAND: Mapping[tuple[Stage, Result], Move] = {
    (S.DRAIN, R.SUCCESS): Move(T.IN_MAINTENANCE, words="held until a person returns it"),
    (S.DRAIN, R.FAILURE): Move(T.RETURNING, S.RETURN, failing=True),
    (S.RETURN, R.SUCCESS): Move(T.DONE),
    (S.RETURN, R.FAILURE): Move(T.NEEDS_PERSON, words="flagged: needs a person"),
}

HOST_TABLES: Mapping[RunKind, Mapping[tuple[Stage, Result], Move]] = {
    RunKind.ROLLING: ROLLING,
    RunKind.HOST: BY_HAND,
}


def next_host_move(
    kind: RunKind, stage: Stage, outcome: Outcome, *, failing: bool, cancelling: bool, stays: bool = False
) -> Move:
    """The host's next move after a stage ended.

    `failing`, `cancelling`: it is on its way home to end Failed or Cancelled. `stays`: PreFlight said "not needed",
    or there is no Maintenance script, so that it ends Skipped after PreMaintenance and never leaves service.
    """
    result = result_of(outcome)
    if result is Result.NOT_NEEDED and (stage, result) not in HOST_TABLES[kind]:
        # Exit status 70 skips maintenance only before the host leaves service; elsewhere it is a failure.
        result = Result.FAILURE
    move = HOST_TABLES[kind][stage, result]
    if stage is Stage.RETURN and result is Result.SUCCESS:
        if failing:
            return Move(T.FAILED)
        if cancelling:
            return Move(T.CANCELLED)
        return move
    if cancelling and stage in {Stage.DRAIN, Stage.MAINTENANCE}:
        return Move(T.RETURNING, S.RETURN)
    if cancelling and stage in {Stage.PREFLIGHT, Stage.PRE_MAINTENANCE, Stage.POST_MAINTENANCE}:
        return Move(T.CANCELLED)
    if stays and stage is Stage.PRE_MAINTENANCE and result is Result.SUCCESS:
        return Move(T.SKIPPED)
    return move


# ---- whose turn it is ------------------------------------------------------------------------------------------------


def host_turns(run: RunView, now: datetime) -> list[Decision]:
    """What begins now: PreFlights first, on all hosts; then the hosts' turns."""
    return _preflights(run) or _turns(run, now)


def _preflights(run: RunView) -> list[Decision]:
    """PreFlight runs on all hosts of the run before anything is touched, eight at a time.

    Non-empty, or still some Checking: no host's turn has come yet.
    """
    unchecked = [t for t in run.waiting if t.state is T.WAITING]
    checking = run.counts.get(T.CHECKING, 0)
    return [StartStage(t.id, Stage.PREFLIGHT) for t in unchecked[: max(0, PREFLIGHTS_AT_ONCE - checking)]]


def _turns(run: RunView, now: datetime) -> list[Decision]:
    """Whose turn it is: clusters in order, at most so many at once, in each at most so many hosts at once."""
    if run.counts.get(T.WAITING, 0) or any(
        t.state is T.CHECKING and t.preflight_at is None for t in run.begun
    ):
        return []
    in_turn = Counter(t.cluster for t in run.begun)
    decisions: list[Decision] = []
    for target in run.waiting:
        if target.cluster not in in_turn and len(in_turn) >= run.clusters_in_parallel:
            continue
        if in_turn[target.cluster] >= run.max_unavailable:
            continue
        in_turn[target.cluster] += 1
        fresh = target.preflight_at is not None and now - target.preflight_at <= PREFLIGHT_MAX_AGE
        decisions.append(StartStage(target.id, Stage.PRE_MAINTENANCE if fresh else Stage.PREFLIGHT))
    return decisions
