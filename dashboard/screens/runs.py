"""All runs: those in progress opened, the others one row each."""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count

from dashboard.screens.actions import too_low
from dashboard.screens.marks import Mark
from dashboard.screens.run_choice import Choice
from dashboard.screens.run_head import finished_of, run_mark, run_name, run_url
from dashboard.screens.words import count, duration, spelled
from maintenance.domain.states import RUN_ACTIVE, RunKind, RunState, TargetState
from maintenance.models import Run, Target

PAGE_ROWS = 50
STATES = {
    "active": ("In progress", tuple(RUN_ACTIVE)),
    "done": ("Done", (RunState.SUCCEEDED,)),
    "failed": ("Failed", (RunState.FAILED,)),
    "cancelled": ("Cancelled", (RunState.CANCELLED,)),
}


@dataclass(frozen=True, slots=True)
class RunRow:
    id: UUID
    number: int
    name: str
    url: str
    mark: Mark
    scope: str
    kind: str
    hosts: str
    by: str
    ticket: str
    began: datetime
    took: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class RunList:
    rows: list[RunRow]
    states: list[Choice]
    state: str
    page: int
    pages: int
    previous: str
    next: str
    total: int
    start_disabled: str


@dataclass(frozen=True, slots=True)
class RunsVerdict:
    says: str
    then: str
    title: str


def runs_verdict() -> RunsVerdict:
    states = list(Run.objects.filter(state__in=RUN_ACTIVE).values_list("state", flat=True))
    paused = states.count(RunState.PAUSED)
    if not states:
        says = "No run is in progress."
    else:
        says = f"{spelled(len(states))} {'run is' if len(states) == 1 else 'runs are'} in progress."
    then = f"{spelled(paused)} {'waits' if paused == 1 else 'wait'} for a person." if paused else ""
    return RunsVerdict(
        says, then, f"{len(states)} in progress: rolling maintenance" if states else "Rolling maintenance"
    )


def run_list(state: str, page: int, role: str) -> RunList:
    found = Run.objects.order_by("-number")
    if state in STATES:
        found = found.filter(state__in=STATES[state][1])
    total = found.count()
    pages = max(1, -(-total // PAGE_ROWS))
    page = min(max(1, page), pages)
    return RunList(
        rows=_rows(list(found[(page - 1) * PAGE_ROWS : page * PAGE_ROWS])),
        states=[
            Choice("", "All", state not in STATES),
            *(Choice(value, text, value == state) for value, (text, _) in STATES.items()),
        ],
        state=state,
        page=page,
        pages=pages,
        previous=_query(state, page - 1) if page > 1 else "",
        next=_query(state, page + 1) if page < pages else "",
        total=total,
        start_disabled=too_low(role),
    )


def _query(state: str, page: int) -> str:
    return "?" + urlencode(({"state": state} if state else {}) | ({"page": page} if page > 1 else {}))


def run_row(run_id: UUID) -> RunRow | None:
    """One row alone, as it is pushed."""
    found = _rows(list(Run.objects.filter(id=run_id)))
    return found[0] if found else None


def _rows(runs: list[Run]) -> list[RunRow]:
    counts: dict[UUID, dict[str, int]] = {run.id: {} for run in runs}
    grouped = (
        Target.objects.filter(run__in=runs).order_by().values_list("run", "state").annotate(hosts=Count("id"))
    )
    for run_id, state, hosts in grouped:
        counts[run_id][state] = hosts
    return [_row(run, counts[run.id]) for run in runs]


def _row(run: Run, counts: dict[str, int]) -> RunRow:
    total = sum(counts.values())
    words = f"{finished_of(counts):,} of {count(total, 'host')}"
    if run.finished_at:
        done, skipped = counts.get(TargetState.DONE, 0), counts.get(TargetState.SKIPPED, 0)
        failed = counts.get(TargetState.FAILED, 0) + counts.get(TargetState.NEEDS_PERSON, 0)
        parts = [
            f"{done:,} done",
            f"{skipped:,} skipped" if skipped else "",
            f"{failed:,} failed" if failed else "",
        ]
        words = ", ".join(part for part in parts if part)
    began = run.started_at or run.created_at
    return RunRow(
        id=run.id,
        number=run.number,
        name=run_name(run),
        url=run_url(run),
        mark=run_mark(run),
        scope=run.scope_words,
        kind="" if run.kind == RunKind.ROLLING else "one host by hand",
        hosts=words,
        by=run.started_by,
        ticket=run.ticket,
        began=began,
        took=duration((run.finished_at - began).total_seconds()) if run.finished_at else "",
        since=None if run.finished_at else began,
    )
