"""What rolling maintenance costs beside the scripts themselves; prints one JSON object.

    python -m bench.rolling_overhead [--kills N]

steps    scripts that do nothing: time from the end of one step to the start of the next, over whole runs
demo     the nine-host demo of the KVM rolling maintenance post, its out-of-service times scaled 1:10: wall time of the
         run ÷ sum of (enddate − startdate), stamped as CloudStack stamps them (its own run: 857 s ÷ 632 s = 1.36)
resume   kill -9 of the engine that does a step: time until the step goes on, with a second engine there, and after a
         restarted engine is up
memory   resident memory of engine and web on the demo
baseline of the same run and machine: one durable write transaction, and the start of one process
"""

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.stack import Stack, percentile, resident_mb, running_stack, wait_for

# Seconds each host of CloudStack's demonstration (“KVM Rolling Maintenance”, its feature first look) was out of
# service, in its order: enddate − startdate of its own output.
DEMO_OUT_S = {
    "ref-trl-711-k-M7-apanic-kvm1": 40,
    "ref-trl-711-k-M7-apanic-kvm2": 100,
    "ref-trl-711-k-M7-apanic-kvm3": 100,
    "ref-trl-711-k-M7-apanic-kvm6": 70,
    "ref-trl-711-k-M7-apanic-kvm5": 100,
    "ref-trl-711-k-M7-apanic-kvm4": 101,
    "ref-trl-714-k-M7-apanic-kvm3": 41,
    "ref-trl-714-k-M7-apanic-kvm1": 40,
    "ref-trl-714-k-M7-apanic-kvm2": 40,
}
SCALE = 10
INSTANT = {
    "prepare_s": "0",
    "move_s_per_gb": "0",
    "move_min_s": "0",
    "cancel_s": "0",
    "listing_age_min_s": "0",
    "listing_age_max_s": "0",
    "call_latency_s": "0",
}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument(
        "--kills", type=int, default=10, help="how often an engine is killed in each of the two ways"
    )
    options.add_argument("--runs", type=int, default=4, help="whole runs for the step overhead")
    chosen = options.parse_args()
    with running_stack() as stack:
        for name, value in INSTANT.items():
            stack.manage("lab", "config", "set", name, value)
        result: dict[str, Any] = {"machine": machine(), "baseline": baseline(stack)}
        engine = ready_engine(stack)
        result["steps"] = steps(stack, chosen.runs)
        result["demo"] = demo(stack)
        result["memory"] = {"engine_mb": round(resident_mb(engine.pid), 1), "web_mb": web_memory(stack)}
        stack.stop()
        result["resume"] = resume(stack, chosen.kills)
    print(json.dumps(result, indent=2))


def machine() -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "commit": commit.stdout.strip(),
        "load": round(os.getloadavg()[0], 2),
    }


def baseline(stack: Stack) -> dict[str, float]:
    """What one durable commit and one process start cost here, now: the floor of any engine like ours."""
    from django.db import connection

    commits, starts = [], []
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_floor (at timestamptz)")
        for _ in range(200):
            begun = time.perf_counter()
            cursor.execute("INSERT INTO bench_floor VALUES (clock_timestamp())")
            commits.append((time.perf_counter() - begun) * 1000)
    for _ in range(20):
        begun = time.perf_counter()
        subprocess.run([sys.executable, "-I", "-S", "-c", ""], check=True)
        starts.append((time.perf_counter() - begun) * 1000)
    connection.close()
    return {
        "commit_p50_ms": round(percentile(commits, 0.5), 2),
        "commit_p99_ms": round(percentile(commits, 0.99), 2),
        "python_start_p50_ms": round(percentile(starts, 0.5), 1),
    }


def ready_engine(stack: Stack, **environment: str) -> subprocess.Popen[bytes]:
    """A started engine that has read the lab."""
    from maintenance.models import Cloud

    engine = stack.start_engine(**environment)
    wait_for(lambda: Cloud.objects.exclude(read_at=None).exists(), 20)
    return engine


def install(stack: Stack, scripts: dict[str, dict[str, str]]) -> None:
    """Give each named host these scripts, {stage: text}, and none other."""
    stages = ("PreFlight", "PreMaintenance", "Maintenance", "PostMaintenance")
    for host, texts in scripts.items():
        hooks = stack.folder / "lab" / "hosts" / host / "hooks"
        for found in hooks.iterdir():
            if found.is_file():
                found.unlink()
        for stage in stages:
            script = hooks / stage
            script.write_text(texts[stage])
            script.chmod(0o755)


def start_run() -> Any:
    from maintenance import actions
    from maintenance.models import Zone

    zones = tuple(Zone.objects.order_by("name").values_list("id", flat=True))
    request = actions.StartRequest(scope_kind="zones", scope_ids=zones)
    return actions.start_rolling_maintenance(request, actor="bench")


def ended(run: Any) -> bool:
    run.refresh_from_db()
    return run.state in {"Succeeded", "Failed", "Cancelled"}


def steps(stack: Stack, runs: int) -> dict[str, Any]:
    """Scripts that do nothing, host after host; every gap between a step's end and the next one's start."""
    from maintenance.models import Step

    nothing = dict.fromkeys(("PreFlight", "PreMaintenance", "Maintenance", "PostMaintenance"), "#!/bin/sh\n")
    install(stack, dict.fromkeys(DEMO_OUT_S, nothing))
    same_host, next_host = [], []
    for _ in range(runs):
        run = start_run()
        wait_for(lambda run=run: ended(run), 120)
        assert run.state == "Succeeded", run.details
        done = list(Step.objects.filter(run=run).exclude(stage="PreFlight").order_by("started"))
        for before, after in pairwise(done):
            gap_ms = (after.started - before.finished).total_seconds() * 1000
            (same_host if before.target_id == after.target_id else next_host).append(gap_ms)
    gaps = same_host + next_host
    return {
        "gaps": len(gaps),
        "p50_ms": round(percentile(gaps, 0.5), 1),
        "p99_ms": round(percentile(gaps, 0.99), 1),
        "max_ms": round(max(gaps), 1),
        "next_host_p50_ms": round(percentile(next_host, 0.5), 1),
        "target": "p50 ≤ 15 ms, p99 ≤ 60 ms",
    }


def demo(stack: Stack) -> dict[str, Any]:
    """The post's nine hosts; each Maintenance script takes a tenth of what its host was out there."""
    from maintenance.models import Target

    scripts = {
        host: {
            "PreFlight": "#!/bin/sh\n",
            "PreMaintenance": "#!/bin/sh\n",
            "Maintenance": f"#!/bin/sh\nexec sleep {out_s / SCALE}\n",
            "PostMaintenance": "#!/bin/sh\n",
        }
        for host, out_s in DEMO_OUT_S.items()
    }
    install(stack, scripts)
    run = start_run()
    wait_for(lambda: ended(run), 180)
    assert run.state == "Succeeded", run.details
    done = list(Target.objects.filter(run=run, state="Done"))
    out_s = sum((t.back_at - t.out_at).total_seconds() for t in done)
    # The post's 857 s lie between its first startdate and its last enddate.
    wall_s = (max(t.back_at for t in done) - min(t.out_at for t in done)).total_seconds()
    whole_s = (run.finished_at - run.created_at).total_seconds()
    return {
        "hosts": len(done),
        "wall_s": round(wall_s, 2),
        "out_of_service_s": round(out_s, 2),
        "ratio": round(wall_s / out_s, 4),
        "ratio_from_click_to_report": round(whole_s / out_s, 4),
        "baseline_ratio": 1.36,
        "target": "≤ 1.02",
    }


def web_memory(stack: Stack) -> float:
    """A web process that has answered some pages."""
    import httpx

    port = 18000 + os.getpid() % 1000
    web = stack.start_web(port)
    address = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(f"{address}/readyz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    wait_for(answers, 30)
    with httpx.Client(base_url=address, timeout=10) as client:
        token = client.post(
            "/api/v1/auth/token/", json={"username": "admin", "password": "bench-only-password"}
        ).json()["token"]
        for path in ("hosts/", "instances/", "rolling-maintenances/", "events/") * 5:
            client.get(f"/api/v1/{path}", headers={"Authorization": f"Token {token}"}).raise_for_status()
    return round(resident_mb(web.pid), 1)


def resume(stack: Stack, kills: int) -> dict[str, Any]:
    """Kill the engine that does a step, again and again, in a run whose scripts take long."""
    long_scripts = dict.fromkeys(("PreFlight", "PreMaintenance", "PostMaintenance"), "#!/bin/sh\n")
    long_scripts["Maintenance"] = "#!/bin/sh\nexec sleep 600\n"
    install(stack, dict.fromkeys(DEMO_OUT_S, long_scripts))
    from maintenance import actions

    # One step is taken over again and again here; normally it would be given up after twenty times.
    stack.environment["PITSTOP_TAKEOVERS_MAX"] = "1000"
    stack.start_engine()
    run = start_run()
    wait_for(lambda: _working_step(run), 60)
    second = [_kill_with_second(stack, run) for _ in range(kills)]
    alone = [_kill_and_restart(stack, run) for _ in range(kills)]
    if all(process.poll() is not None for process in stack.processes):
        stack.start_engine()
    actions.cancel_run(run.id, actor="bench")
    wait_for(lambda: ended(run), 60)
    return {
        "kills": kills,
        "second_engine_p50_s": round(percentile(second, 0.5), 2),
        "second_engine_p99_s": round(percentile(second, 0.99), 2),
        "restarted_p50_s": round(percentile(alone, 0.5), 2),
        "restarted_p99_s": round(percentile(alone, 0.99), 2),
        "target": "p99 ≤ 10 s",
    }


def _working_step(run: Any) -> Any:
    from maintenance.models import Step

    return Step.objects.filter(run=run, stage="Maintenance", state="Running").first()


def _owner_pid(run: Any) -> tuple[int, int]:
    from maintenance.models import EngineProcess

    step = wait_for(lambda: _working_step(run), 30)
    return EngineProcess.objects.get(id=step.owner).pid, step.epoch


def _taken_over(run: Any, epoch: int) -> bool:
    step = _working_step(run)
    return step is not None and step.epoch > epoch


def _engines() -> int:
    from maintenance.models import EngineProcess

    return EngineProcess.objects.count()


def _kill_with_second(stack: Stack, run: Any) -> float:
    known = _engines()
    stack.start_engine()
    wait_for(lambda: _engines() > known, 20)
    pid, epoch = _owner_pid(run)
    os.kill(pid, signal.SIGKILL)
    begun = time.monotonic()
    wait_for(lambda: _taken_over(run, epoch), 60)
    took = time.monotonic() - begun
    _forget_dead(stack)
    return took


def _kill_and_restart(stack: Stack, run: Any) -> float:
    pid, epoch = _owner_pid(run)
    os.kill(pid, signal.SIGKILL)
    known = _engines()
    stack.start_engine()
    wait_for(lambda: _engines() > known, 20)
    begun = time.monotonic()
    wait_for(lambda: _taken_over(run, epoch), 60)
    took = time.monotonic() - begun
    _forget_dead(stack)
    return took


def _forget_dead(stack: Stack) -> None:
    for process in list(stack.processes):
        if process.poll() is not None:
            stack.processes.remove(process)


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    main()
