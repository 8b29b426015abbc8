"""How far a run is, weighted by how long each stage takes: 100 only at the end, and going back only when a person adds
work.

Each stage weighs what it took before the run began, so the weights stay the same while the run goes on. A host that is
tried again begins anew, and one that needs a person has its PostMaintenance still to come.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from uuid import UUID

from django.db import connection
from django.db.models import Count, Q
from django.utils import timezone

from maintenance.domain.states import (
    STATE_DURING,
    TARGET_BEGUN,
    TARGET_ENDED,
    RunKind,
    RunState,
    Stage,
    StepState,
    TargetState,
)
from maintenance.models import Run, Step

PERCENT_BEFORE_END = 99.0
BEGUN = TARGET_BEGUN | {TargetState.NEEDS_PERSON}
STANDS_AS = {
    TargetState.IN_MAINTENANCE: TargetState.WORKING,
    TargetState.NEEDS_PERSON: TargetState.VERIFYING,  # its Return was tried
}
LEARN_FROM_MIN = 3
LEARN_FOR = timedelta(days=30)
ENOUGH = 100

STAGES_IN_ORDER = (
    Stage.PREFLIGHT,
    Stage.PRE_MAINTENANCE,
    Stage.DRAIN,
    Stage.MAINTENANCE,
    Stage.RETURN,
    Stage.POST_MAINTENANCE,
)
# Seconds, for stages nobody has learned about here yet; only their proportions count.
UNLEARNED_S = dict(zip(STAGES_IN_ORDER, (5.0, 5.0, 60.0, 180.0, 20.0, 15.0), strict=True))
SHARE_AT_USUAL = (
    0.8  # of a stage's weight, when it has taken its usual time; later ones come ever closer to all of it
)

_MEDIANS = """
SELECT stage, percentile_cont(0.5) WITHIN GROUP (ORDER BY s) FROM (
    SELECT stage, extract(epoch FROM finished - started) AS s,
           row_number() OVER (PARTITION BY stage ORDER BY finished DESC) AS place
    FROM maintenance_step
    WHERE outcome = 'ok' AND detail <> 'no script' AND started IS NOT NULL AND finished > %s AND finished <= %s
) AS durations WHERE place <= %s GROUP BY stage HAVING count(*) >= %s
"""


@dataclass(frozen=True, slots=True)
class _Standing:
    """Hosts by what counts of them."""

    total: int
    ended: int
    checked: int  # of those that wait, or are checked again
    begun: dict[str, int]


def run_percent(run: Run) -> float | None:
    """0 to 99 while the run goes on, 100 once it succeeded; None where an end was reached on another way."""
    if run.kind == RunKind.HOST:
        return None
    if run.state in {RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED}:
        return 100.0 if run.state == RunState.SUCCEEDED else None
    standing = _standing(run)
    weights = _weights(run.id, run.created_at)
    whole = sum(weights.values())
    reached = standing.ended * whole + standing.checked * weights[Stage.PREFLIGHT]
    reached += sum(hosts * _before(state, weights) for state, hosts in standing.begun.items())
    reached += sum(_inside(step, weights) for step in _open_steps(run))
    return min(PERCENT_BEFORE_END, 100 * reached / (whole * standing.total)) if standing.total else 0.0


def _standing(run: Run) -> _Standing:
    found = run.targets.aggregate(
        total=Count("id"),
        ended=Count("id", filter=Q(state__in=TARGET_ENDED - {TargetState.NEEDS_PERSON})),
        checked=Count(
            "id",
            filter=~Q(preflight_at=None)
            & Q(state__in=[TargetState.WAITING, TargetState.READY, TargetState.CHECKING]),
        ),
        **{state: Count("id", filter=Q(state=state)) for state in BEGUN},
    )
    begun = {str(state): found[state] for state in BEGUN if found[state]}
    return _Standing(found["total"], found["ended"], found["checked"], begun)


def _open_steps(run: Run) -> list[Step]:
    """Of hosts that are at work now; a host that waits at the gate has not begun."""
    at_work = [*TARGET_BEGUN, TargetState.CHECKING]
    steps = Step.objects.filter(run=run, target__state__in=at_work, started__isnull=False)
    # A PreFlight that is made again was counted when it was made first.
    return list(
        steps.exclude(state=StepState.ENDED).exclude(
            stage=Stage.PREFLIGHT, target__preflight_at__isnull=False
        )
    )


def _before(state: str, weights: Mapping[Stage, float]) -> float:
    """What lies behind a host that stands here."""
    state = STANDS_AS.get(TargetState(state), TargetState(state))
    reached = 0.0
    for stage in STAGES_IN_ORDER:
        if STATE_DURING[stage] == state:
            break
        reached += weights[stage]
    return reached


def _inside(step: Step, weights: Mapping[Stage, float]) -> float:
    """What counts of the stage that goes on: it moves all the time, and never reaches the whole of it."""
    assert step.started is not None
    usual = weights[Stage(step.stage)]
    part = max(0.0, (timezone.now() - step.started).total_seconds()) / usual
    share = SHARE_AT_USUAL * part if part <= 1 else 1 - (1 - SHARE_AT_USUAL) / part
    return usual * share


@lru_cache(maxsize=256)
def _weights(_run_id: UUID, before: datetime) -> dict[Stage, float]:
    """Seconds each stage took in the middle, of what had ended before this moment."""
    with connection.cursor() as cursor:
        cursor.execute(_MEDIANS, [before - LEARN_FOR, before, ENOUGH, LEARN_FROM_MIN])
        learned = {stage: max(0.1, float(s)) for stage, s in cursor.fetchall()}
    return {stage: learned.get(stage, usual) for stage, usual in UNLEARNED_S.items()}
