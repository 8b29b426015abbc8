"""Where each host stands – its cluster, pod and zone – so that an event touches the pages of its own places only.

Kept in memory for the event loop, which asks no database; read again by the thread that draws, when a host was asked
for that nobody knew. Of a host that is not known, every open page of a place counts as touched: too much, never too
little.
"""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from dashboard.screens.overview.clusters import CLUSTERS_MAX
from dashboard.screens.places.lines import LINES_MAX
from maintenance.models import Host

READ_EVERY_S = 5.0


class Where(NamedTuple):
    """Ids."""

    cluster: str
    pod: str
    zone: str


@dataclass
class _Known:
    hosts: dict[str, Where] = field(default_factory=dict)
    clusters: dict[str, Where] = field(default_factory=dict)
    sizes: Counter[tuple[str, str]] = field(default_factory=Counter)  # clusters of a pod or zone
    is_wanted: bool = False
    read_at: float = float("-inf")


_known = _Known()


def where_is(host: str, cluster: str = "") -> Where | None:
    """By the cluster where the event names it, else by the host. None: not known yet."""
    found = _known.clusters.get(cluster) if cluster else _known.hosts.get(host)
    if found is None and (host or cluster):
        _known.is_wanted = True
    return found


def is_cut(kind: str, place: str) -> bool:
    """It has more clusters than its page draws. Kind and place are empty for all there are, on the overview."""
    return _known.sizes[kind, place] > (LINES_MAX if kind else CLUSTERS_MAX)


def has_moved(host: str) -> None:
    """It is new, gone, or in another cluster: what was known of it is no longer true."""
    _known.hosts.pop(host, None)
    _known.is_wanted = True


def places_have_changed() -> None:
    """A pod or cluster may lie elsewhere now."""
    _known.hosts, _known.clusters = {}, {}
    _known.is_wanted = True


def read_if_wanted() -> None:
    """One query, however large the fleet; at most every READ_EVERY_S. Asks the database: call from a thread."""
    if not _known.is_wanted or time.monotonic() - _known.read_at < READ_EVERY_S:
        return
    _known.is_wanted = False
    rows = Host.objects.order_by().values_list("id", "cluster_id", "cluster__pod_id", "cluster__pod__zone_id")
    clusters: dict[str, Where] = {}
    hosts: dict[str, Where] = {}
    for host, cluster, pod, zone in rows.iterator(chunk_size=5_000):
        key = str(cluster)
        hosts[str(host)] = clusters.setdefault(key, Where(key, str(pod), str(zone)))
    _known.hosts, _known.clusters, _known.read_at = hosts, clusters, time.monotonic()
    _known.sizes = Counter(
        place for where in clusters.values() for place in (("pod", where.pod), ("zone", where.zone), ("", ""))
    )
