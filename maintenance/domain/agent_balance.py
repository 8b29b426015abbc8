"""How agents should be spread over management servers by a cloud's settings, and how they are: counts, zones, drift.

All of it is one pass over the agents. Agents that servers connect to themselves (XenServer, VMware) keep no list:
they are counted where they are, and nothing is expected of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from maintenance.domain.agent_lists import Addresses, AgentKey, clean_addresses, is_same, lists_for
from maintenance.domain.servers import ALGORITHMS, ServerFacts

SEED = 0  # a shuffle nobody has made yet can only be guessed: always the same guess


@dataclass(frozen=True, slots=True)
class Balance:
    """A cloud's settings, as far as they decide where agents go. Intervals in seconds; 0 is off."""

    hosts: Addresses
    algorithm: str
    interval_s: int = 0
    interval_of_cluster_s: Mapping[UUID, int] = field(default_factory=dict)

    @property
    def addresses(self) -> Addresses:
        """`host` without spaces and second mentions; empty when it names nobody."""
        return clean_addresses(self.hosts) if any(address.strip() for address in self.hosts) else ()

    @property
    def decides(self) -> bool:
        """Whether lists can be told from it at all."""
        return bool(self.addresses) and self.algorithm in ALGORITHMS

    def interval_for(self, cluster: UUID | None) -> int:
        """A host's is its cluster's, where that has one; a system VM's is the cloud's."""
        return (
            self.interval_s if cluster is None else self.interval_of_cluster_s.get(cluster, self.interval_s)
        )


@dataclass(frozen=True, slots=True)
class AgentFacts:
    """An agent as it was last read. `listed` None: nobody knows what it keeps; `algorithm` empty: it keeps none.
    `interval_s` None: it never looks for its preferred server, as with 0."""

    key: AgentKey
    name: str
    server: UUID | None
    listed: Addresses | None = None
    algorithm: str = ""
    cluster: UUID | None = None
    is_direct: bool = False
    interval_s: int | None = None


class Drift(StrEnum):
    """How an agent differs from what it should be."""

    OTHER_LIST = "other-list"
    OTHER_ALGORITHM = "other-algorithm"
    NO_ALGORITHM = "no-algorithm"  # its list has no @algorithm: it never looks for its preferred server
    OTHER_INTERVAL = "other-interval"  # it looks for its preferred server more often, or less, than it should
    NOT_ON_PREFERRED = "not-on-preferred"
    NO_SERVER = "no-server"


@dataclass(frozen=True, slots=True)
class DriftingAgent:
    """One agent that is not as it should be, with every reason, and its list as it should be."""

    agent: AgentFacts
    expected: Addresses
    reasons: tuple[Drift, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """One server, or an address of the setting `host` that belongs to none that is known (`server` None).

    `preferred`: agents whose list begins with it. `expected`: agents that should be on it now; the two differ while
    a server is not Up. `actual`: agents on it, of which `direct` keep no list.
    """

    server: ServerFacts | None
    address: str
    preferred: int
    expected: int
    actual: int
    direct: int

    @property
    def name(self) -> str:
        return self.server.name if self.server else self.address


@dataclass(frozen=True, slots=True)
class ZoneSpread:
    """One zone's agents by server, over the servers that are Up: skew is the most less the least."""

    zone: UUID
    actual: Mapping[UUID, int]
    expected: Mapping[UUID, int]

    @property
    def skew(self) -> int:
        return _skew(self.actual.values())

    @property
    def expected_skew(self) -> int:
        return _skew(self.expected.values())


@dataclass(frozen=True, slots=True)
class Spread:
    """All of a cloud's agents against its settings. `untold`: agents whose list the cloud does not tell."""

    shares: tuple[Share, ...]
    zones: tuple[ZoneSpread, ...]
    drifting: tuple[DriftingAgent, ...]
    agents: int
    without_server: int  # connected to none, or to one nobody knows
    untold: int

    @property
    def skew(self) -> int:
        """Over the whole cloud, the servers that are Up: the most agents less the fewest."""
        return _skew(share.actual for share in self.shares if share.server and share.server.is_up)


class Servers:
    """A cloud's servers, found by id and by address."""

    def __init__(self, servers: Sequence[ServerFacts]) -> None:
        self.all = tuple(servers)
        self.by_id = {server.id: server for server in servers}
        self.by_address = {server.address: server for server in servers if server.address}
        self.up = tuple(server for server in servers if server.is_up)
        self._not_up = {server.address for server in servers if not server.is_up}

    def goal(self, expected: Addresses, on: UUID | None) -> str:
        """The address where an agent with this list belongs now, or empty.

        Its preferred server, if that is Up; one nobody knows may be. Otherwise it stays on a server that is Up
        (agents do not look for a server they were told to avoid), or goes to the first of its list that is Up.
        """
        if expected and expected[0] not in self._not_up:
            return expected[0]
        server = self.by_id.get(on) if on else None
        if server is not None and server.is_up:
            return server.address
        return next((address for address in expected if address not in self._not_up), "")


def expected_lists(
    agents: Sequence[AgentFacts], balance: Balance, *, anew: bool = False
) -> dict[UUID, Addresses]:
    """Each agent's list by the settings; empty when they cannot be followed. With `shuffle` any order is right, so an
    agent that has the right addresses keeps its own; unless lists are given out `anew`, as by a change to it."""
    if not balance.decides:
        return {}
    keep = [agent for agent in agents if not agent.is_direct]
    lists = lists_for((agent.key for agent in keep), balance.hosts, balance.algorithm, seed=SEED)
    if balance.algorithm == "shuffle" and not anew:
        for agent in keep:
            if agent.listed is not None and is_same("shuffle", agent.listed, lists[agent.key.id]):
                lists[agent.key.id] = agent.listed
    return lists


def spread_of(agents: Sequence[AgentFacts], servers: Servers, balance: Balance) -> Spread:
    """Expected against actual, zone by zone and agent by agent."""
    lists = expected_lists(agents, balance)
    preferred: Counter[str] = Counter()
    expected: Counter[tuple[UUID, str]] = Counter()
    actual: Counter[tuple[UUID, UUID | None]] = Counter()
    direct: Counter[UUID | None] = Counter()
    drifting: list[DriftingAgent] = []
    untold = 0
    for agent in agents:
        zone = agent.key.zone
        actual[zone, agent.server] += 1
        if agent.is_direct:
            direct[agent.server] += 1
            continue
        if agent.listed is None:
            untold += 1
        should = lists.get(agent.key.id)
        if should is None:
            continue
        goal = servers.goal(should, agent.server)
        preferred[should[0]] += 1
        expected[zone, goal] += 1
        if reasons := tuple(_reasons(agent, should, goal, servers, balance)):
            drifting.append(DriftingAgent(agent, should, reasons))
    return Spread(
        shares=tuple(_shares(servers, balance, preferred, _by_last(expected), _by_last(actual), direct)),
        zones=_zones(servers, expected, actual),
        drifting=tuple(drifting),
        agents=len(agents),
        without_server=sum(1 for agent in agents if agent.server not in servers.by_id),
        untold=untold,
    )


def _reasons(
    agent: AgentFacts, should: Addresses, goal: str, servers: Servers, balance: Balance
) -> Iterator[Drift]:
    if agent.listed is not None:
        if not is_same(balance.algorithm, agent.listed, should):
            yield Drift.OTHER_LIST
        if not agent.algorithm:
            yield Drift.NO_ALGORITHM
        elif agent.algorithm != balance.algorithm:
            yield Drift.OTHER_ALGORITHM
        if (agent.interval_s or 0) != balance.interval_for(agent.cluster):
            yield Drift.OTHER_INTERVAL
    if agent.server is None:
        yield Drift.NO_SERVER
    elif (server := servers.by_id.get(agent.server)) is None or server.address != goal:
        yield Drift.NOT_ON_PREFERRED


def _shares(
    servers: Servers,
    balance: Balance,
    preferred: Mapping[str, int],
    expected: Mapping[str, int],
    actual: Mapping[UUID | None, int],
    direct: Mapping[UUID | None, int],
) -> Iterator[Share]:
    """In the order of `host`, then the servers it does not name."""
    named = balance.addresses
    others = [server for server in servers.all if server.address not in named]
    for address in named:
        server = servers.by_address.get(address)
        id = server.id if server else None
        yield Share(
            server,
            address,
            preferred.get(address, 0),
            expected.get(address, 0),
            actual.get(id, 0) if id else 0,
            direct.get(id, 0) if id else 0,
        )
    for server in others:
        should = expected.get(server.address, 0) if server.address else 0
        yield Share(server, server.address, 0, should, actual.get(server.id, 0), direct.get(server.id, 0))


def _zones(
    servers: Servers,
    expected: Mapping[tuple[UUID, str], int],
    actual: Mapping[tuple[UUID, UUID | None], int],
) -> tuple[ZoneSpread, ...]:
    zones = dict.fromkeys(zone for zone, _ in actual)
    return tuple(
        ZoneSpread(
            zone,
            {server.id: actual.get((zone, server.id), 0) for server in servers.up},
            {server.id: expected.get((zone, server.address), 0) for server in servers.up},
        )
        for zone in zones
    )


def _by_last[K](counts: Mapping[tuple[UUID, K], int]) -> dict[K, int]:
    summed: defaultdict[K, int] = defaultdict(int)
    for (_, key), count in counts.items():
        summed[key] += count
    return dict(summed)


def _skew(counts: Iterable[int]) -> int:
    known = list(counts)
    return max(known, default=0) - min(known, default=0)
