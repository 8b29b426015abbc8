"""What is usual here, learned from what has ended well, and what it says of a host that is on its way."""

import time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.utils import timezone

from dashboard.screens.words import Range
from maintenance.domain.states import Stage
from maintenance.models import Step
from maintenance.usual import UsualTimes, usual_stage_times, usual_times_out, usual_turns

KEPT_S = 10.0

# Stages between a host's turn and its end, in order.
ON_THE_WAY = (Stage.PRE_MAINTENANCE, Stage.DRAIN, Stage.MAINTENANCE, Stage.RETURN, Stage.POST_MAINTENANCE)
TAKES_HOSTS_OUT = frozenset({Stage.DRAIN, Stage.MAINTENANCE, Stage.RETURN})


@dataclass
class _Learned:
    ranges: dict[str, Range] = field(default_factory=dict)
    turns: UsualTimes = field(default_factory=lambda: UsualTimes({}, None))
    times_out: UsualTimes = field(default_factory=lambda: UsualTimes({}, None))
    at: float = float("-inf")


_learned = _Learned()


def usual_ranges() -> dict[str, Range]:
    """By stage, where known. Looked up once in KEPT_S seconds, whoever asks."""
    _look_up()
    return _learned.ranges


def usual_of_a_host(cluster_id: UUID | None = None) -> Range | None:
    """From a host's turn to its end: as hosts of this cluster took, else of any, else the sum of the usual stages."""
    _look_up()
    turns = _learned.turns
    if found := turns.of(cluster_id) if cluster_id else turns.anywhere:
        return Range(*found)
    if not _learned.ranges.keys() >= TAKES_HOSTS_OUT:
        return None
    total = Range(0, 0)
    for stage in ON_THE_WAY:
        total += _learned.ranges.get(stage, Range(0, 0))
    return total


def usual_time_out(cluster_id: UUID) -> Range | None:
    """How long a host is out of service: as hosts of this cluster were, else any."""
    _look_up()
    found = _learned.times_out.of(cluster_id)
    return Range(*found) if found else None


def forget() -> None:
    """The next question is answered from the database."""
    _learned.at = float("-inf")


def _look_up() -> None:
    if time.monotonic() - _learned.at > KEPT_S:
        _learned.ranges = {stage: Range(low, high) for stage, (low, high) in usual_stage_times().items()}
        _learned.turns, _learned.times_out = usual_turns(), usual_times_out()
        _learned.at = time.monotonic()


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


def late_after_s(usual: Range | None) -> float:
    """From when on a stage counts as late: clearly past its usual range. 0: nothing is known."""
    return round(usual.high_s * 1.25 + 5, 1) if usual else 0
