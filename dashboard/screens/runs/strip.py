"""A run at one glance: a cell per host grouped by cluster, or, when they are many, counts and one bar."""

from dataclasses import dataclass
from itertools import groupby

from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.marks import NEEDS_PERSON, Mark, mark
from dashboard.screens.runs.name import target_mark, target_url, thing_of
from dashboard.screens.words import count, figure, said
from maintenance.domain.states import (
    OVER_SERVERS,
    OVER_SYSTEM_VMS,
    TARGET_BEGUN,
    TARGET_ENDED,
    TARGET_WAITING,
    TargetState,
)
from maintenance.models import Run, Target

CELLS_MAX = 50  # more hosts than this are counted here, and drawn by cluster on the run's page


@dataclass(frozen=True, slots=True)
class Cell:
    mark: Mark
    said: str
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Group:
    """The hosts of one cluster, or the management servers."""

    title: str
    finished: str
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Tally:
    mark: Mark
    hosts: int
    section: str  # the filter of the list of all hosts


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the bar, in hundredths of its width."""

    state: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Strip:
    label: str
    groups: list[Group]
    tallies: list[Tally]
    segments: list[Segment]


# What the counts are called, which states each counts, and under which filter the list of all hosts shows them.
SECTIONS: dict[str, tuple[Mark, frozenset[TargetState]]] = {
    "done": (mark(TargetState.DONE), frozenset({TargetState.DONE})),
    "at-work": (Mark("Working", gettext_lazy("At work"), "running"), TARGET_BEGUN | {TargetState.CHECKING}),
    "waiting": (mark(TargetState.WAITING), TARGET_WAITING),
    "needs-person": (NEEDS_PERSON, frozenset({TargetState.NEEDS_PERSON})),
    "failed": (mark(TargetState.FAILED), frozenset({TargetState.FAILED})),
    "skipped": (mark(TargetState.SKIPPED), frozenset({TargetState.SKIPPED})),
    "cancelled": (mark(TargetState.CANCELLED), frozenset({TargetState.CANCELLED})),
}


def counts_of(run: Run) -> dict[str, int]:
    """Hosts by state."""
    return counts_of_targets(run.targets.all())


def counts_of_targets(targets: QuerySet[Target]) -> dict[str, int]:
    """The same, of some of a run's hosts."""
    return dict(targets.order_by().values_list("state").annotate(hosts=Count("id")))


def strip(run: Run, counts: dict[str, int]) -> Strip:
    total = sum(counts.values())
    if total > CELLS_MAX:
        tallies = _tallies(counts)
        return Strip(count(total, thing_of(run)), [], tallies, _segments(tallies, total))
    if run.kind in OVER_SERVERS:
        title = _("Management servers")
        return Strip(count(total, "server"), [_group(title, list(run.targets.order_by("order")))], [], [])
    if run.kind in OVER_SYSTEM_VMS:
        return Strip(count(total, thing_of(run)), _by_zone(run), [], [])
    groups = [
        _group(f"{zone} · {cluster}", list(targets))
        for (zone, cluster), targets in groupby(
            run.targets.order_by("order"), key=lambda t: (t.zone_name, t.cluster_name)
        )
    ]
    label = _("%(hosts)s in %(clusters)s")
    label %= {"hosts": count(total, "host"), "clusters": count(len(groups), "cluster")}
    return Strip(label, groups, [], [])


def _by_zone(run: Run) -> list[Group]:
    targets = run.targets.order_by("order")
    return [_group(zone, list(there)) for zone, there in groupby(targets, key=lambda t: t.zone_name)]


def _group(title: str, targets: list[Target]) -> Group:
    finished = sum(t.state in TARGET_ENDED - {TargetState.NEEDS_PERSON} for t in targets)
    cells = [Cell(target_mark(t), said(t.name), t.name, target_url(t)) for t in targets]
    return Group(
        title,
        _("%(n)s of %(all)s") % {"n": figure(finished), "all": figure(len(targets))},
        cells,
    )


def _tallies(counts: dict[str, int]) -> list[Tally]:
    found = [
        Tally(drawn, sum(counts.get(state, 0) for state in states), section)
        for section, (drawn, states) in SECTIONS.items()
    ]
    return [t for t in found if t.hosts or t.section in {"done", "at-work", "waiting"}]


def _segments(tallies: list[Tally], total: int) -> list[Segment]:
    x = 0.0
    segments = []
    for tally in sorted(tallies, key=lambda t: t.section == "waiting"):
        width = round(100 * tally.hosts / total, 3)
        segments.append(Segment(tally.mark.state, round(x, 3), width))
        x += width
    return segments
