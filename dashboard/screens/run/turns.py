"""Whether waiting hosts could leave service now, and where their instances would go: asked of the gate's own rules,
with what was last read. The engine asks again, with a fresh look, when the turn comes."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from django.db.models import Min
from django.utils.translation import gettext as _

from maintenance.domain.capacity import Packing
from maintenance.domain.gate import (
    GateHost,
    GateInstance,
    Hold,
    Open,
    Refuse,
    host_verdict,
    packing_without,
)
from maintenance.domain.order import natural
from maintenance.domain.states import RUN_ACTIVE, RunKind, RunState
from maintenance.gate_view import gate_host, gate_instance
from maintenance.models import Host, HostOut, Instance, Run, Target

SPARE_LOOKED_FOR = 4  # more hosts than this are never said to find room at once


@dataclass(frozen=True, slots=True)
class Turn:
    """One waiting host. `why_not` is empty where it could start now; `and_then` says what holds besides. `waits_for`:
    the hosts that are out, where they hold the limit. `is_refused`: it would not be held at the gate, it would fail."""

    goes_to: list[tuple[str, int]]
    why_not: str
    and_then: str = ""
    waits_for: tuple[str, ...] = ()
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class _ClusterNow:
    hosts: list[GateHost] = field(default_factory=list)
    instances: list[GateInstance] = field(default_factory=list)
    ours_out: list[UUID] = field(default_factory=list)

    def once_ours_are_back(self) -> list[GateHost]:
        """As if every host we took out had come back already."""
        out = set(self.ours_out)
        return [replace(h, state="Up", resource_state="Enabled") if h.id in out else h for h in self.hosts]


def turns_now(run: Run, targets: Sequence[Target]) -> dict[UUID, Turn]:
    """By target. Five queries, however many hosts are asked for."""
    if not targets:
        return {}
    clusters = _clusters_now({target.cluster_key for target in targets})
    limits = _limits(run, set(clusters))
    return {
        target.id: _turn(
            target, clusters[target.cluster_id], limits.get(target.cluster_id, run.max_unavailable)
        )
        for target in targets
        if target.cluster_id in clusters
    }


def _turn(target: Target, cluster: _ClusterNow, limit: int) -> Turn:
    back = cluster.once_ours_are_back()
    # What the host itself is up to, whoever else is out just now.
    alone = host_verdict(target.host_key, back, cluster.instances, ours_out=[], limit=len(back) + 1)
    now = host_verdict(
        target.host_key, cluster.hosts, cluster.instances, ours_out=cluster.ours_out, limit=limit
    )
    names = {host.id: host.name for host in cluster.hosts}
    waits_for = tuple(names.get(h, str(h)) for h in now.hosts) if isinstance(now, Hold) else ()
    if not isinstance(alone, Open):
        held = now if isinstance(now, Hold) else alone
        besides = alone.reason if alone.reason != held.reason else ""
        return Turn([], held.reason, besides, waits_for, isinstance(now, Refuse))
    packing = now.packing if isinstance(now, Open) else alone.packing
    goes_to = _goes_to(packing, target.host_key, cluster)
    if isinstance(now, Open):
        return Turn(goes_to, "")
    return Turn(goes_to, now.reason, _("nothing else is in its way"), waits_for, isinstance(now, Refuse))


def _goes_to(packing: Packing, host_id: UUID, cluster: _ClusterNow) -> list[tuple[str, int]]:
    """How many of this host's instances go where."""
    names = {host.id: host.name for host in cluster.hosts}
    mine = {instance.guest.id for instance in cluster.instances if instance.host_id == host_id}
    found = Counter(names[to] for guest, to in packing.places if guest.id in mine)
    return sorted(found.items(), key=lambda item: natural(item[0]))


def spare_hosts(cluster_id: UUID) -> int | None:
    """How many hosts of the cluster could be out at once, the fullest first, before an instance finds no room. None:
    the cluster is not listed. At most SPARE_LOOKED_FOR."""
    cluster = _clusters_now({cluster_id}).get(cluster_id)
    if cluster is None:
        return None
    guests = Counter(i.host_id for i in cluster.instances)
    fullest = sorted(
        (h for h in cluster.once_ours_are_back() if h.in_service), key=lambda h: (-guests[h.id], h.name)
    )
    leaving: set[UUID] = set()
    for host in fullest[:SPARE_LOOKED_FOR]:
        leaving.add(host.id)
        if (
            len(leaving) == len(fullest)
            or not packing_without(leaving, cluster.once_ours_are_back(), cluster.instances).fits
        ):
            return len(leaving) - 1
    return len(leaving)


def _clusters_now(cluster_ids: set[UUID]) -> dict[UUID, _ClusterNow]:
    found: dict[UUID, _ClusterNow] = defaultdict(_ClusterNow)
    cluster_of: dict[UUID, UUID] = {}
    for host in Host.objects.filter(cluster__in=cluster_ids, gone_at=None).order_by("name"):
        found[host.cluster_id].hosts.append(gate_host(host))
        cluster_of[host.id] = host.cluster_id
    for instance in Instance.objects.filter(host__cluster__in=cluster_ids, gone_at=None):
        if instance.host_id in cluster_of:
            found[cluster_of[instance.host_id]].instances.append(gate_instance(instance))
    open_outs = HostOut.objects.filter(cluster__in=cluster_ids, closed_at=None)
    for cluster_id, host_id in open_outs.values_list("cluster", "host"):
        found[cluster_id].ours_out.append(host_id)
    return dict(found)


def _limits(run: Run, cluster_ids: set[UUID]) -> dict[UUID, int]:
    """Runs may share a cluster; then the smallest limit holds."""
    others = (
        Target.objects.filter(cluster__in=cluster_ids, is_open=True, run__kind=RunKind.ROLLING)
        .filter(run__state__in=RUN_ACTIVE - {RunState.QUEUED})
        .order_by()
    )
    found = others.values_list("cluster").annotate(least=Min("run__max_unavailable"))
    return {cluster_id: min(run.max_unavailable, least) for cluster_id, least in found}
