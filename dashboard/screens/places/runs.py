"""Runs in a place: those that go on there, and those that went."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Count, Exists, OuterRef

from dashboard.screens.marks import Mark
from dashboard.screens.places.kinds import Kind
from dashboard.screens.run.head import finished_of, run_mark, run_name, run_url
from dashboard.screens.words import duration
from maintenance.domain.states import RUN_ACTIVE, TargetState
from maintenance.models import Run, Target

IN_PROGRESS_MAX = 20
HISTORY_MAX = 10


@dataclass(frozen=True, slots=True)
class PlaceRun:
    """`finished`, `hosts`, `failed`: of this place, which may be less than the run."""

    number: int
    name: str
    url: str
    mark: Mark
    by: str
    began: datetime
    since: datetime | None
    took: str
    hosts: int
    finished: int
    failed: int


@dataclass(frozen=True, slots=True)
class RunsThere:
    in_progress: list[PlaceRun]
    history: list[PlaceRun]
    more: bool


def runs_there(kind: Kind, place: Any) -> RunsThere:
    there = Exists(Target.objects.filter(run=OuterRef("pk"), **{kind.of_target: place.id}))
    going = list(Run.objects.filter(there, state__in=RUN_ACTIVE).order_by("-number")[:IN_PROGRESS_MAX])
    gone = list(
        Run.objects.filter(there).exclude(state__in=RUN_ACTIVE).order_by("-number")[: HISTORY_MAX + 1]
    )
    shown = gone[:HISTORY_MAX]
    counts: dict[UUID, dict[str, int]] = {run.id: {} for run in [*going, *shown]}
    targets = Target.objects.filter(run__in=counts, **{kind.of_target: place.id}).order_by()
    for run_id, state, hosts in targets.values_list("run", "state").annotate(n=Count("id")):
        counts[run_id][state] = hosts
    return RunsThere(
        [_run(run, counts[run.id]) for run in going],
        [_run(run, counts[run.id]) for run in shown],
        len(gone) > HISTORY_MAX,
    )


def _run(run: Run, counts: dict[str, int]) -> PlaceRun:
    began = run.started_at or run.created_at
    return PlaceRun(
        number=run.number,
        name=run_name(run),
        url=run_url(run),
        mark=run_mark(run),
        by=run.started_by,
        began=began,
        since=None if run.finished_at else began,
        took=duration((run.finished_at - began).total_seconds()) if run.finished_at else "",
        hosts=sum(counts.values()),
        finished=finished_of(counts),
        failed=counts.get(TargetState.FAILED, 0) + counts.get(TargetState.NEEDS_PERSON, 0),
    )
