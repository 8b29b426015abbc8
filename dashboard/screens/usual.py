"""What is usual, said of what is coming: when a host that is on its way, or a whole run, will be done."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from dashboard.screens.words import Range
from maintenance.domain.states import (
    TARGET_BEGUN,
    TARGET_WAITING,
    RunKind,
    RunState,
    Stage,
    StepState,
    TargetState,
)
from maintenance.models import Run, Step, Target
from maintenance.usual import usual_stage_times

KEPT_S = 10.0
HELD_MAX = 50

# Stages between a host's turn and its end, in order.
ON_THE_WAY = (Stage.PRE_MAINTENANCE, Stage.DRAIN, Stage.MAINTENANCE, Stage.RETURN, Stage.POST_MAINTENANCE)


@dataclass
class _Learned:
    ranges: dict[str, Range] = field(default_factory=dict)
    at: float = float("-inf")


_learned = _Learned()


def usual_ranges() -> dict[str, Range]:
    """By stage, where known. Looked up once in KEPT_S seconds, whoever asks."""
    if time.monotonic() - _learned.at > KEPT_S:
        found = {stage: Range(low, high) for stage, (low, high) in usual_stage_times().items()}
        _learned.ranges, _learned.at = found, time.monotonic()
    return _learned.ranges


def forget() -> None:
    """The next question is answered from the database."""
    _learned.at = float("-inf")


def usual_of_a_host() -> Range | None:
    """From a host's turn to its end, where every stage that takes hosts out of service is known."""
    ranges = usual_ranges()
    if not {Stage.DRAIN, Stage.MAINTENANCE, Stage.RETURN} <= ranges.keys():
        return None
    total = Range(0, 0)
    for stage in ON_THE_WAY:
        total += ranges.get(stage, Range(0, 0))
    return total


@dataclass(frozen=True, slots=True)
class Ends:
    """Between these two moments, by what is usual."""

    low: datetime
    high: datetime

    def later(self, low_s: float, high_s: float) -> "Ends":
        return Ends(self.low + timedelta(seconds=low_s), self.high + timedelta(seconds=high_s))


def host_ends(step: Step | None) -> Ends | None:
    """When a host that is on its way will be done, as far as that is known."""
    ranges = usual_ranges()
    now = timezone.now()
    if step is None or step.stage not in ON_THE_WAY or step.stage not in ranges:
        return None
    began = step.started or now
    ends = Ends(began, began).later(ranges[step.stage].low_s, ranges[step.stage].high_s)
    ends = Ends(max(ends.low, now), max(ends.high, now))
    for stage in ON_THE_WAY[ON_THE_WAY.index(Stage(step.stage)) + 1 :]:
        usual = ranges.get(stage, Range(0, 0))
        ends = ends.later(usual.low_s, usual.high_s)
    return ends


def knows_the_rest(step: Step) -> bool:
    """Whether the usual time of this stage and of every later one is known."""
    if step.stage not in ON_THE_WAY:
        return False
    return set(ON_THE_WAY[ON_THE_WAY.index(Stage(step.stage)) :]) <= usual_ranges().keys()


def held_targets(run: Run) -> list[Target]:
    """The hosts in turn, when none is at work and each is held; empty while anything goes on."""
    if run.targets.filter(state__in=[*TARGET_BEGUN, TargetState.CHECKING]).exists():
        return []
    open_steps = Step.objects.filter(run=run).exclude(state=StepState.ENDED).values("target")
    in_turn = list(
        run.targets.filter(state=TargetState.READY, id__in=open_steps).order_by("order")[:HELD_MAX]
    )
    return in_turn if all(target.detail for target in in_turn) else []


def run_ends(run: Run, counts: dict[str, int], clusters_left: int) -> Ends | None:
    """When the run will be over if nothing fails; None while too little is known, or nothing moves."""
    host = usual_of_a_host()
    if host is None or run.state != RunState.RUNNING or run.pausing or run.kind == RunKind.HOST:
        return None
    waiting = sum(counts.get(state, 0) for state in (*TARGET_WAITING, TargetState.CHECKING))
    begun = sum(counts.get(state, 0) for state in TARGET_BEGUN)
    if not waiting and not begun:
        return None
    if not begun and held_targets(run):
        return None
    at_once = max(1, min(run.clusters_in_parallel, max(1, clusters_left)) * run.max_unavailable)
    # Whoever is on the way has on average half of it behind.
    rounds = waiting / at_once + (0.5 if begun else 0)
    now = timezone.now()
    return Ends(now, now).later(rounds * host.low_s, rounds * host.high_s)
