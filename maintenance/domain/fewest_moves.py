"""The fewest agents that must move so that servers hold equally many, or one more, over all zones of a cloud.

Round robin counts in each zone by itself: with many small zones the first servers get more. This does not look at
lists. It is a recommendation; agents that are moved by hand go back to their preferred server by themselves.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Placed:
    """An agent and the server it is on; None, or a server that is not among those asked about: it must move."""

    agent: UUID
    zone: UUID
    server: UUID | None


@dataclass(frozen=True, slots=True)
class Move:
    agent: UUID
    before: UUID | None
    after: UUID


def fewest_moves(agents: Iterable[Placed], servers: Sequence[UUID]) -> list[Move]:
    """Afterwards counts differ by at most one, and no plan with fewer moves gets there. Linear in the agents.

    The servers that hold most keep the one more: each agent above its server's share moves once, and no other does.
    Of equally short plans this takes the one that also evens the zones: agents leave where their zone is crowded.
    """
    if not servers:
        return []
    held: dict[UUID, defaultdict[UUID, list[UUID]]] = {server: defaultdict(list) for server in servers}
    homeless: list[Placed] = []
    by_zone: Counter[UUID] = Counter()
    for agent in agents:
        by_zone[agent.zone] += 1
        on = held.get(agent.server) if agent.server else None
        if on is None:
            homeless.append(agent)
        else:
            on[agent.zone].append(agent.agent)
    counts = {server: sum(map(len, zones.values())) for server, zones in held.items()}
    room = {
        server: share - counts[server] for server, share in _shares(counts, sum(by_zone.values())).items()
    }
    leaving: defaultdict[UUID, list[tuple[UUID, UUID | None]]] = defaultdict(list)
    for placed in homeless:
        leaving[placed.zone].append((placed.agent, placed.server))
    for server, zones in held.items():
        if room[server] < 0:
            for zone, agent_id in _take(zones, -room[server], by_zone, len(servers)):
                leaving[zone].append((agent_id, server))
    return _place(leaving, room, held, by_zone)


def _shares(counts: Mapping[UUID, int], agents: int) -> dict[UUID, int]:
    """How many each shall hold: the fullest get the one more, since they have to give less then."""
    least, more = divmod(agents, len(counts))
    fullest = sorted(counts, key=lambda server: -counts[server])
    return {server: least + (place < more) for place, server in enumerate(fullest)}


def _take(
    zones: Mapping[UUID, list[UUID]], count: int, by_zone: Mapping[UUID, int], servers: int
) -> list[tuple[UUID, UUID]]:
    """So many agents off this server: first where it holds more of a zone than its part, then from anywhere."""
    taken: list[tuple[UUID, UUID]] = []
    for is_second_round in (False, True):
        for zone, ids in zones.items():
            keep = 0 if is_second_round else -(-by_zone[zone] // servers)
            for _ in range(min(count - len(taken), len(ids) - keep)):
                taken.append((zone, ids.pop()))
    return taken


def _place(
    leaving: Mapping[UUID, list[tuple[UUID, UUID | None]]],
    room: Mapping[UUID, int],
    held: Mapping[UUID, Mapping[UUID, list[UUID]]],
    by_zone: Mapping[UUID, int],
) -> list[Move]:
    """Where there is room: first on servers that hold less of the zone than their part, then anywhere."""
    left = {server: free for server, free in room.items() if free > 0}
    moves: list[Move] = []
    for is_second_round in (False, True):
        for zone, agents in leaving.items():
            part = by_zone[zone] // len(room)
            for server in list(left):
                if not agents:
                    break
                fits = left[server] if is_second_round else part - len(held[server].get(zone, ()))
                for _ in range(min(fits, left[server], len(agents))):
                    agent_id, before = agents.pop()
                    moves.append(Move(agent_id, before, server))
                    left[server] -= 1
                if not left[server]:
                    del left[server]
    return moves
