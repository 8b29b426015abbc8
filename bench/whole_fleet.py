"""A rolling run over ten thousand hosts, all clusters at work at once, two hundred who watch: prints one JSON object.

    python -m bench.whole_fleet [--hosts N] [--clusters N] [--viewers N] [--minutes M]

fleet     virtual hosts of the lab: their scripts take their time and no process runs; everything else is as it is
preflight goes over all hosts first, eight at a time: its scripts end at once here, and the time it took is told
budget    hosts out in each cluster, by the ledger and by the cloud itself, looked at every second; and the most that
          were ever out by the cloud's own book, which misses nothing
lag       from an event's commit until a viewer has it: log sockets every event, pages every event that concerns them
memory    of the web process and the engine, once a second; the slope over the run, by least squares, after a warm-up
baseline  of the same run and machine: the same processes and viewers for a minute while nothing rolls
"""

import argparse
import json
import os
import time
from typing import Any
from uuid import UUID

import httpx

from bench.pages import _free_port
from bench.rolling_overhead import machine
from bench.stack import Stack, percentile, running_stack, wait_for

LAG_P99_S = 1.0
SLOPE_MB_PER_10_MIN = 1.0
MAX_UNAVAILABLE = 1
WARM_UP_SHARE = 0.2
FLEET_ZONE = "fleet"


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--hosts", type=int, default=10_000)
    options.add_argument("--clusters", type=int, default=500)
    options.add_argument("--viewers", type=int, default=200)
    options.add_argument("--minutes", type=float, default=10)
    options.add_argument("--quiet-s", type=float, default=60, help="of the baseline")
    options.add_argument("--instances", type=int, default=2, help="on each host")
    options.add_argument("--script-s", type=float, default=20, help="how long each simulated script takes")
    options.add_argument("--threads", type=int, default=512, help="of the engine: steps it does at once")
    chosen = options.parse_args()
    os.environ["PITSTOP_LOG_LEVEL"] = "WARNING"  # standard output is the JSON object's
    result: dict[str, Any] = {"machine": machine(), "chosen": vars(chosen)}
    with running_stack() as stack:
        result |= measure(stack, chosen)
    print(json.dumps(result, indent=2))


def measure(stack: Stack, chosen: argparse.Namespace) -> dict[str, Any]:
    """The fleet, the minute of quiet, the run."""
    # Not before: these need Django, which the stack has just set up.
    from bench.whole_fleet_samples import Sampler
    from bench.whole_fleet_viewers import Watchers

    grow(stack, chosen)
    engine = stack.start_engine(PITSTOP_ENGINE_THREADS=str(chosen.threads))
    wait_for(lambda: hosts_read() >= chosen.hosts, 600)
    port = _free_port()
    web = stack.start_web(port)
    wait_for(lambda: _answers(port), 60)

    sampler = Sampler(stack.postgres.url(), engine=engine.pid, web=web.pid)
    sampler.start()
    watchers = Watchers(port, chosen.viewers)
    run_id = make_ready(watchers)
    quiet = (time.time(), time.time() + chosen.quiet_s)
    wait_until(quiet[1])
    begun = time.monotonic()
    start(run_id)
    wait_for(lambda: unchecked() == 0, 7200)
    preflight_s = time.monotonic() - begun
    stack.manage("lab", "config", "set", "virtual_script_s", str(chosen.script_s))
    wait_for(lambda: clusters_at_work() >= chosen.clusters, 600)
    all_at_work_s = time.monotonic() - begun - preflight_s
    rolling = (time.time(), time.time() + 60 * chosen.minutes)
    wait_until(rolling[1])
    still_at_work = clusters_at_work()
    watchers.stop()
    sampler.stop()

    warm = rolling[0] + WARM_UP_SHARE * (rolling[1] - rolling[0])
    lag = watchers.lag(*rolling)
    memory = sampler.memory(warm, rolling[1])
    budget = sampler.budget(*rolling) | {"most_out_by_the_clouds_book": most_ever_out()}
    return {
        "baseline": {"lag": watchers.lag(*quiet), "memory": sampler.memory(*quiet)},
        "run": {
            "preflight_of_all_hosts_s": round(preflight_s, 1),
            "from_there_until_all_clusters_were_at_work_s": round(all_at_work_s, 1),
            "clusters_at_work_at_the_end": still_at_work,
            **progress(*rolling),
            "cpu_share_of_one_core": sampler.cpu(*rolling),
        },
        "budget": budget,
        "lag": lag,
        "memory": memory,
        "viewers": watchers.told(),
        "target": f"never more than {MAX_UNAVAILABLE} out in a cluster; lag p99 ≤ {LAG_P99_S:g} s; "
        f"slopes < {SLOPE_MB_PER_10_MIN:g} MB per 10 min",
        "is_met": {
            "budget": budget["most_out_by_ledger"] <= MAX_UNAVAILABLE
            and budget["most_out_by_cloud"] <= MAX_UNAVAILABLE
            and budget["most_out_by_the_clouds_book"] <= MAX_UNAVAILABLE,
            "lag_of_logs": is_soon(lag["logs"]),
            "lag_of_pages": is_soon(lag["pages"]),
            "slope_of_web": memory["web"]["slope_mb_per_10_min"] < SLOPE_MB_PER_10_MIN,
            "slope_of_engine": memory["engine"]["slope_mb_per_10_min"] < SLOPE_MB_PER_10_MIN,
        },
    }


def is_soon(lag: dict[str, Any]) -> bool:
    return bool(lag["measured"] and not lag["never"] and lag["p99_s"] <= LAG_P99_S)


# ---- the fleet and its run -------------------------------------------------------------------------------------------


def grow(stack: Stack, chosen: argparse.Namespace) -> None:
    fleet = ("--hosts", str(chosen.hosts), "--clusters", str(chosen.clusters), "--virtual")
    stack.manage("lab", "grow", *fleet, "--instances", str(chosen.instances))
    stack.manage("lab", "config", "set", "virtual_script_s", "0")


def hosts_read() -> int:
    from maintenance.models import Host

    return Host.objects.filter(gone_at=None, cluster__pod__zone__name=FLEET_ZONE).count()


def make_ready(watchers: Any) -> UUID:
    """A run over the whole fleet that begins when `start` is called, and everybody who watches it."""
    from datetime import timedelta

    from maintenance import actions
    from maintenance.clock import database_now
    from maintenance.models import Zone

    request = actions.StartRequest(
        scope_kind="zones",
        scope_ids=(Zone.objects.get(name=FLEET_ZONE, gone_at=None).id,),
        on_failure="skip",
        max_unavailable=MAX_UNAVAILABLE,
        clusters_in_parallel=1000,  # all of them: the most that may be asked for
        not_before=database_now() + timedelta(days=1),
    )
    run = actions.start_rolling_maintenance(request, actor="bench")
    watchers.start(run.id)
    return run.id


def start(run_id: UUID) -> None:
    from maintenance.models import Run

    Run.objects.filter(id=run_id).update(not_before=None)


def unchecked() -> int:
    """Hosts whose PreFlight has not ended."""
    from maintenance.models import Target

    return Target.objects.filter(is_open=True, preflight_at=None).count()


def clusters_at_work() -> int:
    """Clusters in which a host has begun and is not done."""
    from maintenance.domain.states import TARGET_BEGUN
    from maintenance.models import Target

    begun = Target.objects.filter(is_open=True, state__in=TARGET_BEGUN)
    return begun.values("cluster").distinct().count()


def progress(since: float, until: float) -> dict[str, Any]:
    """How much the engine did, and how long a host waited for its next stage."""
    from datetime import UTC, datetime

    from maintenance.models import FeedEvent, Step, Target

    window = (datetime.fromtimestamp(since, UTC), datetime.fromtimestamp(until, UTC))
    steps = Step.objects.filter(finished__range=window)
    waits = []
    ended: dict[UUID, datetime] = {}
    rows = steps.order_by("started").values_list("target_id", "started", "finished")
    for target, started, finished in rows:
        assert started is not None
        assert finished is not None
        if target in ended:
            waits.append((started - ended[target]).total_seconds())
        ended[target] = finished
    seconds = until - since
    return {
        "hosts_done_per_min": round(
            Target.objects.filter(finished_at__range=window).count() / seconds * 60, 1
        ),
        "steps_per_s": round(steps.count() / seconds, 1),
        "steps_that_failed": steps.exclude(outcome="ok").count(),
        "events_per_s": round(FeedEvent.objects.filter(at__range=window).count() / seconds, 1),
        "from_stage_to_stage_p50_s": round(percentile(waits or [0.0], 0.5), 3),
        "from_stage_to_stage_p99_s": round(percentile(waits or [0.0], 0.99), 3),
    }


def most_ever_out() -> int:
    """By the lab's own book, the most hosts of one cluster that were out at the same time."""
    from maintenance.backends.lab.models import Cluster
    from maintenance.backends.lab.record import most_hosts_out

    return max(most_hosts_out(cluster) for cluster in Cluster.objects.values_list("id", flat=True))


def wait_until(moment: float) -> None:
    from django.db import connections

    connections.close_all()
    time.sleep(max(0.0, moment - time.time()))


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    main()
