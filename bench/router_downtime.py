"""How long customers cannot reach anything while their router is restarted or patched; prints one JSON object.

    python -m bench.router_downtime [--runs N]

The setting of the original test, in the lab: a network with 10 guests, 10 public addresses, firewall rules and port
forwards on all of them and a load balancer, on a router of its own and on a redundant pair. Each way is done N times by
a real engine, probed every 10 ms from outside: inwards (a port forward), outwards, and through the load balancer.
Downtime is the sum of all gaps of a run, each from the last good answer to the next good one.
baseline     the serial way of the same run: the old router is stopped, then the new one boots (the lab's setting
             `sysvm.boot.seconds`, 3 s); and `quiet`, the same probes while the rules are only applied again
reduction    of the average and of the lowest against the serial average, as the original's table has it
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from bench.rolling_overhead import machine, ready_engine
from bench.stack import running_stack, wait_for

EVERY_S = 0.01
RUN_S = 120
GUESTS = 10
WAYS = ("ingress", "egress", "load-balancer")
TARGETS_MS = {"live patch": 100, "redundant": 100, "parallel": 300}
PAYLOAD = "4.21.9.0"


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--runs", type=int, default=10, help="of each way; at least 10 for the record")
    chosen = options.parse_args()
    with running_stack() as stack:
        alone, pair = networks()
        stack.manage("payload", "make-demo", PAYLOAD, "--publish")
        ready_engine(stack, PITSTOP_DOWNTIME_PROBE_EVERY_S=str(EVERY_S))
        wait_for(lambda: are_probed(alone, pair), 60)
        done = {name: [way() for _ in range(chosen.runs)] for name, way in ways(alone, pair).items()}
        result = {
            "machine": machine(),
            "boot_s": boot_s(),
            "runs_of_each": chosen.runs,
            "probe_every_ms": EVERY_S * 1000,
            "downtime_ms": {name: {at: told(at, found) for at in WAYS} for name, found in done.items()},
            "table": table(done),
        }
    print(json.dumps(result, indent=2))


def ways(alone: UUID, pair: UUID) -> dict[str, Callable[[], dict[str, float]]]:
    """Name → does it once and gives the milliseconds of each way."""
    from maintenance.actions.live_patches import PatchRequest, start_live_patch
    from maintenance.actions.router_restarts import RestartRequest, start_router_restart

    def restart(network: UUID, **how: Any) -> Callable[[], dict[str, float]]:
        request = RestartRequest(network_ids=(network,), soak_s=1, **how)
        return lambda: downtime_of(start_router_restart(request, actor="bench").run, network)

    def patch() -> dict[str, float]:
        request = PatchRequest(network_ids=(alone,), forced=True, soak_s=1)
        return downtime_of(start_live_patch(request, actor="bench").run, alone)

    return {
        "serial": restart(alone, serial=True),
        "parallel": restart(alone),
        "redundant": restart(pair),
        "live patch": patch,
        "quiet": restart(alone, cleanup=False),
    }


def downtime_of(run: Any, network: UUID) -> dict[str, float]:
    """Waits for the run's end; what was measured on each way, of all its routers. Raises: RuntimeError."""
    from django.db.models import Sum

    from maintenance.domain.states import RUN_ENDED
    from maintenance.models import Downtime, Run

    wait_for(lambda: Run.objects.filter(id=run.id, state__in=RUN_ENDED).exists(), RUN_S)
    run.refresh_from_db()
    rows = Downtime.objects.filter(run=run)
    if run.state != "Succeeded" or rows.filter(was_down_before=True).exists() or rows.exclude(interrupted=0):
        raise RuntimeError(f"run {run.number} of {run.kind}, {run.way}: {run.state}, {run.details}")
    found = dict(rows.values_list("way").annotate(Sum("down_ms")))
    if set(found) != set(WAYS):
        raise RuntimeError(f"run {run.number} was measured on {sorted(found)} only")
    wait_for(lambda: are_probed(network), 60)  # the next one begins with routers that are known
    return found


def told(way: str, found: list[dict[str, float]]) -> dict[str, float]:
    values = [one[way] for one in found]
    return {
        "average": round(sum(values) / len(values), 1),
        "lowest": round(min(values), 1),
        "highest": round(max(values), 1),
    }


def table(done: dict[str, list[dict[str, float]]]) -> list[dict[str, Any]]:
    """As the original has it, over the worst of the three ways in each run: average (lowest), reduction (highest)."""
    worst = {name: [max(one.values()) for one in found] for name, found in done.items()}
    serial = sum(worst["serial"]) / len(worst["serial"])
    lines = []
    for name, values in worst.items():
        average, lowest = sum(values) / len(values), min(values)
        target = TARGETS_MS.get(name)
        lines.append(
            {
                "way": name,
                "average_ms": round(average, 1),
                "lowest_ms": round(lowest, 1),
                "reduction_average": f"{100 * (1 - average / serial):.1f} %",
                "reduction_highest": f"{100 * (1 - lowest / serial):.1f} %",
                "target_ms": target,
                "is_met": None if target is None else average <= target,
            }
        )
    return lines


# ---- the setting ----------------------------------------------------------------------------------------------------


def networks() -> tuple[UUID, UUID]:
    """Ids of two networks in the lab: one with a router of its own, one with a redundant pair."""
    return place("bench-alone", 101, [""]), place("bench-pair", 121, ["PRIMARY", "BACKUP"])


def place(name: str, first_ip: int, sides: list[str]) -> UUID:
    from maintenance.backends.lab import models as lab
    from maintenance.backends.lab.system_vm_models import Network, SystemVm
    from maintenance.backends.lab.system_vms import demo
    from maintenance.backends.lab.topology import ZONES, lab_id

    hosts = list(lab.Host.objects.filter(name__contains="711", hypervisor="KVM").order_by("name"))
    whose = {"account": "shop", "domain": "ROOT/retail"}
    network = Network.objects.create(
        id=lab_id("network", name), zone_id=ZONES["zone1"], name=name, is_redundant=len(sides) > 1, **whose
    )
    ips = [f"203.0.113.{first_ip + n}" for n in range(GUESTS)]
    for number, side in enumerate(sides):
        vm = f"r-{first_ip + number}-VM"
        SystemVm.objects.create(
            id=lab_id("system-vm", vm),
            name=vm,
            type="domainrouter",
            zone_id=ZONES["zone1"],
            host=hosts[number],
            network=network,
            redundant_state=side,
            template_version=demo.TEMPLATE,
            base_image=demo.BASE_IMAGE,
            software_version=demo.VERSION,
            public_ips=ips,
            rules=rules(ips),
            **whose,
        )
    return network.id


def rules(ips: list[str]) -> list[str]:
    """A firewall rule and a port forward to a guest of its own on every address; a load balancer on the first."""
    lines = []
    for number, ip in enumerate(ips):
        lines += [f"ip {ip}", f"firewall {ip} tcp/22,80", f"forward {ip}:22 10.1.1.{10 + number}:22"]
    return [*lines, f"balance {ips[0]}:80 10.1.1.10:80,10.1.1.11:80"]


def are_probed(*places: UUID) -> bool:
    """Whether every router of these networks is known, Running and was probed."""
    from maintenance.models import Network, SystemVm

    routers = SystemVm.objects.filter(network__in=places, gone_at=None)
    known = Network.objects.filter(id__in=places).count() == len(places) and routers.exists()
    return known and not routers.exclude(state="Running", probe_error="", probed_at__isnull=False).exists()


def boot_s() -> float:
    from maintenance.backends.lab.models import World

    return float(World.objects.get().settings.get("system_vm_boot_s", 3))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()
