"""Whether instances fit on hosts, all of them counted together (CloudStack tests them one at a time: a known flaw).

The answer is conservative: "fits" comes with a placement that was really found. A bounded search follows the greedy
one, so that on clusters of the usual size a no means that there is none.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

SEARCH_STEPS_MAX = 20_000
REASONS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Guest:
    """An instance that needs a place. Memory in MB."""

    id: UUID
    name: str
    memory_mb: int
    cpu_cores: int
    tags: frozenset[str] = frozenset()
    affinity_groups: frozenset[str] = frozenset()  # members of one group never share a host


@dataclass(frozen=True, slots=True)
class Room:
    """What a host still has to give, with what runs on it counted off."""

    host_id: UUID
    name: str
    memory_mb: int
    cpu_cores: int
    guests_max: int | None  # how many more; None: no limit
    tags: frozenset[str] = frozenset()
    affinity_groups: frozenset[str] = frozenset()  # groups of the instances on it

    def refusal(self, guest: Guest) -> str:
        """Why the guest cannot be placed here, in words; empty when it can."""
        if missing := guest.tags - self.tags:
            return f"host has no tag {', '.join(sorted(missing))}"
        if shared := guest.affinity_groups & self.affinity_groups:
            return f"host already carries a member of {', '.join(sorted(shared))}"
        if self.guests_max is not None and self.guests_max < 1:
            return "host has its limit of instances"
        if guest.memory_mb > self.memory_mb:
            return f"host has {self.memory_mb} MB left, {guest.memory_mb} MB needed"
        if guest.cpu_cores > self.cpu_cores:
            return f"host has {_cores(self.cpu_cores)} left, {guest.cpu_cores} needed"
        return ""

    def with_guest(self, guest: Guest) -> "Room":
        """The room that is left once the guest is here."""
        return replace(
            self,
            memory_mb=self.memory_mb - guest.memory_mb,
            cpu_cores=self.cpu_cores - guest.cpu_cores,
            guests_max=None if self.guests_max is None else self.guests_max - 1,
            affinity_groups=self.affinity_groups | guest.affinity_groups,
        )


@dataclass(frozen=True, slots=True)
class Packing:
    """Where each guest can go, the room that stays, and which guests have no place, with the reason."""

    places: tuple[tuple[Guest, UUID], ...]
    rooms: tuple[Room, ...]
    homeless: tuple[tuple[Guest, str], ...]

    @property
    def fits(self) -> bool:
        return not self.homeless

    @property
    def missing_mb(self) -> int:
        """How much more memory all of them need than is left in all. 0 where that is not what is missing."""
        needed = sum(guest.memory_mb for guest, _why in self.homeless)
        return max(0, needed - sum(max(0, room.memory_mb) for room in self.rooms))


def _cores(number: int) -> str:
    return f"{number} core" if number == 1 else f"{number} cores"


def pack(guests: Sequence[Guest], rooms: Sequence[Room]) -> Packing:
    """Places for all guests at once, or the ones that have none. Deterministic."""
    hardest_first = sorted(
        guests,
        key=lambda g: (-len(g.tags), -len(g.affinity_groups), -g.memory_mb, -g.cpu_cores, g.name),
    )
    greedy = _greedy(hardest_first, rooms)
    if greedy.fits or _cannot_fit(guests, rooms):
        return greedy
    return _search(hardest_first, rooms) or greedy


def _cannot_fit(guests: Sequence[Guest], rooms: Sequence[Room]) -> bool:
    """Plain sums already say no, so that no search is needed."""
    return sum(g.memory_mb for g in guests) > sum(max(0, r.memory_mb) for r in rooms) or sum(
        g.cpu_cores for g in guests
    ) > sum(max(0, r.cpu_cores) for r in rooms)


def _greedy(guests: Sequence[Guest], rooms: Sequence[Room]) -> Packing:
    """Hardest first, each where the most memory is left: spreads the load, as an operator would."""
    left = list(rooms)
    places: list[tuple[Guest, UUID]] = []
    homeless: list[tuple[Guest, str]] = []
    for guest in guests:
        fitting = [i for i, room in enumerate(left) if not room.refusal(guest)]
        if not fitting:
            homeless.append((guest, _nearest_reason(guest, left)))
            continue
        best = max(fitting, key=lambda i: (left[i].memory_mb, -i))
        places.append((guest, left[best].host_id))
        left[best] = left[best].with_guest(guest)
    return Packing(tuple(places), tuple(left), tuple(homeless))


def _nearest_reason(guest: Guest, rooms: Sequence[Room]) -> str:
    """Why no host takes the guest: each host with its reason, the roomiest first."""
    if not rooms:
        return "no other host of the cluster is in service"
    roomiest = sorted(rooms, key=lambda room: -room.memory_mb)
    named = "; ".join(f"{room.name}: {room.refusal(guest)}" for room in roomiest[:REASONS_SHOWN])
    more = len(rooms) - REASONS_SHOWN
    return f"{named}; and {more} hosts more" if more > 0 else named


def _search(guests: Sequence[Guest], rooms: Sequence[Room]) -> Packing | None:
    """Depth-first with a bounded number of steps, tightest room first; None when nothing was found in them."""
    steps = 0
    places: list[UUID] = []

    def place(index: int, left: tuple[Room, ...]) -> tuple[Room, ...] | None:
        nonlocal steps
        if index == len(guests):
            return left
        guest = guests[index]
        tried: set[tuple[object, ...]] = set()
        for i in sorted(range(len(left)), key=lambda i: left[i].memory_mb):
            room = left[i]
            alike = (room.memory_mb, room.cpu_cores, room.guests_max, room.tags, room.affinity_groups)
            if alike in tried or room.refusal(guest):
                continue
            tried.add(alike)
            steps += 1
            if steps > SEARCH_STEPS_MAX:
                return None
            places.append(room.host_id)
            found = place(index + 1, (*left[:i], room.with_guest(guest), *left[i + 1 :]))
            if found is not None:
                return found
            places.pop()
        return None

    # Python's own stack is the limit of the search's depth.
    if len(guests) > 400:
        return None
    found = place(0, tuple(rooms))
    if found is None:
        return None
    return Packing(tuple(zip(guests, places, strict=True)), found, ())
