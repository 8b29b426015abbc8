"""The timeline, what is filtered of it as a file, and the walk along the audit's chain."""

import csv
import json
from collections.abc import AsyncIterator, Iterator
from itertools import batched
from typing import Any

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from dashboard.pages.asked import role_of
from dashboard.pages.buttons import press
from dashboard.pages.reports import FORMULA_STARTS
from dashboard.screens.events.asked import events_asked
from dashboard.screens.events.chain import chain
from dashboard.screens.events.telling import plain
from dashboard.screens.events.timeline import EventRow, all_rows, timeline
from dashboard.screens.feed_head import feed_head
from maintenance import audit_chain
from maintenance.models import AuditEntry, FeedEvent

AT_ONCE = 200  # rows of a file that are written together
COLUMNS = ("at", "number", "who", "kind", "what", "why", "before", "after", "object", "request")


@require_safe
def events(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    role = role_of(request)
    shown = timeline(events_asked(request.GET), role)
    return render(
        request,
        "events/timeline.html",
        {"seq": seq, "topic": "timeline", "timeline": shown, "chain": chain(role)},
    )


@require_POST
def events_check(request: HttpRequest) -> HttpResponse:
    """Walks the audit's chain again from its first entry."""
    return press(request, lambda who, _ref: audit_chain.start_again(who), reverse("events"))


@require_safe
def events_download(request: HttpRequest, form: str) -> HttpResponseBase:
    """All that is filtered, however much it is: written while it is read."""
    match form:
        case "csv":
            text, kind = _as_csv, "text/csv"
        case "json":
            text, kind = _as_json, "application/json"
        case _:
            raise Http404("no such form")
    pieces = text(all_rows(events_asked(request.GET), role_of(request)))
    answer = StreamingHttpResponse(_piece_by_piece(pieces), content_type=f"{kind}; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="events.{form}"'
    return answer


type _Rows = Iterator[tuple[EventRow, FeedEvent | AuditEntry]]


async def _piece_by_piece(pieces: Iterator[str]) -> AsyncIterator[str]:
    """The event loop serves others between two pieces."""
    next_piece = sync_to_async(lambda: next(pieces, None))
    while (piece := await next_piece()) is not None:
        yield piece


def _as_csv(rows: _Rows) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    for some in batched(rows, AT_ONCE):
        yield "".join(writer.writerow([_cell(value) for value in _told(*row).values()]) for row in some)


def _as_json(rows: _Rows) -> Iterator[str]:
    yield "[\n"
    is_first = True
    for some in batched(rows, AT_ONCE):
        yield ("" if is_first else ",\n") + ",\n".join(
            json.dumps(_told(*row), ensure_ascii=False) for row in some
        )
        is_first = False
    yield "\n]\n"


def _told(row: EventRow, one: FeedEvent | AuditEntry) -> dict[str, Any]:
    return {
        "at": one.at.isoformat(),
        "number": row.id,
        "who": row.who,
        "kind": one.action if isinstance(one, AuditEntry) else one.kind,
        "what": plain(row.told.says),
        "why": row.told.more,
        "before": one.before,
        "after": one.after,
        "object": one.object,
        "request": row.request_id,
    }


def _cell(value: Any) -> str:
    """Text that no table program runs."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


class _Echo:
    """What csv writes, handed back at once."""

    def write(self, row: str) -> str:
        return row
