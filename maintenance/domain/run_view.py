"""The words in which decisions about a run are made: what is known of it, what a stage's end leads to, what starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import RunKind, RunState, Stage, TargetState


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
    """What a host, or a management server, becomes when a stage has ended, and which stage comes next."""

    state: TargetState
    then: Stage | None = None
    failing: bool = False  # it goes home first, then it is Failed
    fails_run: bool = False  # nothing was touched, nothing will be
    words: str = ""


@dataclass(frozen=True, slots=True)
class TargetView:
    """One host or management server of a run, as far as the decision needs it."""

    id: UUID
    cluster: UUID | None  # of a host; of a system VM its zone
    order: int
    state: TargetState
    next_stage: Stage | None = None
    has_open_step: bool = False
    preflight_at: datetime | None = None
    group: UUID | None = None  # of a router: its network or VPC, of which one router is at work at a time


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
    canary: int = 0  # of a run over system VMs: so many first, alone
    first_stage: Stage | None = None  # of a restart of routers: with which one begins


@dataclass(frozen=True, slots=True)
class StartStage:
    """A stage of a host or server starts now."""

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
