"""What a management server's way into maintenance costs beside its jobs; prints one JSON object.

    python -m bench.server_drain [--drains N]

The demo lab, its agents moved without delay: a job of known length is started on a server, the server is prepared, and
the job's end is the zero.
hands_over   until its agents are told to go (in the cloud)
maintenance  until it is in Maintenance (in the cloud: agents gone, background tasks stopped)
seen         until Pitstop's own row says so
held         until the run's step has ended and the run holds it
baseline of the same run and machine: one durable write transaction; and, computed, the check loop of CloudStack, which
looks every 3 s: 1.5 s until it notices the last job's end on average, and as much once more for the agents
"""

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.rolling_overhead import INSTANT, baseline, machine, ready_engine
from bench.stack import Stack, percentile, running_stack, wait_for

JOB_S = 2
SETTINGS = INSTANT | {"agent_move_s": "0", "stop_tasks_s": "0", "start_tasks_s": "0"}
CLOUDSTACK_LOOKS_EVERY_S = 3.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument(
        "--drains", type=int, default=20, help="how often a server is prepared and cancelled"
    )
    chosen = options.parse_args()
    with running_stack() as stack:
        for name, value in SETTINGS.items():
            stack.manage("lab", "config", "set", name, value)
        result: dict[str, Any] = {"machine": machine(), "baseline": floor(stack)}
        ready_engine(stack)
        result["after_the_last_job"] = drains(chosen.drains)
    print(json.dumps(result, indent=2))


def floor(stack: Stack) -> dict[str, float]:
    own = baseline(stack)
    return {
        "commit_p50_ms": own["commit_p50_ms"],
        "commit_p99_ms": own["commit_p99_ms"],
        "cloudstack_notices_s_computed": CLOUDSTACK_LOOKS_EVERY_S / 2,
        "cloudstack_in_maintenance_s_computed": CLOUDSTACK_LOOKS_EVERY_S,
    }


def drains(times: int) -> dict[str, Any]:
    """Prepare and cancel one server after another; seconds after the end of its last job."""
    taken: dict[str, list[float]] = {"hands_over": [], "maintenance": [], "seen": [], "held": []}
    agents = 0
    for number in range(times):
        server = servers()[number % 2 + 1]
        agents = server.agents
        for name, seconds in drain(server).items():
            taken[name].append(seconds)
    return {
        "drains": times,
        "agents_of_the_server": agents,
        **{
            name: {"p50_s": round(percentile(values, 0.5), 3), "p99_s": round(percentile(values, 0.99), 3)}
            for name, values in taken.items()
        },
        "target": "held p99 ≤ 0.5 s",
    }


def servers() -> list[Any]:
    """The servers, Up and without jobs of other people."""
    from maintenance.backends.lab import models as lab
    from maintenance.models import ManagementServer

    lab.PendingJob.objects.all().delete()

    def ready() -> list[Any]:
        rows = list(ManagementServer.objects.order_by("name"))
        return rows if all(row.state == "Up" and not row.pending_jobs for row in rows) else []

    return wait_for(ready, 30)


def drain(server: Any) -> dict[str, float]:
    """One server into maintenance and back."""
    from django.db import connection

    from maintenance.actions import servers as actions
    from maintenance.backends.lab import models as lab
    from maintenance.backends.lab.servers import by_hand
    from maintenance.backends.lab.world import lab_world
    from maintenance.models import ManagementServer, Target

    with lab_world() as world:
        job = {"command": "StartVMCmdByAdmin", "account": "shop", "domain": "ROOT/retail"}
        by_hand.start_jobs(world, server.id, count=1, seconds=JOB_S, **job)
    ends: datetime = lab.PendingJob.objects.get(management_server=server.id).ends
    run = actions.prepare_server(server.id, algorithm=None, forced=False, actor="bench")
    now = "SELECT clock_timestamp()"

    def moment(is_so: Any) -> float:
        wait_for(is_so, 60)
        with connection.cursor() as cursor:
            cursor.execute(now)
            return float((cursor.fetchone()[0] - ends).total_seconds())

    seen = moment(lambda: ManagementServer.objects.filter(id=server.id, state="Maintenance").exists())
    held = moment(lambda: Target.objects.filter(run=run, state="InMaintenance").exists())
    in_cloud = lab.ManagementServer.objects.get(id=server.id)
    taken = {
        "hands_over": (in_cloud.handed_over_at - ends).total_seconds(),
        "maintenance": (in_cloud.since - ends).total_seconds(),
        "seen": seen,
        "held": held,
    }
    actions.cancel_server_maintenance(server.id, actor="bench")
    wait_for(lambda: Target.objects.filter(run=run, state="Done").exists(), 60)
    return taken


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()
