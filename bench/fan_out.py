"""A thousand open pages and twenty changes a second: what the fan-out costs; prints one JSON object.

    python -m bench.fan_out [--sockets N] [--rate N] [--seconds N] [--rounds N] [--no-climb]

ours      one web process as `make run` starts it, sockets of ten people on the list of hosts. Another program changes
          one host after another in PostgreSQL, each in a durable unit of work with its event. Measured is the whole
          way: the bell, the event read from the feed, the host's row drawn (once; about 2 kB), framed, written to each
          socket. Latency counts from the commit to each socket's client; CPU is all that the web process used.
baseline  a bare `websockets` server on uvloop in the same run: `websockets.broadcast` of a frame that ours has sent,
          with another number each time, to the same clients. Latency counts from the call.
climb     the rate rises step by step until a step does not end well: something is not delivered, the 99th percentile
          exceeds half a second, or the changes cannot be made that fast. A delivery is one changed row at one socket;
          ours may put several rows into one frame, as it does whenever they are drawn together.
All clients are one process, the servers are others, one at a time, on the same cores.
"""

import argparse
import asyncio
import json
import os
import statistics
from typing import Any

import uvloop

from bench.fan_out_ear import Measured
from bench.fan_out_sides import Bare, Ours, Side
from bench.rolling_overhead import machine
from bench.sockets import drop_all
from bench.stack import Stack, running_stack

P99_RATIO_MAX, CPU_RATIO_MAX, CLIMB_RATIO_MIN = 2.0, 1.5, 0.7
CLIMB_FROM, CLIMB_BY, CLIMB_TO = 30.0, 1.15, 400.0  # changes a second
STEP_S = 5.0
STEP_P99_MAX_MS = 500.0
WARM_UP_S = 3.0


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--sockets", type=int, default=1000)
    options.add_argument("--rate", type=float, default=20.0, help="changes a second")
    options.add_argument("--seconds", type=float, default=10.0, help="of each round")
    options.add_argument("--rounds", type=int, default=3, help="of each server, in turns; medians count")
    options.add_argument("--no-climb", action="store_true", help="leave out the largest sustained rate")
    chosen = options.parse_args()
    os.environ["PITSTOP_LOG_LEVEL"] = "WARNING"  # standard output is the JSON object's
    with running_stack() as stack:
        print(json.dumps(uvloop.run(bench(stack, Ours(stack), chosen)), indent=2))


async def bench(stack: Stack, ours: Ours, chosen: argparse.Namespace) -> dict[str, Any]:
    await ours.open(chosen.sockets)
    await ours.load(chosen.rate, WARM_UP_S)
    bare = await asyncio.to_thread(Bare, stack, ours.ear.frame_of_one())
    await drop_all(ours.sockets)
    found: dict[str, list[Measured]] = {"ours": [], "baseline": []}
    for _ in range(chosen.rounds):
        for name, side in (("ours", ours), ("baseline", bare)):
            await side.open(chosen.sockets)
            await side.load(chosen.rate, WARM_UP_S)
            found[name].append(await side.load(chosen.rate, chosen.seconds))
            await drop_all(side.sockets)
    result: dict[str, Any] = {"machine": machine(), **_fan_out(found["ours"], found["baseline"])}
    if not chosen.no_climb:
        result["climb"] = await _climbs(ours, bare, chosen.sockets)
    return result


def _fan_out(ours: list[Measured], bare: list[Measured]) -> dict[str, Any]:
    def median(rounds: list[Measured], figure: str) -> float:
        return float(statistics.median(getattr(one, figure) for one in rounds))

    p99 = median(ours, "p99_ms") / median(bare, "p99_ms")
    cpu = median(ours, "cpu_us_per_delivery") / median(bare, "cpu_us_per_delivery")
    has_all = all(one.has_all for one in ours)
    return {
        "ours": [one.report() for one in ours],
        "baseline": [one.report() for one in bare],
        "p50_ms": [round(median(side, "p50_ms"), 2) for side in (ours, bare)],
        "p99_ms": [round(median(side, "p99_ms"), 2) for side in (ours, bare)],
        "p99_ratio": round(p99, 2),
        "cpu_us_per_delivery": [round(median(side, "cpu_us_per_delivery"), 2) for side in (ours, bare)],
        "cpu_ratio": round(cpu, 2),
        "target": f"all delivered, p99 ≤ {P99_RATIO_MAX} × and CPU per delivery ≤ {CPU_RATIO_MAX} × the baseline's",
        "is_met": has_all and p99 <= P99_RATIO_MAX and cpu <= CPU_RATIO_MAX,
    }


async def _climbs(ours: Side, bare: Side, sockets: int) -> dict[str, Any]:
    reached = {"ours": await _climb(ours, sockets), "baseline": await _climb(bare, sockets)}
    ratio = reached["ours"]["largest_deliveries_per_s"] / max(
        1, reached["baseline"]["largest_deliveries_per_s"]
    )
    return {
        **reached,
        "ratio": round(ratio, 2),
        "target": f"≥ {CLIMB_RATIO_MIN} × the baseline's",
        "is_met": ratio >= CLIMB_RATIO_MIN,
    }


async def _climb(side: Side, sockets: int) -> dict[str, Any]:
    """The largest rate that went well, and the step that did not (tried twice)."""
    await side.open(sockets)
    rate, largest, steps = CLIMB_FROM, 0.0, []
    while rate <= CLIMB_TO:
        step = await side.load(rate, STEP_S)
        if not _went_well(step):
            step = await side.load(rate, STEP_S)
        steps.append({"changes_per_s": round(rate, 1), "went_well": _went_well(step), **step.report()})
        if not _went_well(step):
            break
        largest, rate = max(largest, step.per_second), rate * CLIMB_BY
    await drop_all(side.sockets)
    return {"largest_deliveries_per_s": round(largest), "steps": steps}


def _went_well(step: Measured) -> bool:
    return step.has_all and step.is_on_time and step.p99_ms <= STEP_P99_MAX_MS


if __name__ == "__main__":
    main()
