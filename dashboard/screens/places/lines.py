"""Hosts by state, drawn: a line for each cluster, a cell for each host.

Where there are too many to draw them all, those are drawn that somebody has to look at: hosts that are away or at work,
and the clusters with the most of them.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, F, Q, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber

from dashboard.screens.fleet import DrawnHost, Service, drawn_hosts, with_service
from dashboard.screens.natural_order import natural_key
from dashboard.screens.places.kinds import CLUSTER, Kind, Link, link_to
from dashboard.screens.places.rows import hosts_url
from maintenance.domain.states import TARGET_BEGUN, TargetState
from maintenance.models import Attention, Cluster, Host, Target

LINES_MAX = 12
CELLS_MAX = 24  # of one cluster among others
CELLS_ALONE_MAX = 96  # of a cluster on its own page


_AT_WORK = Target.objects.filter(
    is_open=True,
    host__isnull=False,
    state__in=[*TARGET_BEGUN, TargetState.NEEDS_PERSON, TargetState.FAILED],
)
_FLAGGED = Attention.objects.filter(resolved_at=None, host__isnull=False)
_AWAY = ~Q(service=Service.IN) | Q(id__in=_AT_WORK.values("host")) | Q(id__in=_FLAGGED.values("host"))


@dataclass(frozen=True, slots=True)
class Line:
    id: UUID
    cluster: Link
    hosts: list[DrawnHost]
    more: int
    hosts_url: str
    is_alone: bool


@dataclass(frozen=True, slots=True)
class Lines:
    lines: list[Line]
    more: int
    not_shown: int  # hosts that are away or at work, in clusters that are not drawn


def lines(kind: Kind, place: Any) -> Lines:
    """In natural order; a cluster's own page has one line, which is longer."""
    there = Cluster.objects.filter(gone_at=None, **{kind.of_cluster: place.id})
    hosts = Host.objects.filter(gone_at=None, **{kind.of_host: place.id}).order_by()
    ranked = ranked_clusters(list(there.order_by(natural_key("name"), "id")), hosts, LINES_MAX)
    return Lines(_lines(ranked.drawn, is_alone=kind is CLUSTER), ranked.more, ranked.not_shown)


@dataclass(frozen=True, slots=True)
class Ranked:
    """The clusters that are drawn, how many are not, and how many of their hosts are away or at work."""

    drawn: list[Cluster]
    more: int
    not_shown: int


def ranked_clusters(clusters: list[Cluster], hosts: QuerySet[Host], most: int) -> Ranked:
    """As they come, as long as all are drawn; otherwise those with the most hosts to look at."""
    away = dict(with_service(hosts).filter(_AWAY).values_list("cluster").annotate(n=Count("id")))
    if len(clusters) > most:
        clusters.sort(key=lambda cluster: -away.get(cluster.id, 0))
    not_shown = sum(away.get(cluster.id, 0) for cluster in clusters[most:])
    return Ranked(clusters[:most], max(0, len(clusters) - most), not_shown)


def line(kind: Kind, cluster_id: UUID) -> Line | None:
    """One line alone, as it is pushed: its cost does not grow with the fleet."""
    found = _lines(list(Cluster.objects.filter(id=cluster_id, gone_at=None)), is_alone=kind is CLUSTER)
    return found[0] if found else None


def _lines(clusters: list[Cluster], *, is_alone: bool) -> list[Line]:
    hosts = cells(clusters, CELLS_ALONE_MAX if is_alone else CELLS_MAX)
    totals = dict(_totals(clusters))
    return [
        Line(
            id=cluster.id,
            cluster=link_to(CLUSTER, cluster),
            hosts=hosts[cluster.id],
            more=totals.get(cluster.id, 0) - len(hosts[cluster.id]),
            hosts_url=hosts_url(CLUSTER, cluster.id),
            is_alone=is_alone,
        )
        for cluster in clusters
    ]


def cells(clusters: list[Cluster], most: int) -> dict[UUID, list[DrawnHost]]:
    """So many hosts of each cluster, in natural order; where there are more, those that somebody has to look at."""
    away_first = Case(When(_AWAY, then=Value(0)), default=Value(1))
    listed = with_service(Host.objects.filter(cluster__in=clusters, gone_at=None)).annotate(
        place=Window(
            RowNumber(), partition_by=F("cluster"), order_by=[away_first, natural_key("name"), F("id")]
        )
    )
    hosts: dict[UUID, list[DrawnHost]] = {cluster.id: [] for cluster in clusters}
    shown = listed.filter(place__lte=most).select_related("cloud")
    for drawn in drawn_hosts(list(shown.order_by("cluster", natural_key("name"), "id"))):
        hosts[drawn.host.cluster_id].append(drawn)
    return hosts


def _totals(clusters: list[Cluster]) -> Any:
    return (
        Host.objects.filter(cluster__in=clusters, gone_at=None)
        .order_by()
        .values_list("cluster")
        .annotate(n=Count("id"))
    )
