"""Room: how many more hosts of a cluster may be out at once, so that every instance still has a place.

Counted for the fullest hosts, the way the gate counts: if they fit on the rest, so do fewer of them. A no is for the
fullest host alone, and comes with the instance that found no place; of the others it is told who could leave. The
gate asks again, on fresh data, before any host leaves service.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.census import RUNNING
from dashboard.screens.marks import NEEDS_PERSON, UNKNOWN, Mark
from dashboard.screens.places.kinds import CLUSTER, Kind, Link, link_to
from dashboard.screens.words import count, listing, said
from maintenance.domain.gate import GateHost, GateInstance, packing_without
from maintenance.domain.order import natural
from maintenance.gate_view import gate_host, gate_instance
from maintenance.models import Cluster, Host, HostOut, Instance

OUT_MAX = 5  # more than so many at once is not looked for
CLUSTERS_MAX = 8  # the tightest of a pod or zone; each costs a packing
OTHERS_MAX = 20  # beside a fullest host that cannot leave: beyond, each is not tried
HOSTS_MAX = 200  # of one cluster: beyond, the sums alone are told
FITS = Mark("Done", "", "done")


@dataclass(frozen=True, slots=True)
class Left:
    """`hosts` more can be out at once (OUT_MAX: or more). If not one more: why."""

    hosts: int
    of: tuple[str, ...]  # the fullest, which were tried
    homeless: str = ""
    why: str = ""
    is_all: bool = False  # with these gone, no host would be left in service
    others: tuple[str, ...] | None = ()  # if not one more: who could leave in its place; None where not tried


@dataclass(frozen=True, slots=True)
class ClusterRoom:
    cluster: Link
    mark: Mark
    says: str
    more: str
    used: int | None  # memory in use on hosts in service, in percent


@dataclass(frozen=True, slots=True)
class RoomThere:
    """The tightest clusters of a place; `others` are roomier."""

    clusters: list[ClusterRoom]
    others: int


def room_left(hosts: Sequence[GateHost], instances: Sequence[GateInstance], out: set[UUID]) -> Left:
    """How many of those in service can leave at once, beside those that are out already."""
    away = {host.id for host in hosts if not host.in_service} | out
    staying = [host for host in hosts if host.id not in away]
    load = dict.fromkeys((host.id for host in staying), 0)
    for instance in instances:
        if instance.host_id in load and instance.state != "Stopped":
            load[instance.host_id] += instance.guest.memory_mb
    fullest = sorted(staying, key=lambda host: (-load[host.id], host.name))
    for hosts_out in range(1, min(OUT_MAX, len(fullest)) + 1):
        leaving = fullest[:hosts_out]
        packing = packing_without(away | {host.id for host in leaving}, hosts, instances)
        if not packing.fits:
            guest, why = packing.homeless[0]
            names = tuple(host.name for host in leaving)
            others = _could_leave(fullest[1:], away, hosts, instances) if hosts_out == 1 else ()
            return Left(hosts_out - 1, names, guest.name, why, leaving == fullest, others)
    return Left(min(OUT_MAX, len(fullest)), tuple(host.name for host in fullest[:OUT_MAX]))


def _could_leave(
    others: Sequence[GateHost], away: set[UUID], hosts: Sequence[GateHost], instances: Sequence[GateInstance]
) -> tuple[str, ...] | None:
    if len(others) > OTHERS_MAX:
        return None
    could = (host for host in others if packing_without(away | {host.id}, hosts, instances).fits)
    return tuple(sorted((host.name for host in could), key=natural))


def room_there(kind: Kind, place: Any) -> RoomThere:
    """Of a cluster, or of the tightest clusters of a pod or zone."""
    there = Cluster.objects.filter(gone_at=None, **{kind.of_cluster: place.id})
    use = _memory_in_use(kind, place.id)
    tightest = sorted(there.filter(id__in=use).select_related("cloud"), key=lambda c: -use[c.id])
    shown = tightest[:CLUSTERS_MAX]
    hosts, instances, out = _as_read([cluster.id for cluster in shown])
    now = timezone.now()
    rooms = [
        _room(cluster, hosts[cluster.id], instances[cluster.id], out, use[cluster.id])
        if cluster.is_known(now)
        else ClusterRoom(link_to(CLUSTER, cluster), UNKNOWN, _("Room is not known."), "", None)
        for cluster in shown
    ]
    return RoomThere(rooms, len(tightest) - len(shown))


def _memory_in_use(kind: Kind, place_id: UUID) -> dict[UUID, float]:
    """By cluster with hosts: instances' memory to the memory of hosts in service; above 1 where none serves."""
    there = Host.objects.filter(gone_at=None, **{kind.of_host: place_id}).order_by()
    use = dict.fromkeys(there.values_list("cluster", flat=True).distinct(), 2.0)
    serving = there.filter(state="Up", resource_state="Enabled")
    have = dict(serving.values_list("cluster").annotate(mb=Sum("memory_mb")))
    needs = Instance.objects.filter(
        gone_at=None, state__in=RUNNING, **{kind.of_instance: place_id}
    ).order_by()
    need = dict(needs.values_list(F("host__cluster")).annotate(mb=Sum("memory_mb")))
    return use | {key: need.get(key, 0) / mb for key, mb in have.items() if mb}


def _as_read(
    ids: list[UUID],
) -> tuple[dict[UUID, list[GateHost]], dict[UUID, list[GateInstance]], set[UUID]]:
    hosts: dict[UUID, list[GateHost]] = {key: [] for key in ids}
    cluster_of: dict[UUID, UUID] = {}
    for host in Host.objects.filter(cluster__in=ids, gone_at=None):
        hosts[host.cluster_id].append(gate_host(host))
        cluster_of[host.id] = host.cluster_id
    instances: dict[UUID, list[GateInstance]] = {key: [] for key in ids}
    for instance in Instance.objects.filter(host__cluster__in=ids, host__gone_at=None, gone_at=None):
        assert instance.host_id is not None
        instances[cluster_of[instance.host_id]].append(gate_instance(instance))
    out = HostOut.objects.filter(cluster__in=ids, closed_at=None).values_list("host", flat=True)
    return hosts, instances, set(out)


def _room(
    cluster: Cluster,
    hosts: list[GateHost],
    instances: list[GateInstance],
    out: set[UUID],
    used: float,
) -> ClusterRoom:
    link = link_to(CLUSTER, cluster)
    percent = round(100 * used) if used <= 1 else None
    serving = [host for host in hosts if host.in_service and host.id not in out]
    if not serving:
        return ClusterRoom(link, NEEDS_PERSON, _("No host is in service."), "", None)
    if len(hosts) > HOSTS_MAX:
        says = _("%(hosts)s: too many to pack here.") % {"hosts": count(len(hosts), "host")}
        more = _("The plan of a rolling maintenance packs them one by one.")
        return ClusterRoom(link, UNKNOWN, says, more, percent)
    left = room_left(hosts, instances, out)
    away = len(hosts) - len(serving)
    return ClusterRoom(link, FITS if left.hosts else NEEDS_PERSON, _says(left, away), _more(left), percent)


def _says(left: Left, away: int) -> str:
    if not left.hosts and left.is_all:
        return _("No room for %(host)s to leave: it is the only host in service.") % {
            "host": said(left.of[0])
        }
    if not left.hosts:
        return _("No room for %(host)s, the fullest host, to leave.") % {"host": said(left.of[0])}
    if away:
        words = ngettext("Room for %(n)s more host out.", "Room for %(n)s more hosts out.", left.hosts)
    elif left.hosts == OUT_MAX:
        words = _("Room for %(n)s hosts out, or more.")
    else:
        words = ngettext("Room for %(n)s host out.", "Room for %(n)s hosts out.", left.hosts)
    return words % {"n": left.hosts}


def _more(left: Left) -> str:
    names = listing([said(name) for name in left.of], most=OUT_MAX + 1)
    if left.is_all and left.hosts:
        return _("One has to stay for the instances of the others.")
    if left.homeless and not left.hosts:
        words = _("%(instance)s of %(hosts)s finds no place: %(why)s.")
        first = words % {"instance": left.homeless, "hosts": names, "why": left.why}
        return first if left.is_all else f"{first} {_of_the_others(left.others)}"
    if left.homeless:
        words = _("With %(hosts)s out, %(instance)s would find no place.")
        return words % {"instance": left.homeless, "hosts": names}
    return _("Counted for the fullest: %(hosts)s.") % {"hosts": names}


def _of_the_others(others: tuple[str, ...] | None) -> str:
    """A fullest host that cannot leave says nothing of emptier ones: a plan may have them ready."""
    if others is None:
        return _("Emptier hosts may have room: the plan of a rolling maintenance tells it of each.")
    if not others:
        return _("Nor is there room for any other host to leave.")
    names = listing([said(name) for name in others], most=OUT_MAX)
    words = ngettext(
        "Another host has room to leave: %(hosts)s.",
        "Other hosts have room to leave, one of them at a time: %(hosts)s.",
        len(others),
    )
    return words % {"hosts": names}
