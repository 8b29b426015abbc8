"""A run's report to take away: JSON for programs, CSV for tables. Names cannot become formulas in a table."""

import csv
import json
from collections.abc import Iterator
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from dashboard.access import visible_runs
from maintenance.domain.states import word
from maintenance.models import Run, Target
from maintenance.report import run_result

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")  # a table program would run what follows
COLUMNS = (
    "order",
    "host",
    "zone",
    "cluster",
    "state",
    "detail",
    "left service",
    "back in service",
    "out s",
    "instances",
)


class _Echo:
    """What csv writes, handed back at once."""

    def write(self, row: str) -> str:
        return row


@require_safe
def run_report(request: HttpRequest, run_id: UUID, form: str) -> HttpResponse:
    """As far as the run has come; after its end, for good."""
    run = visible_runs(request.user).filter(id=run_id).first()
    if run is None:
        raise Http404("no such run")
    match form:
        case "json":
            answer: HttpResponse = HttpResponse(
                json.dumps(_whole(run), indent=1, ensure_ascii=False), content_type="application/json"
            )
        case "csv":
            writer = csv.writer(_Echo())
            text = "".join(writer.writerow([_plain(cell) for cell in row]) for row in _rows(run))
            answer = HttpResponse(text, content_type="text/csv; charset=utf-8")
        case _:
            raise Http404("no such form of report")
    answer["Content-Disposition"] = f'attachment; filename="run-{run.number}.{form}"'
    return answer


def _whole(run: Run) -> dict[str, object]:
    return {
        "id": str(run.id),
        "number": run.number,
        "state": run.state,
        "word": word(run.state),
        "scope": run.scope_words,
        "started_by": run.started_by,
        "reason": run.reason,
        "ticket": run.ticket,
        "started": run.started_at.isoformat() if run.started_at else None,
        "finished": run.finished_at.isoformat() if run.finished_at else None,
        "plan": run.plan_hash,
        "result": run_result(run),
    }


def _rows(run: Run) -> Iterator[tuple[object, ...]]:
    yield COLUMNS
    for target in Target.objects.filter(run=run).order_by("order").iterator(chunk_size=500):
        out_s: object = ""
        if target.out_at and target.back_at:
            out_s = round((target.back_at - target.out_at).total_seconds(), 1)
        yield (
            target.order,
            target.host_name,
            target.zone_name,
            target.cluster_name,
            word(target.state),
            target.detail,
            target.out_at.isoformat() if target.out_at else "",
            target.back_at.isoformat() if target.back_at else "",
            out_s,
            len(target.instances_before or []),
        )


def _plain(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA_STARTS) else cell
