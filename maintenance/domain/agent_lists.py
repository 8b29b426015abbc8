"""Which management servers an agent is told to connect to, and in which order: CloudStack's three algorithms.

The first of an agent's list is its preferred server. Source: CloudStack 4.21, `indirect.agent.lb.algorithm`.
"""

import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from maintenance.domain.servers import ALGORITHMS

# Round robin counts these only. Degraded hosts and hosts in ErrorInPrepareForMaintenance are not among them.
COUNTED_STATES = frozenset(
    {"Enabled", "Maintenance", "Disabled", "ErrorInMaintenance", "PrepareForMaintenance"}
)

type Addresses = tuple[str, ...]


class BadHostSetting(ValueError):
    """The setting `host` names no management server: agents would have nowhere to go."""


class BadAlgorithm(ValueError):
    """There is no such algorithm; the text names those there are."""

    def __init__(self, algorithm: str) -> None:
        super().__init__(f"there is no algorithm {algorithm!r}; there are {', '.join(ALGORITHMS)}")


@dataclass(frozen=True, slots=True)
class AgentKey:
    """An agent that keeps a list (KVM hosts and system VMs), as far as its order counts.

    `host_order` is the cloud's internal number of it; None for one that is only being added.
    """

    id: UUID
    host_order: int | None
    zone: UUID
    resource_state: str
    kind: str = "host"  # host | consoleproxy | secondarystoragevm


def addresses_of(setting: str) -> Addresses:
    """The addresses in the setting `host`, as it is written: separated by commas. Raises: BadHostSetting."""
    return clean_addresses(setting.split(","))


def clean_addresses(hosts: Iterable[str]) -> Addresses:
    """Without spaces, empty entries, and second mentions. Raises: BadHostSetting when nothing is left."""
    without_spaces = ("".join(address.split()) for address in hosts)
    addresses = tuple(dict.fromkeys(address for address in without_spaces if address))
    if not addresses:
        raise BadHostSetting("the setting `host` names no management server")
    return addresses


def lists_for(
    agents: Iterable[AgentKey], hosts: Iterable[str], algorithm: str, *, seed: int
) -> dict[UUID, Addresses]:
    """Each agent's list. Only `shuffle` looks at `seed`: the same seed gives an agent the same list again.

    Raises: BadHostSetting, BadAlgorithm.
    """
    addresses = clean_addresses(hosts)
    if algorithm not in ALGORITHMS:
        raise BadAlgorithm(algorithm)
    if algorithm == "static" or len(addresses) == 1:
        return {agent.id: addresses for agent in agents}
    if algorithm == "shuffle":
        return {agent.id: _shuffled(addresses, agent.id, seed) for agent in agents}
    return _round_robin(agents, addresses)


def is_same(algorithm: str, mine: Sequence[str] | None, expected: Sequence[str]) -> bool:
    """Whether an agent's list is what it should be: the same order; with `shuffle` the same addresses in any order.
    None, a list nobody knows, is not the same as any."""
    if mine is None:
        return False
    if algorithm == "shuffle":
        return set(mine) == set(expected)
    return tuple(mine) == tuple(expected)


def _round_robin(agents: Iterable[AgentKey], addresses: Addresses) -> dict[UUID, Addresses]:
    """In each zone the nth agent by its number gets the addresses rotated left by n. Zones know nothing of each other.

    Agents that are not counted, or are only being added, come after all others, in the order of their numbers.
    """
    zones: defaultdict[UUID, list[AgentKey]] = defaultdict(list)
    for agent in agents:
        zones[agent.zone].append(agent)
    rotated = [addresses[pivot:] + addresses[:pivot] for pivot in range(len(addresses))]
    lists: dict[UUID, Addresses] = {}
    for in_zone in zones.values():
        in_zone.sort(key=_place)
        for index, agent in enumerate(in_zone):
            lists[agent.id] = rotated[index % len(rotated)]
    return lists


def _place(agent: AgentKey) -> tuple[bool, bool, int]:
    """New ones compare equal: they stay in the order in which they were given."""
    is_appended = agent.host_order is None or agent.resource_state not in COUNTED_STATES
    return is_appended, agent.host_order is None, agent.host_order or 0


def _shuffled(addresses: Addresses, agent_id: UUID, seed: int) -> Addresses:
    """By seed and agent, so that an agent's list does not change because another one came."""
    order = list(addresses)
    random.Random(agent_id.int ^ seed).shuffle(order)
    return tuple(order)
