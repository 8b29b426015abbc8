"""Twenty pages that never read, among five hundred: what they cost the others and us; prints one JSON object.

    python -m bench.slow_readers [--sockets N] [--slow N] [--rate N] [--seconds N]

Load and way are those of bench.fan_out: rows of hosts change in PostgreSQL, are drawn once and sent to every page.

without   everybody reads: the latency of those who will always read
with      the slow ones take nothing any more, answer no ping, and keep their connection: the same latency while they
          are there, the memory of the web process and of the kernel's socket buffers for each of them, and how long it
          took from their last reading until the server had ended each
baseline  the same web process in the same run, without slow readers
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from pathlib import Path
from typing import Any

import uvloop

from bench.fan_out_ear import Measured
from bench.fan_out_sides import Ours
from bench.rolling_overhead import machine
from bench.sockets import Socket, drop_all
from bench.stack import resident_mb, running_stack

P99_RATIO_MAX, MEMORY_MAX_MB, CLOSED_WITHIN_S = 1.2, 5.0, 30.0
WATCHED_EVERY_S = 0.25
WARM_UP_S = 5.0
PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--sockets", type=int, default=500)
    options.add_argument("--slow", type=int, default=20)
    options.add_argument("--rate", type=float, default=20.0, help="changes a second")
    options.add_argument(
        "--seconds", type=float, default=15.0, help="of each round; the slow ones are there for less"
    )
    options.add_argument("--rounds", type=int, default=5, help="without and with, in turns; medians count")
    chosen = options.parse_args()
    os.environ["PITSTOP_LOG_LEVEL"] = "WARNING"  # standard output is the JSON object's
    with running_stack() as stack:
        print(json.dumps(uvloop.run(bench(Ours(stack), chosen)), indent=2))


async def bench(ours: Ours, chosen: argparse.Namespace) -> dict[str, Any]:
    rounds = [await _round(ours, chosen) for _ in range(chosen.rounds)]
    without = statistics.median(one["without"].p99_ms for one in rounds)
    among = statistics.median(one["with"].p99_ms for one in rounds)
    web_mb = max(one["web_mb"] for one in rounds) / chosen.slow
    closed_s = max(one["closed_s"] for one in rounds)
    has_all = all(one[which].has_all for one in rounds for which in ("without", "with"))
    return {
        "machine": machine(),
        "rounds": [
            one | {"without": one["without"].report(), "with": one["with"].report()} for one in rounds
        ],
        "p99_ms_with": round(among, 2),
        "baseline": {"p99_ms_without": round(without, 2)},
        "ratio": round(among / without, 2),
        "mb_for_each_slow_one": round(web_mb, 2),
        "last_closed_after_s": round(closed_s, 1),
        "target": f"others' p99 ≤ {P99_RATIO_MAX} × that without them, ≤ {MEMORY_MAX_MB} MB for each, "
        f"closed ≤ {CLOSED_WITHIN_S} s",
        "is_met": has_all
        and among <= P99_RATIO_MAX * without
        and web_mb <= MEMORY_MAX_MB
        and closed_s <= CLOSED_WITHIN_S,
    }


async def _round(ours: Ours, chosen: argparse.Namespace) -> dict[str, Any]:
    """New sockets; everybody reads, then the slow ones stop."""
    await ours.open(chosen.sockets)
    slow, others = ours.sockets[: chosen.slow], ours.sockets[chosen.slow :]
    for one in slow:
        one.is_counted = False
    await ours.load(chosen.rate, WARM_UP_S, hearing=others)
    idle = asyncio.create_task(_watch(ours.pid, slow))  # as later, so that watching costs both the same
    without = await ours.load(chosen.rate, chosen.seconds, hearing=others)
    idle.cancel()
    web_mb, kernel_mb = resident_mb(ours.pid), _kernel_mb()
    for one in slow:
        one.stop_reading()
    watching = asyncio.create_task(_watch(ours.pid, slow))
    among: Measured = await ours.load(chosen.rate, chosen.seconds, hearing=others)
    closed_s, web_most_mb, kernel_most_mb = await watching
    await drop_all(ours.sockets)
    return {
        "without": without,
        "with": among,
        "web_mb": round(max(0.0, web_most_mb - web_mb), 2),
        "kernel_mb": round(max(0.0, kernel_most_mb - kernel_mb), 2),
        "closed_s": round(closed_s, 1),
    }


async def _watch(pid: int, slow: list[Socket]) -> tuple[float, float, float]:
    """How long the last of them was there (seconds), and the most that the web process and the kernel held."""
    began, web_mb, kernel_mb = time.monotonic(), 0.0, 0.0
    while time.monotonic() - began < 2 * CLOSED_WITHIN_S:
        web_mb, kernel_mb = max(web_mb, resident_mb(pid)), max(kernel_mb, _kernel_mb())
        if not any(one.is_established() for one in slow):
            break
        await asyncio.sleep(WATCHED_EVERY_S)
    return time.monotonic() - began, web_mb, kernel_mb


def _kernel_mb() -> float:
    """What the buffers of all TCP sockets of this machine hold."""
    line = next(x for x in Path("/proc/net/sockstat").read_text().splitlines() if x.startswith("TCP:"))
    return int(line.split()[-1]) * PAGE_MB


if __name__ == "__main__":
    main()
