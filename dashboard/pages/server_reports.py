"""The report of a run over management servers, for programs and for tables: every server in exactly one list."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from maintenance.domain.states import RUN_ENDED, SERVER_STAGES, RunState, Stage, TargetState, word
from maintenance.models import Run
from maintenance.report import HostRecord, StageRecord, host_records, run_result

STAGES = tuple(stage for stage in Stage if stage in SERVER_STAGES)
COLUMNS = (
    "run",
    "started by",
    "order",
    "management server",
    "list",
    "state",
    "detail",
    "asked to leave",
    "up again",
    "away s",
    "attempts",
    *(f"{stage} s" for stage in STAGES),
)
LIST_OF = {
    TargetState.DONE: "done",
    TargetState.SKIPPED: "skipped",
    TargetState.CANCELLED: "cancelled",
    TargetState.FAILED: "failed",
    TargetState.NEEDS_PERSON: "failed",
}
NOT_ENDED = "not ended"


def server_report(run: Run) -> dict[str, Any]:
    """All of it, as JSON."""
    return {
        "id": str(run.id),
        "number": run.number,
        "kind": run.kind,
        "state": run.state,
        "word": word(run.state),
        "ended": RunState(run.state) in RUN_ENDED,
        "cloud": run.cloud.name,
        "scope": run.scope_words,
        "started_by": run.started_by,
        "reason": run.reason,
        "ticket": run.ticket,
        "created": _time(run.created_at),
        "started": _time(run.started_at),
        "finished": _time(run.finished_at),
        "rules": {
            "algorithm": run.algorithm,
            "forced": run.forced,
            "rebalance": run.rebalance,
            "settle_s": run.settle_s,
        },
        "result": run_result(run),
        "servers": [_server(record) for record in host_records(run)],
    }


def _server(record: HostRecord) -> dict[str, Any]:
    target, out = record.target, record.outs[-1] if record.outs else None
    return {
        "managementserverid": str(target.server_id),
        "managementservername": target.name,
        "order": target.order,
        "list": LIST_OF.get(TargetState(target.state), NOT_ENDED),
        "state": target.state,
        "word": word(target.state),
        "reason": target.detail,
        "asked_to_leave": _time(out.since) if out else None,
        "up_again": _time(out.until) if out else None,
        "away_s": record.out_s,
        "attempts": record.attempts,
        "stages": [_stage(stage) for stage in record.stages],
    }


def _stage(stage: StageRecord) -> dict[str, Any]:
    return {
        "stage": stage.stage,
        "attempt": stage.attempt,
        "outcome": stage.outcome,
        "detail": stage.detail,
        "started": _time(stage.started),
        "finished": _time(stage.finished),
        "took_s": stage.took_s,
    }


def server_rows(run: Run) -> Iterator[tuple[object, ...]]:
    """The heading, and a row for each server."""
    yield COLUMNS
    for record in host_records(run):
        target, out = record.target, record.outs[-1] if record.outs else None
        # Of a server that was tried again, what the last attempt took.
        took = {stage.stage: round(stage.took_s, 1) for stage in record.stages if stage.took_s is not None}
        yield (
            run.number,
            run.started_by,
            target.order,
            target.name,
            LIST_OF.get(TargetState(target.state), NOT_ENDED),
            word(target.state),
            target.detail,
            (_time(out.since) if out else None) or "",
            (_time(out.until) if out else None) or "",
            "" if record.out_s is None else round(record.out_s, 1),
            record.attempts,
            *(took.get(stage, "") for stage in STAGES),
        )


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
