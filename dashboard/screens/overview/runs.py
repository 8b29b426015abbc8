"""The overview's runs in progress: a card each, with the hosts or management servers that are at work now."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Case, F, When, Window
from django.db.models.functions import RowNumber
from django.utils.translation import gettext as _

from dashboard.screens.marks import Mark
from dashboard.screens.run.now import lane_icon, usual_of
from dashboard.screens.run.outlook import held_runs, run_ends
from dashboard.screens.runs.name import (
    finished_of,
    kind_words,
    run_mark,
    run_name,
    run_url,
    target_mark,
    target_url,
)
from dashboard.screens.runs.strip import Strip, counts_of, strip
from dashboard.screens.runs.usual import Ends
from dashboard.screens.words import figure
from maintenance.domain.states import RUN_ACTIVE, TARGET_BEGUN, RunState, StepState, TargetState
from maintenance.models import Run, Step, Target

RUNS_MAX = 6
AT_WORK_MAX = 3
AT_WORK = [*TARGET_BEGUN, TargetState.CHECKING]


@dataclass(frozen=True, slots=True)
class WorkLine:
    name: str
    url: str
    mark: Mark
    since: datetime | None
    usual: str
    lane_icon: str


@dataclass(frozen=True, slots=True)
class RunCard:
    id: UUID
    name: str
    url: str
    number: int
    kind: str
    scope: str
    mark: Mark
    began: datetime
    has_begun: bool
    by: str
    ticket: str
    finished: str
    ends: Ends | None
    paused_for: str
    strip: Strip
    at_work: list[WorkLine]
    more_at_work: int


@dataclass(frozen=True, slots=True)
class RunCards:
    cards: list[RunCard]
    more: int


def run_cards() -> RunCards:
    active = Run.objects.filter(state__in=RUN_ACTIVE).order_by("-number")
    shown = list(active[:RUNS_MAX])
    lines, held = _at_work(shown), held_runs(shown)
    more = active.count() - len(shown) if len(shown) == RUNS_MAX else 0
    return RunCards([_card(run, lines[run.id], is_held=run.id in held) for run in shown], more)


def _card(run: Run, at_work: list[WorkLine], *, is_held: bool) -> RunCard:
    counts = counts_of(run)
    working = sum(counts.get(state, 0) for state in AT_WORK)
    return RunCard(
        id=run.id,
        name=run_name(run),
        url=run_url(run),
        number=run.number,
        kind=kind_words(run),
        scope=run.scope_words,
        mark=run_mark(run, is_held=is_held),
        began=run.started_at or run.created_at,
        has_begun=run.started_at is not None,
        by=run.started_by,
        ticket=run.ticket,
        finished=_("%(n)s of %(total)s")
        % {"n": figure(finished_of(counts)), "total": figure(sum(counts.values()))},
        ends=run_ends(run),
        paused_for=str((run.paused_reason or {}).get("message", "")) if run.state == RunState.PAUSED else "",
        strip=strip(run, counts),
        at_work=at_work,
        more_at_work=max(0, working - len(at_work)),
    )


def _at_work(runs: list[Run]) -> defaultdict[UUID, list[WorkLine]]:
    """The first hosts at work of each run, in two questions for all of them."""
    is_checking = Case(When(state=TargetState.CHECKING, then=1), default=0)
    place = Window(RowNumber(), partition_by=F("run_id"), order_by=[is_checking, F("order")])
    at_work = Target.objects.filter(run__in=runs, state__in=AT_WORK).annotate(place=place)
    targets = list(at_work.filter(place__lte=AT_WORK_MAX).order_by("run", "place"))
    steps = {s.target_id: s for s in Step.objects.filter(target__in=targets).exclude(state=StepState.ENDED)}
    found: defaultdict[UUID, list[WorkLine]] = defaultdict(list)
    for target in targets:
        found[target.run_id].append(_line(target, steps.get(target.id)))
    return found


def _line(target: Target, step: Step | None) -> WorkLine:
    usual = usual_of(target, step)
    return WorkLine(
        name=target.name,
        url=target_url(target),
        mark=target_mark(target),
        since=step.started if step else target.out_at,
        usual=_("usually %(range)s") % {"range": usual} if usual else "",
        lane_icon=lane_icon(target.state),
    )
