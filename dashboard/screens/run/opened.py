"""A tile of the map that is open: the cluster's hosts, a cell each, and the one in focus with what can be done."""

from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from dashboard.screens.marks import Mark, mark
from dashboard.screens.run.rows import Row, all_hosts_url, rows
from dashboard.screens.run.view import RunView
from dashboard.screens.runs.strip import SECTIONS, counts_of_targets
from dashboard.screens.words import figure, said
from maintenance.domain.order import natural
from maintenance.models import Run, Target

CELLS_MAX = 400  # of one cluster; more are on the list of all hosts


@dataclass(frozen=True, slots=True)
class Cell:
    """One host. `name` is whole, `said` the part that people say."""

    target: UUID
    name: str
    said: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class CellLink:
    cell: Cell
    url: str
    is_focused: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """What the opened cluster's hosts are, in figures."""

    cluster: UUID
    parts: list[tuple[Mark, str]]


@dataclass(frozen=True, slots=True)
class Opened:
    cluster: UUID
    title: str
    counts: Counts
    cells: list[CellLink]
    more: int
    more_url: str
    close_url: str
    focus: Row | None


def run_opened(run: Run, view: RunView, role: str) -> Opened | None:
    """The tile that the address has opened; None when it opens none, or one that this run does not have."""
    if view.cluster is None:
        return None
    targets = list(run.targets.filter(cluster=view.cluster).order_by("order")[: CELLS_MAX + 1])
    if not targets:
        return None
    shown = sorted(targets[:CELLS_MAX], key=lambda target: natural(target.name))
    counts = opened_counts(run, view.cluster)
    total = run.targets.filter(cluster=view.cluster).count() if len(targets) > CELLS_MAX else len(targets)
    focused = [target for target in shown if target.host_id == view.host]
    return Opened(
        cluster=view.cluster,
        title=f"{targets[0].zone_name} · {targets[0].cluster_name}",
        counts=counts,
        cells=[_link(target, view) for target in shown],
        more=total - len(shown),
        more_url=all_hosts_url(run, ""),
        close_url=view.url(cluster=None, host=None),
        focus=rows(run, focused, role)[0] if focused else None,
    )


def opened_counts(run: Run, cluster_id: UUID) -> Counts:
    """As it is pushed when one of the cluster's hosts changes."""
    counts = counts_of_targets(run.targets.filter(cluster=cluster_id))
    parts = []
    for drawn, states in SECTIONS.values():
        if hosts := sum(counts.get(state, 0) for state in states):
            words = _("%(n)s %(state)s") % {"n": figure(hosts), "state": drawn.word.lower()}
            parts.append((drawn, words))
    return Counts(cluster_id, parts)


def run_cell(target_id: UUID) -> Cell | None:
    """One cell alone, as it is pushed."""
    target = Target.objects.filter(id=target_id, host__isnull=False).first()
    return _cell(target) if target else None


def _link(target: Target, view: RunView) -> CellLink:
    return CellLink(_cell(target), view.url(host=target.host_id), target.host_id == view.host)


def _cell(target: Target) -> Cell:
    return Cell(target.id, target.name, said(target.name), mark(target.state))


def find_in_run(run: Run, view: RunView) -> str:
    """Where a search leads: one host or cluster on the map, a list of several, or nowhere ("").

    The whole name is meant first, then the part that people say, then any part of it; then a cluster's name.
    """
    wanted = view.find
    hosts = run.targets.order_by("order")
    for narrowed in (
        hosts.filter(name__iexact=wanted),
        hosts.filter(name__iendswith=f"-{wanted}"),
        hosts.filter(name__icontains=wanted),
    ):
        several = list(narrowed[:2])
        if len(several) == 1:
            return view.url(cluster=several[0].cluster_id, host=several[0].host_id)
        if several:
            return all_hosts_url(run, "", search=wanted)
    named = hosts.filter(cluster_name__icontains=wanted).order_by()
    clusters = list(named.values_list("cluster", flat=True).distinct()[:2])
    if len(clusters) == 1:
        return view.url(cluster=clusters[0], host=None)
    return all_hosts_url(run, "", search=wanted) if clusters else ""
