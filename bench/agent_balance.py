"""What it costs to say how agents should be spread, and how few must move; prints one JSON object.

    python -m bench.agent_balance [--agents N] [--servers N] [--zones N]

rebalance   the fewest moves that make servers equal over all zones: time, moves, counts after
lists       each agent's list by round robin
spread      expected against actual of every agent, with zones and drift
preview     who would move if `static` became `roundrobin`, the recommendation included
memory      the most this process held
baseline    of the same run: the simplest plan that ends even, dealing all agents out anew: its time and its moves
"""

import argparse
import json
import random
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from uuid import UUID

from bench.rolling_overhead import machine
from maintenance.domain.agent_balance import AgentFacts, Balance, Servers, spread_of
from maintenance.domain.agent_lists import AgentKey, lists_for
from maintenance.domain.balance_preview import preview_of
from maintenance.domain.fewest_moves import Placed, fewest_moves
from maintenance.domain.servers import ServerFacts, ServerState

TIMES = 5


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--agents", type=int, default=100_000)
    options.add_argument("--servers", type=int, default=8)
    options.add_argument("--zones", type=int, default=40)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    servers = [
        ServerFacts(UUID(int=n), f"ms{n}", f"10.0.0.{n}", ServerState.UP)
        for n in range(1, chosen.servers + 1)
    ]
    agents = a_cloud(random.Random(chosen.seed), chosen.agents, chosen.zones, servers)
    hosts = tuple(server.address for server in servers)
    placed = [Placed(agent.key.id, agent.key.zone, agent.server) for agent in agents]
    ids = [server.id for server in servers]
    known = Servers(servers)
    static, round_robin = Balance(hosts, "static", 60), Balance(hosts, "roundrobin", 60)
    result: dict[str, Any] = {
        "machine": machine(),
        "agents": chosen.agents,
        "servers": chosen.servers,
        "zones": chosen.zones,
        "counts_before": held(placed, {}, ids),
        "baseline": rebalanced(placed, ids, lambda: dealt_anew(placed, ids)),
        "rebalance": rebalanced(
            placed, ids, lambda: {move.agent: move.after for move in fewest_moves(placed, ids)}
        ),
        "memory_of_rebalance_mb": peak_mb(),
        "lists": timed(lambda: lists_for((agent.key for agent in agents), hosts, "roundrobin", seed=0)),
        "spread": timed(lambda: spread_of(agents, known, round_robin)),
        "preview": timed(lambda: preview_of(agents, known, static, round_robin)),
        "memory_mb": peak_mb(),
    }
    print(json.dumps(result, indent=2))


def a_cloud(chance: random.Random, count: int, zones: int, servers: list[ServerFacts]) -> list[AgentFacts]:
    """Big zones and small ones; agents where three of four went to the first servers, as after an outage."""
    zone_ids = [UUID(int=1000 + n) for n in range(zones)]
    weights = [1 / (1 + n) for n in range(zones)]
    hosts = tuple(server.address for server in servers)
    return [
        AgentFacts(
            AgentKey(UUID(int=10_000 + n), n, zone, "Enabled"),
            f"kvm{n}",
            chance.choice(servers[: max(1, len(servers) // 4)] if chance.random() < 0.75 else servers).id,
            hosts,
            "static",
        )
        for n, zone in enumerate(chance.choices(zone_ids, weights, k=count))
    ]


def dealt_anew(placed: list[Placed], servers: list[UUID]) -> dict[UUID, UUID]:
    """The simplest way to an even end: everybody in turn, wherever they are."""
    return {agent.agent: servers[n % len(servers)] for n, agent in enumerate(placed)}


def rebalanced(
    placed: list[Placed], servers: list[UUID], plan: Callable[[], dict[UUID, UUID]]
) -> dict[str, Any]:
    figures = timed(plan)
    where = plan()
    moved = sum(1 for agent in placed if where.get(agent.agent, agent.server) != agent.server)
    return {**figures, "moves": moved, "counts_after": held(placed, where, servers)}


def held(placed: list[Placed], where: dict[UUID, UUID], servers: list[UUID]) -> list[int]:
    counts = Counter(where.get(agent.agent, agent.server) for agent in placed)
    return [counts[server] for server in servers]


def timed(what: Callable[[], object]) -> dict[str, float]:
    took = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        what()
        took.append((time.perf_counter() - begun) * 1000)
    return {"median_ms": round(sorted(took)[TIMES // 2], 1), "most_ms": round(max(took), 1)}


def peak_mb() -> float:
    """The most that was resident so far. Linux counts in KiB, macOS in bytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(most / (1024 * 1024 if sys.platform == "darwin" else 1024), 1)


if __name__ == "__main__":
    main()
