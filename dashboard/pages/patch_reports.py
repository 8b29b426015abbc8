"""The report of a live patch, or a restart of routers, for programs and for tables: every VM in exactly one list."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from dashboard.screens.patch_run.stops import replacement
from maintenance.domain.router_restart import RestartWay, RouterOutcome
from maintenance.domain.states import (
    PATCH_STAGES,
    ROUTER_STAGES,
    RUN_ENDED,
    RunKind,
    RunState,
    Stage,
    TargetState,
    word,
)
from maintenance.models import Downtime, Payload, Run, Step, Target

STAGES = tuple(stage for stage in Stage if stage in PATCH_STAGES)
RESTART_STAGES = tuple(stage for stage in Stage if stage in ROUTER_STAGES)
COLUMNS = (
    "run",
    "started by",
    "order",
    "system vm",
    "zone",
    "list",
    "state",
    "outcome",
    "detail",
    "ended",
    "attempts",
)
DOWNTIME = ("ingress down ms", "egress down ms", "load balancer down ms")
LIST_OF = {
    TargetState.DONE: "patched",
    TargetState.SKIPPED: "skipped",
    TargetState.CANCELLED: "cancelled",
    TargetState.FAILED: "failed",
    TargetState.NEEDS_PERSON: "failed",
}
NOT_ENDED = "not ended"

type Steps = Mapping[UUID, Sequence[Step]]
type Measured = Mapping[UUID, Sequence[Downtime]]


def patch_report(run: Run) -> dict[str, Any]:
    """All of it, as JSON."""
    payload = Payload.objects.filter(id=run.payload_id).first() if run.payload_id else None
    steps, measured = _steps(run), _measured(run)
    return {
        "id": str(run.id),
        "number": run.number,
        "kind": run.kind,
        "state": run.state,
        "word": word(run.state),
        "ended": RunState(run.state) in RUN_ENDED,
        "cloud": run.cloud.name,
        "scope": run.scope_words,
        "payload": {"version": payload.version, "signed_by": payload.signed_by} if payload else None,
        "way": run.way or None,
        "way_words": run.way_words,
        "makes_redundant": run.makes_redundant,
        "started_by": run.started_by,
        "reason": run.reason,
        "ticket": run.ticket,
        "created": _time(run.created_at),
        "started": _time(run.started_at),
        "finished": _time(run.finished_at),
        "rules": {
            "per_zone": run.max_unavailable,
            "canary": run.canary,
            "soak_s": run.soak_s,
            "on_failure": run.on_failure,
            "forced": run.forced,
            "not_before": _time(run.not_before),
        },
        "details": run.details,
        "system_vms": [
            _vm(run, target, steps.get(target.id, ()), measured.get(target.system_vm_key, ()))
            for target in run.targets.order_by("order")
        ],
    }


def _vm(run: Run, target: Target, steps: Sequence[Step], measured: Sequence[Downtime]) -> dict[str, Any]:
    return {
        "systemvmid": str(target.system_vm_id),
        "systemvmname": target.name,
        "zone": target.zone_name,
        "order": target.order,
        "list": _list_of(run, target),
        "state": target.state,
        "word": word(target.state),
        "outcome": target.result or None,
        "replacement": _replacement(steps) or None,
        "reason": target.detail,
        "finished": _time(target.finished_at),
        "attempts": target.attempt,
        "steps": [_step(step) for step in steps],
        "downtime": [_downtime(row) for row in measured],
    }


def _list_of(run: Run, target: Target) -> str:
    """Nothing is listed as patched that was restarted."""
    if run.kind == RunKind.ROUTER_RESTART and target.state == TargetState.DONE:
        return str(RouterOutcome.REAPPLIED if run.way == RestartWay.REAPPLY else RouterOutcome.REPLACED)
    return LIST_OF.get(TargetState(target.state), NOT_ENDED)


def _replacement(steps: Sequence[Step]) -> str:
    """Of the last attempt, the router that was started in its place."""
    named = [new.name for step in steps if step.stage == Stage.ROUTER_START and (new := replacement(step))]
    return named[-1] if named else ""


def _step(step: Step) -> dict[str, Any]:
    return {
        "step": step.stage,
        "attempt": step.attempt,
        "outcome": step.outcome or None,
        "detail": step.detail,
        "started": _time(step.started),
        "finished": _time(step.finished),
        "took_s": _took(step),
    }


def _downtime(row: Downtime) -> dict[str, Any]:
    return {
        "way": row.way,
        "interval_ms": row.interval_ms,
        "probes": row.probes,
        "failed": row.failed,
        "down_ms": row.down_ms,
        "gaps": row.gaps,
        "was_down_before": row.was_down_before,
        "interrupted": row.interrupted,
    }


def patch_rows(run: Run) -> Iterator[tuple[object, ...]]:
    """The heading, and a row for each VM."""
    is_restart = run.kind == RunKind.ROUTER_RESTART
    stages = RESTART_STAGES if is_restart else STAGES
    columns = (*COLUMNS, *(("replacement", "way") if is_restart else ()))
    yield (*columns, *(f"{stage} s" for stage in stages), *DOWNTIME)
    steps, measured = _steps(run), _measured(run)
    for target in run.targets.order_by("order"):
        # Of a VM that was tried again, what the last attempt took.
        took = {step.stage: took for step in steps.get(target.id, ()) if (took := _took(step)) is not None}
        down = {row.way: round(row.down_ms) for row in measured.get(target.system_vm_key, ())}
        yield (
            run.number,
            run.started_by,
            target.order,
            target.name,
            target.zone_name,
            _list_of(run, target),
            word(target.state),
            target.result,
            target.detail,
            _time(target.finished_at) or "",
            target.attempt,
            *((_replacement(steps.get(target.id, ())), run.way) if is_restart else ()),
            *(took.get(stage, "") for stage in stages),
            *(down.get(way, "") for way in ("ingress", "egress", "load-balancer")),
        )


def _steps(run: Run) -> dict[UUID, list[Step]]:
    """By target, as they were done. One query."""
    found: dict[UUID, list[Step]] = {}
    for step in Step.objects.filter(run=run).exclude(started=None).order_by("started"):
        found.setdefault(step.target_id, []).append(step)
    return found


def _measured(run: Run) -> dict[UUID, list[Downtime]]:
    """By VM. One query."""
    found: dict[UUID, list[Downtime]] = {}
    for row in Downtime.objects.filter(run=run).order_by("way"):
        found.setdefault(row.system_vm_id, []).append(row)
    return found


def _took(step: Step) -> float | None:
    if step.started is None or step.finished is None:
        return None
    return round((step.finished - step.started).total_seconds(), 1)


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
