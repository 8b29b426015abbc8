"""The result of a run in CloudStack's shape, with ours beside it: every host, or management server, in exactly one
list."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import OVER_SERVERS, OVER_SYSTEM_VMS, RunState, Stage, TargetState
from maintenance.kept_plan import KeptLine, kept_plan
from maintenance.models import HostOut, Run, Step, Target
from maintenance.output_tails import output_tails

OUTPUT_BYTES_MAX = 4096


def run_result(run: Run) -> dict[str, Any]:
    """`{success, details, hostsupdated, hostsskipped, hostsfailed}` of what has ended so far.

    Dates as CloudStack's own answer has them: from before prepare to after cancel (startdate, enddate), UTC.
    `output` is the Maintenance script's, its last 4 kB.
    """
    if run.kind in OVER_SERVERS:
        return _server_result(run)
    if run.kind in OVER_SYSTEM_VMS:
        return _system_vm_result(run)
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


def _server_result(run: Run) -> dict[str, Any]:
    """`{success, details, serversdone, serversskipped, serversfailed}` of what has ended so far."""
    done: list[dict[str, Any]] = []
    skipped: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for record in host_records(run):
        target, out = record.target, record.outs[-1] if record.outs else None
        named = {"managementserverid": str(target.server_id), "managementservername": target.name}
        match TargetState(target.state):
            case TargetState.DONE:
                dates = {
                    "startdate": _date(out.since if out else None),
                    "enddate": _date(out.until if out else None),
                }
                done.append(named | dates)
            case TargetState.SKIPPED | TargetState.CANCELLED:
                skipped.append(named | {"reason": target.detail})
            case TargetState.FAILED | TargetState.NEEDS_PERSON:
                failed.append(named | {"reason": target.detail})
            case _:
                pass  # not over yet: it is in no list
    return {
        "success": run.state == RunState.SUCCEEDED,
        "details": run.details,
        "serversdone": done,
        "serversskipped": skipped,
        "serversfailed": failed,
    }


def _system_vm_result(run: Run) -> dict[str, Any]:
    """`{success, details, systemvmsdone, systemvmsskipped, systemvmsfailed}` of what has ended so far; each with how
    it ended."""
    lists: dict[str, list[dict[str, Any]]] = {"done": [], "skipped": [], "failed": []}
    for target in Target.objects.filter(run=run).order_by("order"):
        named = {
            "systemvmid": str(target.system_vm_id),
            "systemvmname": target.name,
            "outcome": target.result,
        }
        match TargetState(target.state):
            case TargetState.DONE:
                lists["done"].append(named)
            case TargetState.SKIPPED | TargetState.CANCELLED:
                lists["skipped"].append(named | {"reason": target.detail})
            case TargetState.FAILED | TargetState.NEEDS_PERSON:
                lists["failed"].append(named | {"reason": target.detail})
            case _:
                pass  # not over yet: it is in no list
    found = {f"systemvms{name}": rows for name, rows in lists.items()}
    return {"success": run.state == RunState.SUCCEEDED, "details": run.details, **found}


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
    """One host, or management server, of a run, from its plan to its end. `kept` is the plan's line, where a plan was
    kept; `outs` is every time that it was out of service in this run, in order."""

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
    """Every host, or management server, of the run once, in the run's order. Four queries."""
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
        HostRecord(
            target=target,
            stages=stages.get(target.id, []),
            kept=lines.get(target.host_id) if target.host_id else None,
            outs=_server_outs(stages.get(target.id, [])) if target.server_id else outs.get(target.id, []),
        )
        for target in targets
    ]


def _server_outs(stages: Sequence[StageRecord]) -> list[TimeOut]:
    """Management servers are in no ledger: what their stages tell."""
    out = server_time_out(stages)
    return [out] if out else []


class Timed(Protocol):
    """A stage as far as its times go: a step, or its record."""

    @property
    def stage(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def started(self) -> datetime | None: ...
    @property
    def finished(self) -> datetime | None: ...


LEAVES = frozenset({Stage.SERVER_PREPARE, Stage.SERVER_PREPARE_SHUTDOWN, Stage.SERVER_SHUT_DOWN})
COMES_HOME = frozenset({Stage.SERVER_CANCEL, Stage.SERVER_CANCEL_SHUTDOWN})


def server_time_out(stages: Iterable[Timed]) -> TimeOut | None:
    """From when a management server was asked to leave until it was seen Up again; `stages` in order. None while its
    turn has not come; `until` is None while it is away, or was to stay down."""
    since = until = None
    for stage in stages:
        if stage.stage in LEAVES and stage.started is not None:
            since, until = since or stage.started, None
        elif stage.stage in COMES_HOME and stage.outcome == Outcome.OK:
            until = stage.finished
    return TimeOut(since, until) if since else None
