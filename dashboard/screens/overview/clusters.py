"""The overview's hosts by cluster: a cell for each host, drawn as it is now."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.screens.census import RUNNING
from dashboard.screens.fleet import DrawnHost, Service, count_of, with_service
from dashboard.screens.natural_order import natural_key
from dashboard.screens.places.lines import CELLS_MAX, cells, ranked_clusters
from dashboard.screens.words import count, figure
from maintenance.models import Cluster, Host, Instance

CLUSTERS_MAX = 40  # drawn


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
    """`more`: clusters that are not drawn; `not_shown`: their hosts that are away or at work."""

    lines: list[ClusterLine]
    more: int
    not_shown: int
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
    """In natural order; where there are too many to draw, those that somebody has to look at."""
    listed = Cluster.objects.filter(gone_at=None).select_related("pod__zone")
    in_order = listed.order_by(natural_key("pod__zone__name"), natural_key("name"), "id")
    ranked = ranked_clusters(list(in_order), Host.objects.filter(gone_at=None).order_by(), CLUSTERS_MAX)
    return Clusters(_cluster_lines(ranked.drawn), ranked.more, ranked.not_shown, reverse("clusters"))


def cluster_line(cluster_id: UUID) -> ClusterLine | None:
    """One line alone, as it is pushed: its cost does not grow with the fleet."""
    found = list(Cluster.objects.filter(id=cluster_id, gone_at=None).select_related("pod__zone"))
    return _cluster_lines(found)[0] if found else None


def _cluster_lines(found: list[Cluster]) -> list[ClusterLine]:
    ids = [cluster.id for cluster in found]
    drawn = cells(found, CELLS_MAX)
    hosts = Host.objects.filter(cluster__in=ids, gone_at=None).order_by()
    totals = dict(hosts.values_list("cluster").annotate(n=Count("id")))
    running = Instance.objects.filter(host__cluster__in=ids, gone_at=None, state__in=RUNNING).order_by()
    instances = dict(running.values_list("host__cluster").annotate(instances=Count("id")))
    return [
        ClusterLine(
            cluster.id,
            cluster.name,
            cluster.pod.zone.name,
            reverse("cluster", args=[cluster.id]),
            drawn[cluster.id],
            totals.get(cluster.id, 0) - len(drawn[cluster.id]),
            instances.get(cluster.id, 0),
        )
        for cluster in found
    ]
