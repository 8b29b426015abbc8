"""A run's report: to read and print, as JSON for programs, as CSV for tables. No name becomes a formula in a table."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.pages.asked import run_or_404
from dashboard.pages.patch_reports import patch_report, patch_rows
from dashboard.pages.server_reports import server_report, server_rows
from dashboard.screens.feed_head import feed_head
from dashboard.screens.run.report import run_report
from dashboard.screens.runs.name import run_url
from maintenance.domain.states import OVER_SERVERS, OVER_SYSTEM_VMS, RunState, Stage, TargetState, word
from maintenance.kept_plan import kept_plan
from maintenance.models import Run
from maintenance.report import HostRecord, host_records, run_result

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # a table program would run what follows
STAGES = (
    Stage.PREFLIGHT,
    Stage.PRE_MAINTENANCE,
    Stage.DRAIN,
    Stage.MAINTENANCE,
    Stage.RETURN,
    Stage.POST_MAINTENANCE,
)
COLUMNS = (
    "run",
    "started by",
    "order",
    "host",
    "zone",
    "cluster",
    "list",
    "state",
    "detail",
    "planned",
    "planned low s",
    "planned high s",
    "left service",
    "back in service",
    "out s",
    "times out",
    "instances",
    "attempts",
    "agent before",
    "agent after",
    *(f"{stage} s" for stage in STAGES),
)
LIST_OF = {
    TargetState.DONE: "updated",
    TargetState.SKIPPED: "skipped",
    TargetState.CANCELLED: "cancelled",
    TargetState.FAILED: "failed",
    TargetState.NEEDS_PERSON: "failed",
}
NOT_ENDED = "not ended"


class _Echo:
    """What csv writes, handed back at once."""

    def write(self, row: str) -> str:
        return row


@require_safe
def run_print(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Every host on one page, for reading and for paper."""
    seq = feed_head()
    run = run_or_404(request, run_id)
    if run.kind in OVER_SERVERS | OVER_SYSTEM_VMS:
        return HttpResponseRedirect(run_url(run))  # that page is the report
    shown = {"seq": seq, "topic": f"run:{run_id}", "report": run_report(run), "run_id": run_id}
    return render(request, "rolling/report.html", shown)


@require_safe
def run_report_file(request: HttpRequest, run_id: UUID, form: str) -> HttpResponse:
    """As far as the run has come; after its end, for good."""
    run = run_or_404(request, run_id)
    match form:
        case "json":
            whole = _REPORTS.get(run.kind, (_whole, _rows))[0](run)
            text = json.dumps(whole, indent=1, ensure_ascii=False)
            answer = HttpResponse(text, content_type="application/json")
        case "csv":
            writer = csv.writer(_Echo())
            rows = _REPORTS.get(run.kind, (_whole, _rows))[1](run)
            text = "".join(writer.writerow([_plain(cell) for cell in row]) for row in rows)
            answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
        case _:
            raise Http404("no such form of report")
    answer["Content-Disposition"] = f'attachment; filename="run-{run.number}.{form}"'
    return answer


# Of runs over other things than hosts: the whole report, and its rows.
_REPORTS: Mapping[
    str, tuple[Callable[[Run], dict[str, Any]], Callable[[Run], Iterator[tuple[object, ...]]]]
] = {
    **dict.fromkeys(OVER_SERVERS, (server_report, server_rows)),
    **dict.fromkeys(OVER_SYSTEM_VMS, (patch_report, patch_rows)),
}


def _whole(run: Run) -> dict[str, Any]:
    return {
        "id": str(run.id),
        "number": run.number,
        "kind": run.kind,
        "state": run.state,
        "word": word(run.state),
        "ended": run.state in {RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED},
        "cloud": run.cloud.name,
        "scope": run.scope_words,
        "started_by": run.started_by,
        "reason": run.reason,
        "ticket": run.ticket,
        "created": _time(run.created_at),
        "started": _time(run.started_at),
        "finished": _time(run.finished_at),
        "rules": {
            "on_failure": run.on_failure,
            "max_unavailable": run.max_unavailable,
            "clusters_in_parallel": run.clusters_in_parallel,
            "skip_unready": run.skip_unready,
            "timeout_s": run.timeout_s,
            "drain_timeout_s": run.drain_timeout_s,
            "not_before": _time(run.not_before),
        },
        "plan": _plan(run),
        "result": run_result(run),
        "hosts": [_host(record) for record in host_records(run)],
    }


def _plan(run: Run) -> dict[str, Any]:
    kept = kept_plan(run)
    return {
        "hash": run.plan_hash,
        "computed": _time(kept.computed_at) if kept else None,
        "minutes": list(kept.minutes) if kept and kept.minutes else None,
    }


def _host(record: HostRecord) -> dict[str, Any]:
    target, kept = record.target, record.kept
    planned = kept and {
        "verdict": kept.verdict,
        "why": kept.why,
        "instances": kept.instances,
        "goes_to": dict(kept.goes_to),
        "expected_s": list(kept.expected_s) if kept.expected_s else None,
    }
    return {
        "hostid": str(target.host_id),
        "hostname": target.name,
        "zone": target.zone_name,
        "cluster": target.cluster_name,
        "order": target.order,
        "list": _list_of(record),
        "state": target.state,
        "word": word(target.state),
        "reason": target.detail or target.not_needed,
        "left_service": _time(target.out_at),
        "back_in_service": _time(target.back_at),
        "out_s": record.out_s,
        "outs": [{"from": _time(out.since), "to": _time(out.until)} for out in record.outs],
        "instances": None if target.instances_before is None else len(target.instances_before),
        "attempts": record.attempts,
        "agent_before": target.agent_before,
        "agent_after": target.agent_after,
        "planned": planned,
        "stages": [
            {
                "stage": stage.stage,
                "attempt": stage.attempt,
                "outcome": stage.outcome,
                "detail": stage.detail,
                "exit_status": stage.exit_status,
                "started": _time(stage.started),
                "finished": _time(stage.finished),
            }
            for stage in record.stages
        ],
    }


def _rows(run: Run) -> Iterator[tuple[object, ...]]:
    yield COLUMNS
    for record in host_records(run):
        target, kept = record.target, record.kept
        low, high = kept.expected_s if kept and kept.expected_s else ("", "")
        # Of a host that was tried again, what the last attempt took.
        took = {stage.stage: round(stage.took_s, 1) for stage in record.stages if stage.took_s is not None}
        yield (
            run.number,
            run.started_by,
            target.order,
            target.name,
            target.zone_name,
            target.cluster_name,
            _list_of(record),
            word(target.state),
            target.detail or target.not_needed,
            kept.verdict if kept else "",
            low,
            high,
            _time(target.out_at) or "",
            _time(target.back_at) or "",
            "" if record.out_s is None else round(record.out_s, 1),
            len(record.outs),
            "" if target.instances_before is None else len(target.instances_before),
            record.attempts,
            target.agent_before,
            target.agent_after,
            *(took.get(stage, "") for stage in STAGES),
        )


def _list_of(record: HostRecord) -> str:
    """Exactly one list for each host."""
    return LIST_OF.get(TargetState(record.target.state), NOT_ENDED)


def _time(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _plain(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
