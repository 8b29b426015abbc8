"""How long a management server's agents take to other servers, and whether any is without one; prints one JSON object.

    python -m bench.agent_handover [--agents N]

prepare    every agent of the lab is on one server; that one prepares for maintenance, and is looked at again and again
           as an engine does: time until nobody is left on it, and until it is in Maintenance
rebalance  its maintenance is cancelled, with rebalance: time until every agent is connected to the first of its list
death      the process of that server is killed with all of them on it: the longest any agent had no server
list       one change of the algorithm: time until every agent has its new list
baseline   of the same run and machine: one bare UPDATE of as many rows, and a look when nothing is due
cloudstack computed, not measured: its pools of 10 hosts a cluster, one cluster after another, where each agent waits
           3 s before it goes, and 60 s where an agent does not answer
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from bench.rolling_overhead import machine
from bench.stack import Stack, running_stack

GOAL_S = 10.0
GAP_GOAL_S = 1.0
LOOK_EVERY_S = 0.1
CLOUDSTACK_AT_ONCE = 10
CLOUDSTACK_AGENT_WAITS_S = 3
CLOUDSTACK_COMMAND_MAX_S = 60


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--agents", type=int, default=10_000, help="hosts in clusters of twenty")
    chosen = options.parse_args()
    with running_stack() as stack:
        stack.manage("lab", "reset")
        stack.manage("lab", "grow", "--hosts", str(chosen.agents), "--instances", "0", "--virtual")
        result: dict[str, Any] = {
            "machine": machine(),
            "agents": count("agents"),
            "clusters": count("clusters"),
        }
        result |= measure(stack)
    print(json.dumps(result, indent=2))


def measure(stack: Stack) -> dict[str, Any]:
    """Everything, on one lab, one after the other."""
    from maintenance.backends.lab.cloud import LabCloud
    from maintenance.backends.lab.topology import MANAGEMENT_SERVERS, lab_id
    from maintenance.models import Cloud

    lab = LabCloud(Cloud.objects.get().id)
    first = lab_id("ms", MANAGEMENT_SERVERS[0])
    quiet(stack)
    begun = time.perf_counter()
    lab.snapshot()
    settled_s = time.perf_counter() - begun  # everybody's first list, and first connection
    result: dict[str, Any] = {"first_connection_s": round(settled_s, 2)}
    result["baseline"] = baseline(lab)
    result["list"] = change_list(lab)
    everybody_to_the_first(lab, first)
    result["prepare"] = prepare(lab, first)
    result["rebalance"] = rebalance(lab, first)
    result["death"] = death(lab, first)
    result["cloudstack_computed"] = cloudstack()
    result["goals"] = {"prepare_s": f"≤ {GOAL_S:g}", "longest_gap_s": f"≤ {GAP_GOAL_S:g}"}
    return result


def quiet(stack: Stack) -> None:
    """No job holds a server: only the agents are measured."""
    from maintenance.backends.lab.models import PendingJob

    PendingJob.objects.all().delete()
    for name in ("indirect.agent.lb.check.interval", "listing_age_min_s", "listing_age_max_s"):
        stack.manage("lab", "config", "set", name, "0")


def baseline(lab: Any) -> dict[str, float]:
    """The same rows written once without any thought, and a look at agents when nothing is due."""
    from maintenance.backends.lab.agents import settle_agents
    from maintenance.backends.lab.config import LabConfig
    from maintenance.backends.lab.outside import lab_door

    with lab_door() as door:
        begun = time.perf_counter()
        rows = door.run("UPDATE lab_agent SET longest_gap_s = 0")
        update_s = time.perf_counter() - begun
        looks = []
        for _ in range(10):
            begun = time.perf_counter()
            settle_agents(door, LabConfig())
            looks.append(time.perf_counter() - begun)
    return {
        "rows": rows,
        "bare_update_s": round(update_s, 3),
        "look_with_nothing_due_s": round(sorted(looks)[len(looks) // 2], 4),
    }


def change_list(lab: Any) -> dict[str, Any]:
    """Round robin to static: every list changes."""
    from maintenance.backends.servers import BalanceChange

    begun = time.perf_counter()
    lab.change_balance(BalanceChange(algorithm="static"), expires_at=soon())
    took_s = time.perf_counter() - begun
    lists = {agent.servers_listed for agent in lab.snapshot().agents if not agent.is_direct}
    assert len(lists) == 1, lists
    return {"every_list_changed_s": round(took_s, 2)}


def everybody_to_the_first(lab: Any, first: Any) -> None:
    """By static lists, all agents that keep a list prefer one server, and go there."""
    lab.rebalance(expires_at=soon())
    indirect = count("indirect agents")
    watch(lab, lambda: on_server(first) >= indirect)


def prepare(lab: Any, first: Any) -> dict[str, Any]:
    """From the accepted request until nobody is left, then until Maintenance."""
    before = on_server(first)
    forget_gaps()
    begun = time.perf_counter()
    lab.prepare_server(first, algorithm=None, forced=False, expires_at=soon())
    accepted_s = time.perf_counter() - begun
    looks: list[float] = []
    without: list[int] = []

    def state() -> str:
        asked = time.perf_counter()
        look = lab.look_at_server(first)
        looks.append(time.perf_counter() - asked)
        without.append(count("agents without a server"))
        return str(look.server.state)

    empty_s = watch(lab, lambda: state() and on_server(first) == 0, begun)
    maintenance_s = watch(lab, lambda: state() == "Maintenance", begun)
    return {
        "agents": before,
        "accepted_s": round(accepted_s, 3),
        "handed_over_s": round(empty_s, 2),
        "in_maintenance_s": round(maintenance_s, 2),
        "longest_gap_s": longest_gap_s(),
        "longest_look_s": round(max(looks), 3),
        "seen_without_a_server_max": max(without),
    }


def rebalance(lab: Any, first: Any) -> dict[str, Any]:
    """Cancelled: static lists bring everybody back to the same server."""
    indirect = count("indirect agents")
    begun = time.perf_counter()
    lab.cancel_server_maintenance(first, rebalance=True, expires_at=soon())
    home_s = watch(lab, lambda: lab.read_servers() and on_server(first) >= indirect, begun)
    return {"agents": indirect, "all_home_s": round(home_s, 2), "longest_gap_s": longest_gap_s()}


def death(lab: Any, first: Any) -> dict[str, Any]:
    """All on one server, and it dies: the worst of cases."""
    from maintenance.backends.lab.servers import by_hand
    from maintenance.backends.lab.world import lab_world

    before = on_server(first)
    forget_gaps()
    begun = time.perf_counter()
    with lab_world() as world:
        by_hand.kill(world, first)
    elsewhere_s = watch(
        lab,
        lambda: lab.read_servers() and count("agents without a server") == 0 and on_server(first) == 0,
        begun,
    )
    return {"agents": before, "all_elsewhere_s": round(elsewhere_s, 2), "longest_gap_s": longest_gap_s()}


def cloudstack() -> dict[str, Any]:
    """What its source makes of the same fleet (IndirectAgentLBServiceImpl, Agent): computed, not measured."""
    from maintenance.backends.lab.models import Cluster

    turns = 0
    for cluster in Cluster.objects.all():
        hosts = cluster.host_set.count()
        turns += -(-hosts // CLOUDSTACK_AT_ONCE)
    return {
        "turns_of_ten": turns,
        "at_best_s": turns * CLOUDSTACK_AGENT_WAITS_S,
        "when_no_agent_answers_s": turns * CLOUDSTACK_COMMAND_MAX_S,
        "note": "computed; one cluster after another, each agent waits 3 s before it goes, a command ends after 60 s",
    }


# ---- small readers ----------------------------------------------------------------------------------------------


def count(what: str) -> int:
    from maintenance.backends.lab.models import Agent, Cluster

    match what:
        case "agents":
            return Agent.objects.count()
        case "indirect agents":
            return Agent.objects.filter(is_direct=False).count()
        case "agents without a server":
            return Agent.objects.filter(server=None).count()
    return Cluster.objects.count()


def on_server(server_id: Any) -> int:
    from maintenance.backends.lab.models import Agent

    return Agent.objects.filter(server=server_id).count()


def longest_gap_s() -> float:
    """As the lab wrote it down at each arrival: from the end of one connection to the next one."""
    from django.db.models import Max

    from maintenance.backends.lab.models import Agent

    longest = Agent.objects.aggregate(longest=Max("longest_gap_s"))["longest"]
    return round(float(longest), 3)


def forget_gaps() -> None:
    from maintenance.backends.lab.models import Agent

    Agent.objects.update(longest_gap_s=0)


def soon() -> Any:
    from datetime import UTC, datetime, timedelta

    return datetime.now(UTC) + timedelta(seconds=60)


def watch(lab: Any, condition: Any, begun: float | None = None, within_s: float = 120) -> float:
    """Seconds until it was true, looked at as an engine looks."""
    begun = time.perf_counter() if begun is None else begun
    while not condition():
        if time.perf_counter() - begun > within_s:
            raise TimeoutError(f"not within {within_s} s")
        lab.read_servers()
        time.sleep(LOOK_EVERY_S)
    return time.perf_counter() - begun


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()
