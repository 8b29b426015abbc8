"""What many tests with killed engines need: scripts that note that they ran, stages that last, what must hold after."""

from pathlib import Path

from maintenance.backends.lab import folders
from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.record import effects, most_hosts_out
from maintenance.domain.hook_stages import HookStage
from maintenance.models import Attention, HostOut, Run, Step, Target
from tests.maintenance.engine.small_lab import SmallLab, hurry, stages_of
from tests.waiting import wait_until

WHOLE_WAY = ["PreFlight", "PreMaintenance", "Drain", "Maintenance", "Return", "PostMaintenance"]
GOES_ON_WITHIN_S = 10  # the promise: after any kill, work goes on by itself

# For tests that wait for leases to end and are not about how long that takes.
QUICK_LEASE = {"PITSTOP_LEASE_S": "3", "PITSTOP_LEASE_RENEW_S": "1"}

FOR_EVER_S = 600

NOTES = '#!/bin/sh\necho {stage} >> "$LAB_HOST_DIR/ran"\n'
# Lasts until the test lets it go: a file in the host's folder.
LASTS = NOTES + 'echo begun\nwhile ! [ -e "$LAB_HOST_DIR/{stage}.go" ]; do sleep 0.05; done\n'


def note_every_script(lab: SmallLab) -> None:
    """Every script adds its stage to a file of its host."""
    for stage in HookStage:
        lab.everywhere(stage, NOTES.format(stage=stage))


def make_last(lab: SmallLab, host: str, stage: str) -> None:
    """The host's stage lasts until `let_go`. A drain of another host does too, if it has instances; a return always."""
    if stage == "Drain":
        lab.configure(move_s_per_gb=FOR_EVER_S)
    elif stage == "Return":
        lab.configure(cancel_s=FOR_EVER_S)
    else:
        lab.script(host, stage, LASTS.format(stage=stage))


def let_go(lab: SmallLab, host: str, stage: str) -> None:
    """The lasting stage of the host ends."""
    if stage == "Drain":
        lab.configure(move_s_per_gb=0.0)
        hurry(host)
    elif stage == "Return":
        lab.configure(cancel_s=0.0)
        hurry(host)
    else:
        (folders.host_dir(host) / f"{stage}.go").touch()


def in_stage(run: Run, host: str, stage: str) -> Step:
    """The host is in mid-stage: its script has printed, or the cloud has its job."""
    step = Step.objects.filter(run=run, target__name=host, stage=stage)
    if stage in {"Drain", "Return"}:
        # A request that came too late, on a busy machine, has no job; the next one has.
        return wait_until(step.filter(intents__job_id__gt="").first, within_s=40)
    return wait_until(step.filter(output_bytes__gt=0).first, within_s=40)


def ran(host: str) -> list[str]:
    """The stages whose script ran on the host, as the scripts themselves noted."""
    noted: Path = folders.host_dir(host) / "ran"
    return noted.read_text().split() if noted.exists() else []


def taken_over(step: Step) -> Step | None:
    """The step claimed anew after its lease had ended; None as long as nobody did."""
    return Step.objects.filter(id=step.id, epoch__gt=step.epoch).first()


def story(run: Run) -> str:
    """What became of the run, for whoever reads that a test failed."""
    run.refresh_from_db()
    lines = [f"run {run.number} is {run.state}: {run.details or run.paused_reason}"]
    for target in Target.objects.filter(run=run).order_by("order"):
        lines.append(f"  {target.name} is {target.state}: {target.detail}, next {target.next_stage}")
    for step in Step.objects.filter(run=run).select_related("target").order_by("target__order", "started"):
        lines.append(
            f"  {step.target.name} {step.stage} {step.state} {step.outcome} ({step.detail or step.note})"
            f" epoch {step.epoch}, takeovers {step.takeovers}"
        )
    return "\n".join(lines)


def assert_everything_happened_once(lab: SmallLab, run: Run, hosts: list[str]) -> None:
    """The run succeeded as if nothing had happened: every effect once, nothing owed, nobody asked for."""
    run.refresh_from_db()
    assert (run.state, run.details) == ("Succeeded", "OK"), story(run)
    for host in hosts:
        assert stages_of(run, host) == [(stage, "ok") for stage in WHOLE_WAY], story(run)
        assert ran(host) == list(HookStage)
        assert (effects(lab.hosts[host], "prepare"), effects(lab.hosts[host], "enabled")) == (1, 1)
        assert lab.resource_state(host) == "Enabled"
    assert all(most_hosts_out(cluster) <= run.max_unavailable for cluster in lab.clusters)
    assert not HostOut.objects.filter(closed_at=None).exists()
    assert not Attention.objects.exists()
    assert not lab_models.Instance.objects.exclude(state="Running").exists()
