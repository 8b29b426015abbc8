"""What must be true after a chaos run, whatever happened in it."""

import contextlib
from collections import Counter
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from bench.stack import percentile
from maintenance.backends.lab import folders
from maintenance.backends.lab import models as lab
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.record import harms, most_hosts_out
from maintenance.domain.states import RUN_ENDED
from maintenance.feed import first_broken_link
from maintenance.models import FeedEvent, HostOut, Run, Step, Target
from maintenance.report import run_result

KVM = "KVM"
QUICK = {
    "prepare_s": 0.1,
    "move_s_per_gb": 0.0,
    "move_min_s": 0.1,
    "cancel_s": 0.2,
    "listing_age_max_s": 2.0,
}
STAGES = ("PreFlight", "PreMaintenance", "Maintenance", "PostMaintenance")
# The ticket is the promise: the same one never runs a script twice.
NOTES = '#!/bin/sh\necho "$PITSTOP_HOOK_TICKET {stage}" >> "$LAB_HOST_DIR/ran"\necho begun\nsleep 0.4\necho done\n'
RUNNER_KILLED = "The runner ended without a result"


def prepare(folder: Path) -> None:
    """Every host notes which ticket ran; nothing takes long."""
    world = lab.World.objects.get()
    assert set(QUICK) <= set(LabConfig.__dataclass_fields__)
    world.settings |= QUICK
    world.save()
    for host in (folder / "lab" / "hosts").iterdir():
        for old in (host / "hooks").iterdir():
            old.unlink()
        for stage in STAGES:
            script = host / "hooks" / stage
            script.write_text(NOTES.format(stage=stage))
            script.chmod(0o755)


def outcome() -> dict[str, Any]:
    """How much was done, in spite of all."""
    steps = Step.objects.exclude(finished=None)
    gaps = standstills()
    return {
        "runs": dict(Counter(Run.objects.values_list("state", flat=True))),
        "hosts": dict(Counter(Target.objects.values_list("state", flat=True))),
        "steps": steps.count(),
        "steps_taken_over": steps.filter(takeovers__gt=0).count(),
        "steps_unknown": steps.filter(outcome="unknown").count(),
        "standstill_p99_s": round(percentile(gaps, 0.99), 2),
        "standstill_max_s": round(max(gaps), 2),
    }


def standstills() -> list[float]:
    """Seconds between two signs of progress of the same run."""
    gaps = [0.0]
    for run in Run.objects.all():
        signs = FeedEvent.objects.filter(object__run=str(run.id), kind__in=["step.ended", "step.taken_over"])
        times = list(signs.order_by("seq").values_list("at", flat=True))
        gaps += [(after - before).total_seconds() for before, after in pairwise(times)]
    return gaps


def broken_truths(*, runners_killed: int) -> list[str]:
    """In words; empty when everything held."""
    return [
        *(f"harm: {harm}" for harm in harms()),
        *_scripts_that_ran_twice(),
        *_hosts_out(),
        *_runs(runners_killed),
        *_records(),
    ]


def _scripts_that_ran_twice() -> list[str]:
    noted: list[str] = []
    for name in lab.Host.objects.values_list("name", flat=True):
        with contextlib.suppress(FileNotFoundError):
            noted += (folders.host_dir(name) / "ran").read_text().splitlines()
    return [f"ran {times} times: {line}" for line, times in Counter(noted).items() if times > 1]


def _hosts_out() -> list[str]:
    broken = [
        f"{most} hosts of {cluster.name} were out at once"
        for cluster in lab.Cluster.objects.all()
        if (most := most_hosts_out(cluster.id)) > 1
    ]
    broken += [
        f"{host.name} is {host.state} and {host.resource_state}"
        for host in lab.Host.objects.filter(hypervisor=KVM).exclude(state="Up", resource_state="Enabled")
    ]
    broken += [
        f"the ledger still has {out.target.name}"
        for out in HostOut.objects.filter(closed_at=None).select_related("target")
    ]
    return broken + [
        f"{instance.name} is {instance.state}"
        for instance in lab.Instance.objects.exclude(state__in=["Running", "Stopped"])
    ]


def _runs(runners_killed: int) -> list[str]:
    broken = [f"run {run.number} is {run.state}" for run in Run.objects.exclude(state__in=RUN_ENDED)]
    broken += [
        f"{step} of {step.target.name} is {step.state}" for step in Step.objects.exclude(state="Ended")
    ]
    failed = []
    for run in Run.objects.filter(state__in=RUN_ENDED):
        result = run_result(run)
        lists = [[h["hostid"] for h in result[k]] for k in ("hostsupdated", "hostsskipped", "hostsfailed")]
        named = [host for one in lists for host in one]
        if len(named) != len(set(named)) or len(named) != run.targets.count():
            broken.append(f"run {run.number}: a host is in no list or in two")
        failed += [f"run {run.number}: {h['hostname']} failed: {h['reason']}" for h in result["hostsfailed"]]
    explained = [words for words in failed if RUNNER_KILLED in words]
    if len(explained) > runners_killed:
        broken.append(f"{len(explained)} scripts lost their runner, {runners_killed} were killed")
    return broken + [words for words in failed if words not in explained]


def _records() -> list[str]:
    broken = []
    if (link := first_broken_link()) is not None:
        broken.append(f"the audit's chain breaks at {link}")
    times = list(FeedEvent.objects.order_by("seq").values_list("at", flat=True))
    if any(after < before - timedelta(milliseconds=1) for before, after in pairwise(times)):
        broken.append("the feed is not in the order of its times")
    return broken
