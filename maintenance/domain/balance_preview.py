"""Who would move if the settings of agent balance were changed, or agents sent home now: told before it is done."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from maintenance.domain.agent_balance import AgentFacts, Balance, Servers, expected_lists
from maintenance.domain.agent_lists import is_same
from maintenance.domain.balance_lint import Finding, lint
from maintenance.domain.fewest_moves import Placed, fewest_moves

NAMED_MAX = 50


@dataclass(frozen=True, slots=True)
class Flow:
    """So many agents go from one server to another. Named, or the address where no server is known; empty: none."""

    before: str
    after: str
    agents: int


@dataclass(frozen=True, slots=True)
class Mover:
    """One agent that would move."""

    agent: UUID
    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Load:
    """One server's agents before and after, those that keep no list included."""

    name: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Fewest:
    """What would be enough to have servers hold equally many: a recommendation, nothing does it."""

    moves: int
    flows: tuple[Flow, ...]
    loads: tuple[Load, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """`moving` agents go elsewhere, of which `by_themselves` at their next check; the others when they are sent home
    (rebalance) or connect anew. `first`: some of them by name. `sent_lists`: agents whose list or algorithm changes.
    `is_certain` False: shuffle, so this is one of many ways it may go. `hash`: of all that a person agrees to.
    """

    settings: Balance
    agents: int
    sent_lists: int
    moving: int
    by_themselves: int
    flows: tuple[Flow, ...]
    loads: tuple[Load, ...]
    first: tuple[Mover, ...]
    findings: tuple[Finding, ...]
    fewest: Fewest
    is_certain: bool
    hash: str


def preview_of(
    agents: Sequence[AgentFacts],
    servers: Servers,
    before: Balance,
    after: Balance,
    *,
    at_once: bool = False,
    besides: Sequence[object] = (),
) -> Preview:
    """What changing `before` to `after` does. `at_once`: agents are sent home as well, whatever their interval.
    `besides`: what else a person agrees to, by which nobody moves."""
    lists = expected_lists(agents, after, anew=before.algorithm != after.algorithm)
    flows: Counter[tuple[str, str]] = Counter()
    movers: list[Mover] = []
    sent_lists = by_themselves = 0
    for agent in agents:
        should = lists.get(agent.key.id)
        if should is None:
            continue
        if agent.algorithm != after.algorithm or not is_same(after.algorithm, agent.listed, should):
            sent_lists += 1
        here, goal = _name_of(agent.server, servers), _name_at(servers.goal(should, agent.server), servers)
        if here == goal or not goal:
            continue
        flows[here, goal] += 1
        by_themselves += at_once or after.interval_for(agent.cluster) > 0
        movers.append(Mover(agent.key.id, agent.name, here, goal))
    movers.sort(key=lambda mover: mover.name)
    told = _flows(flows)
    return Preview(
        settings=after,
        agents=len(agents),
        sent_lists=sent_lists,
        moving=len(movers),
        by_themselves=by_themselves,
        flows=told,
        loads=_loads(agents, servers, flows),
        first=tuple(movers[:NAMED_MAX]),
        findings=lint(after, servers),
        fewest=fewest_of(agents, servers),
        is_certain=after.algorithm != "shuffle" or len(after.addresses) < 2,
        hash=_hash(before, after, told, at_once, besides),
    )


def fewest_of(agents: Sequence[AgentFacts], servers: Servers) -> Fewest:
    """Over all zones, agents that keep a list only: others cannot be sent."""
    movable = [agent for agent in agents if not agent.is_direct]
    placed = (Placed(agent.key.id, agent.key.zone, agent.server) for agent in movable)
    moves = fewest_moves(placed, [server.id for server in servers.up])
    flows: Counter[tuple[str, str]] = Counter()
    for move in moves:
        flows[_name_of(move.before, servers), _name_of(move.after, servers)] += 1
    return Fewest(len(moves), _flows(flows), _loads(movable, servers, flows))


def _flows(counts: Mapping[tuple[str, str], int]) -> tuple[Flow, ...]:
    """The biggest first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Flow(before, after, count) for (before, after), count in ordered)


def _loads(
    agents: Sequence[AgentFacts], servers: Servers, flows: Mapping[tuple[str, str], int]
) -> tuple[Load, ...]:
    counts = Counter(_name_of(agent.server, servers) for agent in agents)
    after = Counter(counts)
    for (here, goal), count in flows.items():
        after[here] -= count
        after[goal] += count
    names = dict.fromkeys([*(server.name for server in servers.all), *after])
    return tuple(Load(name, counts[name], after[name]) for name in names if name)


def _name_of(server_id: UUID | None, servers: Servers) -> str:
    if server_id is None:
        return ""
    server = servers.by_id.get(server_id)
    return server.name if server else str(server_id)


def _name_at(address: str, servers: Servers) -> str:
    server = servers.by_address.get(address)
    return server.name if server else address


def _hash(
    before: Balance, after: Balance, flows: Sequence[Flow], at_once: bool, besides: Sequence[object]
) -> str:
    """Another plan has another hash: other settings now, other settings then, or other agents that move."""
    content = json.dumps(
        [_told(before), _told(after), [[f.before, f.after, f.agents] for f in flows], at_once, [*besides]]
    )
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def _told(balance: Balance) -> list[object]:
    of_cluster = sorted((str(cluster), s) for cluster, s in balance.interval_of_cluster_s.items())
    return [list(balance.hosts), balance.algorithm, balance.interval_s, of_cluster]
