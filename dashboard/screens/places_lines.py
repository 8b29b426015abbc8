"""Hosts by state, drawn: a line for each cluster, a cell for each host."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Window
from django.db.models.functions import RowNumber

from dashboard.screens.fleet import DrawnHost, drawn_hosts
from dashboard.screens.natural_order import natural_key
from dashboard.screens.places import CLUSTER, Kind, Link, link_to
from dashboard.screens.places_rows import hosts_url
from maintenance.models import Cluster, Host

LINES_MAX = 12
CELLS_MAX = 24  # of one cluster among others
CELLS_ALONE_MAX = 96  # of a cluster on its own page


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


def lines(kind: Kind, place: Any) -> Lines:
    """The first clusters in natural order; a cluster's own page has one line, which is longer."""
    there = Cluster.objects.filter(gone_at=None, **{kind.of_cluster: place.id})
    found = list(there.order_by(natural_key("name"), "id")[:LINES_MAX])
    more = max(0, there.count() - LINES_MAX) if len(found) == LINES_MAX else 0
    return Lines(_lines(found, is_alone=kind is CLUSTER), more)


def line(kind: Kind, cluster_id: UUID) -> Line | None:
    """One line alone, as it is pushed: its cost does not grow with the fleet."""
    found = _lines(list(Cluster.objects.filter(id=cluster_id, gone_at=None)), is_alone=kind is CLUSTER)
    return found[0] if found else None


def _lines(clusters: list[Cluster], *, is_alone: bool) -> list[Line]:
    most = CELLS_ALONE_MAX if is_alone else CELLS_MAX
    listed = Host.objects.filter(cluster__in=clusters, gone_at=None).annotate(
        place=Window(RowNumber(), partition_by=F("cluster"), order_by=[natural_key("name"), F("id")])
    )
    hosts: dict[UUID, list[DrawnHost]] = {cluster.id: [] for cluster in clusters}
    for drawn in drawn_hosts(
        list(listed.filter(place__lte=most).select_related("cloud").order_by("cluster", "place"))
    ):
        hosts[drawn.host.cluster_id].append(drawn)
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


def _totals(clusters: list[Cluster]) -> Any:
    return (
        Host.objects.filter(cluster__in=clusters, gone_at=None)
        .order_by()
        .values_list("cluster")
        .annotate(n=Count("id"))
    )
