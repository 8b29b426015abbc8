"""The gate before a host leaves service: is it well, is a slot free, and is there room for all its instances?

Read again before each host, on fresh data, and under the cluster's lock just before the request is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from maintenance.domain.capacity import Guest, Packing, Room, pack

# An instance in one of these states is on its way somewhere, or nobody knows: its host is left alone meanwhile.
UNSETTLED = frozenset({"Starting", "Stopping", "Migrating", "Error", "Unknown"})
RUNNING = "Running"
# CloudStack's resource states of a host that is on its way out of service, out, or stuck there.
MAINTENANCE_STATES = frozenset(
    {"PrepareForMaintenance", "Maintenance", "ErrorInPrepareForMaintenance", "ErrorInMaintenance"}
)

NAMED_MAX = 3
MB_OF_GB = 1024


@dataclass(frozen=True, slots=True)
class GateHost:
    """A host of the cluster as just read."""

    id: UUID
    name: str
    state: str
    resource_state: str
    memory_mb: int
    cpu_cores: int
    guests_max: int | None
    tags: frozenset[str]

    @property
    def in_service(self) -> bool:
        return self.state == "Up" and self.resource_state == "Enabled"


@dataclass(frozen=True, slots=True)
class GateInstance:
    """An instance of the cluster as just read."""

    guest: Guest
    state: str
    host_id: UUID | None


@dataclass(frozen=True, slots=True)
class Open:
    """The host may leave service; `packing` says where its instances can go."""

    packing: Packing


@dataclass(frozen=True, slots=True)
class Hold:
    """Not now, by no fault of the host: it is held, untouched, and goes on by itself."""

    code: str  # slot | unsettled | no-room | system-vm | paused | stopping | preflight
    reason: str
    hosts: tuple[UUID, ...] = ()  # slot: the hosts that are out of service


@dataclass(frozen=True, slots=True)
class Refuse:
    """This host must not be taken out."""

    reason: str
    taken: bool = False  # others have it in maintenance


type Verdict = Open | Hold | Refuse


def host_verdict(
    host_id: UUID,
    hosts: Sequence[GateHost],
    instances: Sequence[GateInstance],
    *,
    ours_out: Sequence[UUID],
    limit: int,
) -> Verdict:
    """Whether the host may leave service now.

    `ours_out`: hosts of the cluster with an open ledger row, in doubt counted. `limit`: hosts that may be out at once,
    for any reason, ours or not.
    """
    by_id = {host.id: host for host in hosts}
    host = by_id.get(host_id)
    if host is None:
        return Refuse("the cloud no longer lists this host in its cluster")
    if not host.in_service and host_id not in ours_out:
        return Refuse(
            f"the host is {host.state} and {host.resource_state}, not Up and Enabled",
            taken=host.resource_state in MAINTENANCE_STATES,
        )
    out = {h.id for h in hosts if not h.in_service} | set(ours_out)
    others_out = out - {host_id}
    if len(others_out) >= limit:
        names = ", ".join(sorted(by_id[o].name if o in by_id else str(o) for o in others_out))
        are = "is" if len(others_out) == 1 else "are"
        return Hold("slot", f"{names} {are} out of service, limit {limit}", tuple(sorted(others_out)))
    unsettled = [i for i in instances if i.host_id == host_id and i.state in UNSETTLED]
    if unsettled:
        named = ", ".join(f"{i.guest.name} is {i.state}" for i in unsettled[:5])
        return Hold("unsettled", f"instances on it are not settled: {named}{_more(len(unsettled) - 5)}")
    packing = packing_without(out | {host_id}, hosts, instances)
    if not packing.fits:
        return Hold("no-room", _no_room(packing))
    return Open(packing)


def packing_without(
    leaving: set[UUID], hosts: Sequence[GateHost], instances: Sequence[GateInstance]
) -> Packing:
    """All instances of the leaving hosts, placed together on the hosts that stay."""
    staying = [h for h in hosts if h.id not in leaving and h.in_service]
    carried: dict[UUID, list[Guest]] = {h.id: [] for h in staying}
    homeless: list[Guest] = []
    for instance in instances:
        if instance.state == "Stopped" or instance.host_id is None:
            continue
        if instance.host_id in carried:
            carried[instance.host_id].append(instance.guest)
        elif instance.host_id in leaving:
            homeless.append(instance.guest)
    rooms = [_room(host, carried[host.id]) for host in staying]
    return pack(homeless, rooms)


def _room(host: GateHost, guests: Sequence[Guest]) -> Room:
    return Room(
        host_id=host.id,
        name=host.name,
        memory_mb=host.memory_mb - sum(g.memory_mb for g in guests),
        cpu_cores=host.cpu_cores - sum(g.cpu_cores for g in guests),
        guests_max=None if host.guests_max is None else host.guests_max - len(guests),
        tags=host.tags,
        affinity_groups=frozenset().union(*(g.affinity_groups for g in guests)) if guests else frozenset(),
    )


def _no_room(packing: Packing) -> str:
    """A headline: each instance with its reason stands on the page of what needs a person."""
    named = ", ".join(guest.name for guest, _why in packing.homeless[:NAMED_MAX])
    says = f"no room in the cluster for {named}{_more(len(packing.homeless) - NAMED_MAX)}"
    if packing.missing_mb:
        return f"{says}: {max(0.1, packing.missing_mb / MB_OF_GB):.1f} GB of memory missing in all"
    nearest, *_others = packing.homeless[0][1].split("; ")
    return f"{says}: {nearest}"


def _more(count: int) -> str:
    return f" and {count} more" if count > 0 else ""
