"""The result of a rolling run in CloudStack's shape, with ours beside it: every host in exactly one list."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from maintenance.domain.states import RunState, Stage, TargetState
from maintenance.kept_plan import KeptLine, kept_plan
from maintenance.models import HostOut, Run, Step, Target
from maintenance.output_tails import output_tails

OUTPUT_BYTES_MAX = 4096


def run_result(run: Run) -> dict[str, Any]:
    """`{success, details, hostsupdated, hostsskipped, hostsfailed}` of what has ended so far.

    Dates as CloudStack's own answer has them: from before prepare to after cancel (startdate, enddate), UTC.
    `output` is the Maintenance script's, its last 4 kB.
    """
    updated: list[dict[str, Any]] = []
    skipped: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    outputs = _maintenance_outputs(run)
    for target in Target.objects.filter(run=run).order_by("order"):
        named = {"hostid": str(target.host_id), "hostname": target.name}
        match TargetState(target.state):
            case TargetState.DONE:
                dates = {"startdate": _date(target.out_at), "enddate": _date(target.back_at)}
                updated.append(named | dates | {"output": outputs.get(target.id, "")})
            case TargetState.SKIPPED | TargetState.CANCELLED:
                skipped.append(named | {"reason": target.detail})
            case TargetState.FAILED | TargetState.NEEDS_PERSON:
                failed.append(named | {"reason": target.detail})
            case _:
                pass  # not over yet: it is in no list
    return {
        "success": run.state == RunState.SUCCEEDED,
        "details": run.details,
        "hostsupdated": updated,
        "hostsskipped": skipped,
        "hostsfailed": failed,
    }


def _maintenance_outputs(run: Run) -> dict[UUID, str]:
    """By target: what its last Maintenance script printed."""
    steps = Step.objects.filter(run=run, stage=Stage.MAINTENANCE).order_by("attempt", "round")
    step_of = {target_id: step_id for step_id, target_id in steps.values_list("id", "target_id")}
    tails = output_tails(step_of.values(), OUTPUT_BYTES_MAX)
    return {target_id: tails.get(step_id, "") for target_id, step_id in step_of.items()}


def _date(at: datetime | None) -> str | None:
    """CloudStack's usual date, such as 2021-09-28T20:05:04+0000."""
    return at.strftime("%Y-%m-%dT%H:%M:%S%z") if at else None


@dataclass(frozen=True, slots=True)
class StageRecord:
    """One stage of one attempt, as it went."""

    stage: str
    attempt: int
    outcome: str
    detail: str
    exit_status: int | None
    started: datetime | None
    finished: datetime | None

    @property
    def took_s(self) -> float | None:
        return (self.finished - self.started).total_seconds() if self.started and self.finished else None


@dataclass(frozen=True, slots=True)
class TimeOut:
    """Once that a host was out of service: from when to when, None while it is."""

    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class HostRecord:
    """One host of a run, from its plan to its end. `kept` is the plan's line, where a plan was kept; `outs` is every
    time that it was out of service in this run, in order."""

    target: Target
    stages: list[StageRecord]
    kept: KeptLine | None
    outs: list[TimeOut]

    @property
    def out_s(self) -> float | None:
        """How long it was out of service in all; None when it never was, or still is."""
        return out_in_all_s(self.outs)

    @property
    def attempts(self) -> int:
        """How often it was tried. A return by hand is no try."""
        tried = {stage.attempt for stage in self.stages if stage.stage != Stage.RETURN}
        return max(1, len(tried))


def out_in_all_s(outs: Sequence[TimeOut]) -> float | None:
    """The sum of these times; None when there are none, or one of them has not ended."""
    ended = [(out.until - out.since).total_seconds() for out in outs if out.until is not None]
    return sum(ended) if ended and len(ended) == len(outs) else None


def times_out(targets: Iterable[Target]) -> dict[UUID, list[TimeOut]]:
    """By target: every time that it was out, by the ledger. One query."""
    found: dict[UUID, list[TimeOut]] = {}
    ledger = HostOut.objects.filter(target__in=[target.id for target in targets]).order_by("opened_at")
    for target_id, since, until in ledger.values_list("target_id", "opened_at", "closed_at"):
        found.setdefault(target_id, []).append(TimeOut(since, until))
    return found


def host_records(run: Run) -> list[HostRecord]:
    """Every host of the run once, in the run's order. Four queries."""
    stages: dict[UUID, list[StageRecord]] = {}
    for step in Step.objects.filter(run=run).order_by("attempt", "round", "started"):
        record = StageRecord(
            stage=step.stage,
            attempt=step.attempt,
            outcome=step.outcome,
            detail=step.detail,
            exit_status=step.exit_status,
            started=step.started,
            finished=step.finished,
        )
        stages.setdefault(step.target_id, []).append(record)
    plan = kept_plan(run)
    lines = {line.host_id: line for line in plan.lines} if plan else {}
    targets = list(Target.objects.filter(run=run).order_by("order"))
    outs = times_out(targets)
    return [
        HostRecord(target, stages.get(target.id, []), lines.get(target.host_key), outs.get(target.id, []))
        for target in targets
    ]
