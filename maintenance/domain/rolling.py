"""The whole story of a rolling maintenance: one table of a host's way, and one function that decides what starts now.

Plain data in, plain data out: no Django, no clock, no I/O. The engine loads a `RunView`, calls `decide`, and does what
it says; a test can do the same with ten thousand hosts in virtual time.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import (
    RUN_ENDED,
    TARGET_BEGUN,
    TARGET_WAITING,
    RunKind,
    RunState,
    Stage,
    TargetState,
)

PREFLIGHTS_AT_ONCE = 8
PREFLIGHT_MAX_AGE = timedelta(minutes=60)


class Result(StrEnum):
    """An outcome, as far as the table cares."""

    SUCCESS = "success"
    NOT_NEEDED = "not needed"
    FAILURE = "failure"


def result_of(outcome: Outcome) -> Result:
    """Whatever is not known to be good is a failure: a lost or unknown result is never a success."""
    match outcome:
        case Outcome.OK:
            return Result.SUCCESS
        case Outcome.NOT_NEEDED:
            return Result.NOT_NEEDED
        case _:
            return Result.FAILURE


@dataclass(frozen=True, slots=True)
class Move:
    """What a host becomes when a stage has ended, and which stage comes next."""

    state: TargetState
    then: Stage | None = None
    failing: bool = False  # it goes home first, then it is Failed
    fails_run: bool = False  # nothing was touched, nothing will be
    words: str = ""


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

TABLES: Mapping[RunKind, Mapping[tuple[Stage, Result], Move]] = {
    RunKind.ROLLING: ROLLING,
    RunKind.HOST: BY_HAND,
}


def next_move(
    kind: RunKind, stage: Stage, outcome: Outcome, *, failing: bool, cancelling: bool, stays: bool = False
) -> Move:
    """The host's next move after a stage ended.

    `failing`, `cancelling`: it is on its way home to end Failed or Cancelled. `stays`: PreFlight said "not needed",
    or there is no Maintenance script, so that it ends Skipped after PreMaintenance and never leaves service.
    """
    result = result_of(outcome)
    if result is Result.NOT_NEEDED and (stage, result) not in TABLES[kind]:
        # Exit status 70 skips maintenance only before the host leaves service; elsewhere it is a failure.
        result = Result.FAILURE
    move = TABLES[kind][stage, result]
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


# ---- what starts now ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TargetView:
    """One host of a run, as far as the decision needs it."""

    id: UUID
    cluster: UUID
    order: int
    state: TargetState
    next_stage: Stage | None = None
    has_open_step: bool = False
    preflight_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as known now. `begun` has every host in progress; `waiting` at least the first candidates of each
    cluster, in the plan's order; `counts` all hosts by state."""

    kind: RunKind
    state: RunState
    pausing: bool
    ending: RunState | None
    max_unavailable: int
    clusters_in_parallel: int
    begun: tuple[TargetView, ...]
    waiting: tuple[TargetView, ...]
    counts: Mapping[TargetState, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StartStage:
    """A stage of a host starts now."""

    target: UUID
    stage: Stage


@dataclass(frozen=True, slots=True)
class CancelWaiting:
    """Every host that has not begun will not."""


@dataclass(frozen=True, slots=True)
class BecomePaused:
    """Nothing is in progress any more: the asked pause is reached."""


@dataclass(frozen=True, slots=True)
class EndRun:
    """The run is over."""

    state: RunState


type Decision = StartStage | CancelWaiting | BecomePaused | EndRun


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
    in_progress = [t for t in run.begun if t.state in TARGET_BEGUN or t.state is T.CHECKING]
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
            decisions += _preflights(run) or _turns(run, now)
    return decisions


def _has_open_steps(run: RunView) -> bool:
    return any(target.has_open_step for target in run.begun)


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


def _end_of(counts: Mapping[TargetState, int]) -> RunState:
    """Any failed or flagged host makes the run Failed; skips alone do not."""
    if counts.get(T.FAILED, 0) or counts.get(T.NEEDS_PERSON, 0):
        return RunState.FAILED
    return RunState.SUCCEEDED
