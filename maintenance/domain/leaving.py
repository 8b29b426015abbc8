"""A cluster ahead of time: its hosts leave in turn and come back empty, and the instances stay where they went.

Kept up to date from turn to turn instead of counted anew, so that a plan costs what moves and not hosts × hosts. It
places as `capacity.pack` does, and asks that for a search where the plain way finds no place.
"""

import heapq
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from maintenance.domain.capacity import Guest, Room, pack
from maintenance.domain.gate import UNSETTLED, GateHost, GateInstance
from maintenance.domain.order import natural

SEARCHES_MAX = (
    20  # full searches for places in one cluster; then the plain way's answer stands: it may only hold more
)
STOPPED = "Stopped"


@dataclass(frozen=True, slots=True)
class Stuck:
    """An instance that cannot leave its host when the turn comes, and why."""

    name: str
    why: str


@dataclass(frozen=True, slots=True)
class Turn:
    """What happens when a host's turn comes. `spare_ratio`: memory left in the cluster meanwhile, 0 to 1; None where
    nobody else is in service."""

    goes_to: tuple[tuple[str, int], ...]
    spare_ratio: float | None
    stuck: tuple[Stuck, ...]
    waits_for: tuple[str, ...]  # other hosts that are out already and use up the limit


@dataclass(frozen=True, slots=True)
class _Placement:
    """Where each instance goes, by its id, and the rooms as they are then; or the instances that have no place."""

    places: dict[UUID, UUID]
    rooms: dict[UUID, Room]
    stuck: tuple[Stuck, ...] = ()


class ClusterAhead:
    """One cluster; `turn` lets its hosts leave one after another. `limit`: hosts out at once, for any reason."""

    def __init__(
        self,
        hosts: Sequence[GateHost],
        instances: Sequence[GateInstance],
        *,
        limit: int,
        out: frozenset[UUID],
    ) -> None:
        self._hosts = {host.id: host for host in hosts}
        self._place = {host.id: place for place, host in enumerate(hosts)}
        self._out = {host.id for host in hosts if not host.in_service} | (out & self._hosts.keys())
        self._limit = limit
        self._guests: dict[UUID, list[Guest]] = {host.id: [] for host in hosts}
        self._unsettled: dict[UUID, list[Stuck]] = {}
        for instance in instances:
            if instance.state == STOPPED or instance.host_id not in self._guests:
                continue
            self._guests[instance.host_id].append(instance.guest)
            if instance.state in UNSETTLED:
                stuck = Stuck(instance.guest.name, f"it is {instance.state}")
                self._unsettled.setdefault(instance.host_id, []).append(stuck)
        in_service = [host for host in hosts if host.in_service]
        self._rooms = {host.id: _room(host, self._guests[host.id]) for host in in_service}
        self._roomiest = [(-room.memory_mb, self._place[key], key) for key, room in self._rooms.items()]
        heapq.heapify(self._roomiest)
        self._memory_mb = sum(host.memory_mb for host in in_service)
        self._spare_mb = sum(room.memory_mb for room in self._rooms.values())
        self._no_target = self._out & self._rooms.keys()  # in service again, but not yet settled
        # With a limit above one, hosts that left just before may not be back yet: planned as if they were not.
        self._not_back: deque[UUID] = deque(maxlen=max(0, limit - len(self._out) - 1))
        self._searches = 0

    @property
    def slots(self) -> int:
        """How many hosts of the cluster may be out for this run; at least one, once those that are out are back."""
        return max(1, self._limit - len(self._out))

    def count(self, host_id: UUID) -> int:
        """Instances on the host when its turn comes."""
        return len(self._guests[host_id])

    def turn(self, host_id: UUID) -> Turn:
        """The host leaves, where it can, and comes back empty. A host that cannot leave keeps its instances."""
        away = {host_id, *self._not_back, *self._no_target}
        others_out = self._out - {host_id}
        guests = self._guests[host_id]
        unsettled = tuple(self._unsettled.get(host_id, ()))
        placed = _Placement({}, {}, unsettled) if unsettled else self._placed(guests, away)
        goes_to = Counter(self._hosts[to].name for to in placed.places.values())
        names = sorted((self._hosts[key].name for key in others_out), key=natural)
        memory_mb = self._memory_mb - sum(self._hosts[h].memory_mb for h in away)
        spare_mb = self._spare_mb - sum(self._rooms[h].memory_mb for h in away)
        spare_mb -= sum(guest.memory_mb for guest in guests) if placed.places else 0
        if not placed.stuck:
            self._move(host_id, placed)
        return Turn(
            goes_to=tuple(sorted(goes_to.items(), key=lambda item: natural(item[0]))),
            spare_ratio=max(0.0, spare_mb / memory_mb) if memory_mb else None,
            stuck=placed.stuck,
            waits_for=tuple(names) if len(others_out) >= self._limit else (),
        )

    def _placed(self, guests: Sequence[Guest], away: set[UUID]) -> _Placement:
        """A place for each guest by its id, or who has none: all together, hardest first, each where most is left."""
        tried: dict[UUID, Room] = {}
        places: dict[UUID, UUID] = {}
        homeless: Guest | None = None
        for guest in sorted(guests, key=_hardest_first):
            refusing: list[tuple[int, int, UUID]] = []
            while self._roomiest:
                entry = heapq.heappop(self._roomiest)
                key = entry[2]
                room = tried.get(key, self._rooms[key])
                if key in away or -entry[0] != room.memory_mb:
                    continue  # away, or no longer true: the true one is in the heap too, or comes back below
                if room.refusal(guest):
                    refusing.append(entry)
                    continue
                tried[key] = room.with_guest(guest)
                places[guest.id] = key
                heapq.heappush(self._roomiest, (-tried[key].memory_mb, entry[1], key))
                break
            for entry in refusing:
                heapq.heappush(self._roomiest, entry)
            if guest.id not in places:
                homeless = guest
                break
        for key in away | tried.keys():  # what was only tried did not happen
            heapq.heappush(self._roomiest, (-self._rooms[key].memory_mb, self._place[key], key))
        return _Placement(places, tried) if homeless is None else self._searched(guests, away, homeless)

    def _searched(self, guests: Sequence[Guest], away: set[UUID], homeless: Guest) -> _Placement:
        self._searches += 1
        if self._searches > SEARCHES_MAX:
            return _Placement({}, {}, (Stuck(homeless.name, "no host of the cluster has room for it"),))
        packing = pack(guests, [room for key, room in self._rooms.items() if key not in away])
        if packing.fits:
            rooms = {room.host_id: room for room in packing.rooms}
            return _Placement({guest.id: host_id for guest, host_id in packing.places}, rooms)
        return _Placement({}, {}, tuple(Stuck(guest.name, why) for guest, why in packing.homeless))

    def _move(self, host_id: UUID, placed: _Placement) -> None:
        leaving, self._guests[host_id] = self._guests[host_id], []
        for guest in leaving:
            self._guests[placed.places[guest.id]].append(guest)
        for key, room in placed.rooms.items():
            self._set_room(key, room)
        self._set_room(host_id, _room(self._hosts[host_id], ()))
        if self._not_back.maxlen:
            self._not_back.append(host_id)

    def _set_room(self, host_id: UUID, room: Room) -> None:
        self._spare_mb += room.memory_mb - self._rooms[host_id].memory_mb
        self._rooms[host_id] = room
        heapq.heappush(self._roomiest, (-room.memory_mb, self._place[host_id], host_id))


def _hardest_first(guest: Guest) -> tuple[int, int, int, int, str]:
    return (-len(guest.tags), -len(guest.affinity_groups), -guest.memory_mb, -guest.cpu_cores, guest.name)


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
