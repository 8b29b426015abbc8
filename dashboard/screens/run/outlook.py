"""When a run's waiting hosts have their turn, and when it will be over, if nothing fails; or that nobody can know."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Count, Min, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.screens.run.lateness import away_now
from dashboard.screens.run.queue import ClusterLeft, play
from dashboard.screens.runs.usual import Ends, host_ends, usual_of_a_host, usual_ranges
from dashboard.screens.words import Range
from maintenance.domain.rolling import PREFLIGHTS_AT_ONCE
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

HELD_MAX = 50


@dataclass(frozen=True, slots=True)
class Outlook:
    """`turns`: when each of the hosts asked for has its turn. `unknown`: why nothing can be said of the end."""

    ends: Ends | None = None
    turns: dict[UUID, Ends] = field(default_factory=dict)
    unknown: str = ""
    is_held: bool = False


@dataclass(frozen=True, slots=True)
class _Left:
    """A cluster of the run with hosts that have not ended."""

    cluster: UUID
    begun: int
    waiting: int
    unchecked: int
    usual: Range | None


def run_ends(run: Run) -> Ends | None:
    """When the run will be over if nothing fails; None while too little is known, or nothing moves."""
    return outlook(run).ends


def outlook(run: Run, asked: Sequence[Target] = ()) -> Outlook:
    """`asked`: waiting hosts whose turns are wanted, each cluster's from its first waiting host on."""
    if run.kind != RunKind.ROLLING or run.state not in {RunState.QUEUED, RunState.RUNNING} or run.pausing:
        return Outlook()
    left = _clusters_left(run)
    if not left:
        return Outlook()
    if not any(cluster.begun for cluster in left) and held_targets(run):
        return Outlook(is_held=True)
    if any(cluster.usual is None for cluster in left):
        return Outlook(unknown=_("not known yet: too few hosts have gone this way before"))
    if (away := away_now(run)).any:
        return Outlook(unknown=away.words())
    at_work = _seconds_left(run, {cluster.cluster: cluster.usual for cluster in left if cluster.usual})
    return _played(run, left, at_work, asked)


def held_targets(run: Run) -> list[Target]:
    """The hosts in turn, when none is at work and each is held; empty while anything goes on."""
    if run.targets.filter(state__in=[*TARGET_BEGUN, TargetState.CHECKING]).exists():
        return []
    open_steps = Step.objects.filter(run=run).exclude(state=StepState.ENDED).values("target")
    in_turn = list(
        run.targets.filter(state=TargetState.READY, id__in=open_steps).order_by("order")[:HELD_MAX]
    )
    return in_turn if all(target.detail for target in in_turn) else []


def held_runs(runs: Sequence[Run]) -> set[UUID]:
    """Of these, the running ones of which nothing moves: as `held_targets`, in two questions for all of them."""
    running = [run.id for run in runs if run.state == RunState.RUNNING and not run.pausing]
    if not running:
        return set()
    at_work = Target.objects.filter(run__in=running, state__in=[*TARGET_BEGUN, TargetState.CHECKING])
    moving = set(at_work.order_by().values_list("run", flat=True).distinct())
    open_steps = Step.objects.filter(run__in=running).exclude(state=StepState.ENDED).values("target")
    in_turn = Target.objects.filter(state=TargetState.READY, id__in=open_steps).order_by()
    found: set[UUID] = set()
    for run_id, detail in in_turn.values_list("run", "detail"):
        found.add(run_id)
        if not detail:
            moving.add(run_id)
    return found - moving


def _clusters_left(run: Run) -> list[_Left]:
    """In the run's order."""
    waiting = Q(state__in=[*TARGET_WAITING, TargetState.CHECKING])
    unchecked = Q(state__in=[TargetState.WAITING, TargetState.CHECKING], preflight_at=None)
    found = (
        run.targets.filter(waiting | Q(state__in=TARGET_BEGUN))
        .order_by()
        .values_list("cluster")
        .annotate(
            first=Min("order"),
            begun=Count("id", filter=Q(state__in=TARGET_BEGUN)),
            waiting=Count("id", filter=waiting),
            unchecked=Count("id", filter=unchecked),
        )
        .order_by("first")
    )
    return [
        _Left(cluster, begun, waits, unseen, usual_of_a_host(cluster))
        for cluster, _first, begun, waits, unseen in found
    ]


def _seconds_left(run: Run, usual: dict[UUID, Range]) -> dict[UUID, list[Range]]:
    """By cluster: how much longer each host takes that is on its way."""
    now = timezone.now()
    steps = Step.objects.filter(run=run, target__state__in=TARGET_BEGUN).exclude(state=StepState.ENDED)
    found: dict[UUID, list[Range]] = {}
    for step in steps.select_related("target"):
        ends = host_ends(step)
        if ends is None:
            rest = Range(0, usual[step.target.cluster_key].high_s)
        else:
            rest = Range((ends.low - now).total_seconds(), (ends.high - now).total_seconds())
        found.setdefault(step.target.cluster_key, []).append(rest)
    return found


def _played(
    run: Run, left: Sequence[_Left], at_work: dict[UUID, list[Range]], asked: Sequence[Target]
) -> Outlook:
    preflight = usual_ranges().get(Stage.PREFLIGHT, Range(0, 0))
    rounds = -(-sum(cluster.unchecked for cluster in left) // PREFLIGHTS_AT_ONCE)

    def queue(end: int) -> list[ClusterLeft]:
        return [
            ClusterLeft(
                key=cluster.cluster,
                # Between two stages there is no step to be measured by: such a host is at its end in a moment.
                at_work_s=[_end(rest, end) for rest in at_work.get(cluster.cluster, ())]
                or [0.0] * cluster.begun,
                waiting=cluster.waiting,
                takes_s=_end(cluster.usual, end),
                at_once=run.max_unavailable,
            )
            for cluster in left
        ]

    low, high = (play(queue(end), in_parallel=run.clusters_in_parallel) for end in (0, 1))
    now = timezone.now()
    start = Ends(now, now)
    if run.not_before and run.not_before > now:
        start = Ends(run.not_before, run.not_before)
    start = start.later(rounds * preflight.low_s, rounds * preflight.high_s)
    turns: dict[UUID, Ends] = {}
    places: dict[UUID, int] = {}
    for target in asked:
        place = places[target.cluster_key] = places.get(target.cluster_key, -1) + 1
        lows, highs = low.turns_s.get(target.cluster_id, []), high.turns_s.get(target.cluster_id, [])
        if place < len(lows):
            turns[target.id] = start.later(lows[place], highs[place])
    return Outlook(start.later(low.ends_s, high.ends_s), turns)


def _end(usual: Range | None, end: int) -> float:
    assert usual is not None, "clusters without a usual time end the outlook before"
    return usual.high_s if end else usual.low_s
