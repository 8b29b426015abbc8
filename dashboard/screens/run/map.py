"""A run over many hosts as a map: one tile a cluster, in fixed places by zone and pod."""

from collections import defaultdict
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.marks import Mark, mark
from dashboard.screens.run.choice import Choice
from dashboard.screens.run.view import RunView
from dashboard.screens.runs.strip import SECTIONS, Segment
from dashboard.screens.words import count, figure
from maintenance.domain.order import natural
from maintenance.domain.states import TARGET_ENDED, TargetState
from maintenance.models import Cluster, Run

# The worst first: what a tile is marked with. Then what counts as needing a person, or as at work, for the filter.
_WORST = ("needs-person", "failed", "at-work", "waiting", "skipped", "cancelled", "done")
SHOWS = {
    "needs": (gettext_lazy("Needs a person"), frozenset({"needs-person", "failed"})),
    "at-work": (gettext_lazy("At work"), frozenset({"at-work"})),
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One cluster. `shows`: the filters that do not dim it. `title` is said in full where the tile is too small."""

    id: UUID
    name: str
    title: str
    mark: Mark
    counted: str
    shows: str
    total: int
    segments: list[Segment]


@dataclass(frozen=True, slots=True)
class TileLink:
    """A tile in its place: pressing it opens it."""

    tile: Tile
    url: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class PodTiles:
    name: str
    tiles: list[TileLink]
    is_open: bool  # one of its tiles is


@dataclass(frozen=True, slots=True)
class ZoneTiles:
    name: str
    summary: str
    pods: list[PodTiles]


@dataclass(frozen=True, slots=True)
class Map:
    zones: list[ZoneTiles]
    summary: str
    show: str
    choices: list[Choice]


def run_map(run: Run, view: RunView) -> Map:
    """Every cluster of the run, always in the same place."""
    zones: dict[str, dict[str, list[Tile]]] = defaultdict(lambda: defaultdict(list))
    tiles = sorted(_tiles(run), key=lambda placed: placed.place())
    for placed in tiles:
        zones[placed.zone][placed.pod].append(placed.tile)
    return Map(
        zones=[_zone(name, pods, view) for name, pods in zones.items()],
        summary=count(len(tiles), "cluster"),
        show=view.show,
        choices=[
            Choice(view.url(show=""), _("All"), not view.show),
            *(
                Choice(view.url(show=key), str(words), view.show == key)
                for key, (words, _of) in SHOWS.items()
            ),
        ],
    )


def _zone(name: str, pods: dict[str, list[Tile]], view: RunView) -> ZoneTiles:
    tiles = [tile for found in pods.values() for tile in found]
    summary = _("%(clusters)s, %(hosts)s") % {
        "clusters": count(len(tiles), "cluster"),
        "hosts": count(sum(tile.total for tile in tiles), "host"),
    }
    return ZoneTiles(name, summary, [_pod(pod, found, view) for pod, found in pods.items()])


def _pod(name: str, tiles: list[Tile], view: RunView) -> PodTiles:
    links = [TileLink(tile, view.url(cluster=tile.id, host=None), tile.id == view.cluster) for tile in tiles]
    return PodTiles(name, links, any(link.is_open for link in links))


def run_tile(run: Run, cluster_id: UUID) -> Tile | None:
    """One tile alone, as it is pushed."""
    found = _tiles(run, cluster_id)
    return found[0].tile if found else None


@dataclass(frozen=True, slots=True)
class _Placed:
    zone: str
    pod: str
    tile: Tile

    def place(self) -> tuple[object, ...]:
        return natural(self.zone), natural(self.pod), natural(self.tile.name), str(self.tile.id)


def _tiles(run: Run, only: UUID | None = None) -> list[_Placed]:
    """Two queries, however many hosts the run has."""
    targets = run.targets.filter(cluster=only) if only else run.targets.all()
    names: dict[UUID, tuple[str, str]] = {}
    counts: dict[UUID, dict[str, int]] = defaultdict(dict)
    grouped = targets.order_by().values_list("cluster", "zone_name", "cluster_name", "state")
    for cluster, zone, name, state, hosts in grouped.annotate(hosts=Count("id")):
        names[cluster] = zone, name
        counts[cluster][state] = hosts
    # The pod of a cluster that the cloud no longer lists is not known.
    pods = dict(Cluster.objects.filter(id__in=list(names)).values_list("id", "pod__name"))
    return [
        _Placed(zone, pods.get(key, ""), _tile(key, zone, pods.get(key, ""), name, counts[key]))
        for key, (zone, name) in names.items()
    ]


def _tile(key: UUID, zone: str, pod: str, name: str, counts: dict[str, int]) -> Tile:
    total = sum(counts.values())
    finished = sum(counts.get(state, 0) for state in TARGET_ENDED)
    by_section = {section: sum(counts.get(state, 0) for state in SECTIONS[section][1]) for section in _WORST}
    there = {section for section, hosts in by_section.items() if hosts}
    drawn = _worst(there)
    words = _("%(finished)s of %(total)s finished") % {"finished": figure(finished), "total": figure(total)}
    return Tile(
        id=key,
        name=name,
        title=f"{zone} · {pod} · {name}: {words}" if pod else f"{zone} · {name}: {words}",
        mark=drawn,
        counted=f"{finished}/{total}" if finished or drawn.state != "Waiting" else "",
        shows=" ".join(show for show, (_words, sections) in SHOWS.items() if there & sections),
        total=total,
        segments=_segments(by_section),
    )


def _worst(there: set[str]) -> Mark:
    """A cluster that is only partly done still waits."""
    if "waiting" in there and not there & {"needs-person", "failed", "at-work"}:
        return mark(TargetState.WAITING)
    worst = next((section for section in _WORST if section in there), "waiting")
    return SECTIONS[worst][0]


def _segments(by_section: dict[str, int]) -> list[Segment]:
    """From done to waiting, in hosts."""
    x = 0
    found = []
    for section in ("done", "skipped", "cancelled", "at-work", "needs-person", "failed"):
        if width := by_section[section]:
            found.append(Segment(SECTIONS[section][0].state, x, width))
            x += width
    return found
