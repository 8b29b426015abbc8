"""Runs at a certain moment of their life, written as the engine would leave them."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from maintenance.actions import StartRequest, start_rolling_maintenance
from maintenance.domain.states import TARGET_ENDED, RunState, TargetState
from maintenance.models import HostOut, OutputChunk, Run, Step, Target
from tests.dashboard.inventory import Inventory


def start_run(inventory: Inventory, *clusters: str, **rules: Any) -> Run:
    """A queued run over these clusters (c1 and c2 when none is named)."""
    ids = tuple(inventory.clusters[name].id for name in clusters or ("c1", "c2"))
    request = StartRequest(scope_kind="clusters", scope_ids=ids, **rules)
    run = start_rolling_maintenance(request, actor="ada")
    return Run.objects.get(id=run.id)


def in_state(run: Run, state: str, **columns: Any) -> Run:
    Run.objects.filter(id=run.id).update(state=state, started_at=timezone.now(), **columns)
    run.refresh_from_db()
    return run


def put_host(run: Run, name: str, state: str, **columns: Any) -> Target:
    """The host stands here now. Of those out of service, or back, the times are filled in."""
    now = timezone.now()
    if state in {TargetState.DRAINING, TargetState.WORKING, TargetState.RETURNING}:
        columns.setdefault("out_at", now - timedelta(seconds=90))
    if state == TargetState.DONE:
        columns.setdefault("out_at", now - timedelta(seconds=332))
        columns.setdefault("back_at", now - timedelta(seconds=20))
    if state in TARGET_ENDED:
        columns.setdefault("finished_at", now)
    Target.objects.filter(run=run, name=name).update(state=state, **columns)
    target = Target.objects.get(run=run, name=name)
    if columns.get("out_at") and columns.get("back_at"):
        was_out(target, columns["out_at"], columns["back_at"])
    return target


def was_out(target: Target, since: datetime, until: datetime) -> None:
    """The ledger's row of one time out of service that has ended."""
    HostOut.objects.create(
        host_id=target.host_key, cluster_id=target.cluster_key, run=target.run, target=target,
        opened_at=since, closed_at=until,
    )  # fmt: skip


def run_step(target: Target, stage: str, *, printed: bytes = b"", ago_s: float = 60, **columns: Any) -> Step:
    """A stage that is at work since a while."""
    began = timezone.now() - timedelta(seconds=ago_s)
    columns.setdefault("script", f"/hooks/{stage}.sh")
    step = Step.objects.create(
        target=target, run=target.run, stage=stage, state=columns.pop("state", "Running"), started=began,
        output_bytes=len(printed), **columns,
    )  # fmt: skip
    if printed:
        OutputChunk.objects.create(step=step, start=0, content=printed)
    return step


def end_step(target: Target, stage: str, outcome: str = "ok", *, took_s: float = 10, **columns: Any) -> Step:
    """A stage that has ended."""
    step = run_step(target, stage, ago_s=took_s, state="Ended", outcome=outcome, **columns)
    step.finished = timezone.now()
    step.save(update_fields=["finished"])
    return step


def failed_and_paused(run: Run, name: str, detail: str, printed: bytes = b"") -> Target:
    """The run is paused because Maintenance failed on this host, which is back in service."""
    target = put_host(
        run, name, TargetState.FAILED, detail=detail, out_at=timezone.now(), back_at=timezone.now()
    )
    end_step(target, "Maintenance", "failed", detail=detail, exit_status=1, printed=printed)
    reason = {
        "code": "stage-failed",
        "message": f"{name}: {detail}",
        "host": str(target.host_id),
        "by": "engine",
    }
    in_state(run, RunState.PAUSED, paused_reason=reason)
    return target
