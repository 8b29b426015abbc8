"""The overview's hosts by cluster: a cell for each host, drawn as it is now."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count, F, Window
from django.db.models.functions import Length, RowNumber
from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.screens.census import RUNNING
from dashboard.screens.fleet import DrawnHost, Service, count_of, drawn_hosts, with_service
from dashboard.screens.words import count, figure
from maintenance.domain.order import natural
from maintenance.models import Cluster, Host, Instance

CLUSTERS_MAX = 40
CELLS_MAX = 24  # hosts drawn in one cluster's line


@dataclass(frozen=True, slots=True)
class ClusterLine:
    id: UUID
    name: str
    zone: str
    url: str
    hosts: list[DrawnHost]
    more: int
    instances: int


@dataclass(frozen=True, slots=True)
class Clusters:
    lines: list[ClusterLine]
    more: int
    all_url: str


def clusters_summary() -> str:
    listed = with_service(Host.objects.filter(gone_at=None))
    numbers = listed.aggregate(
        total=Count("id"), **{service.name.lower(): count_of(service) for service in Service}
    )
    words = {
        "in": _("%(n)s in service"),
        "out": _("%(n)s out by us"),
        "others": _("%(n)s taken by others"),
        "down": _("%(n)s down"),
        "unknown": _("%(n)s unknown"),
    }
    said = [said % {"n": figure(numbers[key])} for key, said in words.items() if numbers[key] or key == "in"]
    return " · ".join([count(numbers["total"], "host"), *said])


def clusters() -> Clusters:
    """Those with anything out of the ordinary may be anywhere: they come in the order of their names."""
    listed = Cluster.objects.filter(gone_at=None)
    names = sorted(
        listed.values_list("id", "pod__zone__name", "name"),
        key=lambda c: (natural(c[1]), natural(c[2]), str(c[0])),
    )
    shown = [key for key, _zone, _name in names[:CLUSTERS_MAX]]
    found = {c.id: c for c in listed.filter(id__in=shown).select_related("pod__zone")}
    lines = _cluster_lines([found[key] for key in shown if key in found])
    return Clusters(lines, max(0, len(names) - CLUSTERS_MAX), reverse("clusters"))


def cluster_line(cluster_id: UUID) -> ClusterLine | None:
    """One line alone, as it is pushed: its cost does not grow with the fleet."""
    found = list(Cluster.objects.filter(id=cluster_id, gone_at=None).select_related("pod__zone"))
    return _cluster_lines(found)[0] if found else None


def _cluster_lines(found: list[Cluster]) -> list[ClusterLine]:
    ids = [cluster.id for cluster in found]
    cells = _cells(ids)
    totals = dict(
        Host.objects.filter(cluster__in=ids, gone_at=None)
        .order_by()
        .values_list("cluster")
        .annotate(n=Count("id"))
    )
    drawn = {d.host.id: d for d in drawn_hosts([host for hosts in cells.values() for host in hosts])}
    running = Instance.objects.filter(host__cluster__in=ids, gone_at=None, state__in=RUNNING).order_by()
    instances = dict(running.values_list("host__cluster").annotate(instances=Count("id")))
    return [
        ClusterLine(
            cluster.id,
            cluster.name,
            cluster.pod.zone.name,
            reverse("cluster", args=[cluster.id]),
            [drawn[host.id] for host in cells[cluster.id]],
            totals.get(cluster.id, 0) - len(cells[cluster.id]),
            instances.get(cluster.id, 0),
        )
        for cluster in found
    ]


def _cells(cluster_ids: list[UUID]) -> dict[UUID, list[Host]]:
    """The first hosts of each cluster, shorter names first: kvm2 before kvm10."""
    place = Window(
        RowNumber(),
        partition_by=F("cluster_id"),
        order_by=[F("name_length").asc(), F("name").asc(), F("id").asc()],
    )
    listed = Host.objects.filter(cluster__in=cluster_ids, gone_at=None).annotate(name_length=Length("name"))
    cells: dict[UUID, list[Host]] = {key: [] for key in cluster_ids}
    for host in listed.annotate(place=place).filter(place__lte=CELLS_MAX).select_related("cloud"):
        cells[host.cluster_id].append(host)
    for hosts in cells.values():
        hosts.sort(key=lambda host: (natural(host.name), str(host.id)))
    return cells
