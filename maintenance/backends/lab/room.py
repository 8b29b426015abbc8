"""Where an instance can move: the lab's own rule, kept apart from Pitstop's so that each finds the other's mistakes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

RUNNING_ISH = frozenset({"Running", "Starting", "Stopping", "Migrating"})


@dataclass(frozen=True, slots=True)
class Guest:
    """An instance of the cluster, as the mover sees it."""

    id: UUID
    name: str
    state: str
    host_id: UUID | None
    goes_to: UUID | None
    memory_mb: int
    cpu_cores: int
    tags: tuple[str, ...]
    affinity_groups: tuple[str, ...]

    def sits_on(self, host_id: UUID) -> bool:
        """Migrating ones sit on both hosts; stopped ones on none."""
        return self.state in RUNNING_ISH and host_id in (self.host_id, self.goes_to)


@dataclass(slots=True)
class Place:
    """A host that may take instances, with what is left of it."""

    id: UUID
    name: str
    memory_mb: int
    cpu_cores: int
    guests_max: int | None
    tags: frozenset[str]
    groups: set[str] = field(default_factory=set)
    guests: int = 0

    def take(self, guest: Guest) -> None:
        """The guest is here, or on its way."""
        self.memory_mb -= guest.memory_mb
        self.cpu_cores -= guest.cpu_cores
        self.guests += 1
        self.groups.update(guest.affinity_groups)

    def why_not(self, guest: Guest) -> str:
        """Why the guest cannot come here; empty when it can."""
        if missing := sorted(set(guest.tags) - self.tags):
            return f"{self.name} has no tag {', '.join(missing)}"
        if shared := sorted(self.groups & set(guest.affinity_groups)):
            return f"{self.name} already runs one of anti-affinity group {', '.join(shared)}"
        if self.guests_max is not None and self.guests >= self.guests_max:
            return f"{self.name} runs its limit of {self.guests_max} instances"
        if guest.memory_mb > self.memory_mb:
            return f"{self.name} has {max(0, self.memory_mb)} MB free of the {guest.memory_mb} MB it needs"
        if guest.cpu_cores > self.cpu_cores:
            return f"{self.name} has {max(0, self.cpu_cores)} cores free of the {guest.cpu_cores} it needs"
        return ""


def fill(places: Sequence[Place], guests: Iterable[Guest]) -> None:
    """Counts off what already runs on the places, or moves there."""
    for guest in guests:
        for place in places:
            if guest.sits_on(place.id):
                place.take(guest)


def hardest_first(guests: Iterable[Guest]) -> list[Guest]:
    """Those with tags and groups first, then the biggest, so that the easy ones fill what is left."""
    return sorted(guests, key=lambda g: (-len(g.tags), -len(g.affinity_groups), -g.memory_mb, g.name))


def choose(guest: Guest, places: Sequence[Place]) -> tuple[Place | None, str]:
    """The emptiest place that takes the guest, or why none does."""
    refusals = {place.id: place.why_not(guest) for place in places}
    fitting = [place for place in places if not refusals[place.id]]
    if fitting:
        return max(fitting, key=lambda place: (place.memory_mb, place.name)), ""
    return None, "; ".join(refusals.values()) or "no other host of the cluster is Enabled and Up"
