"""All runs: what is in progress, and one row each, as the address asks for them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.marks import Mark, mark
from dashboard.screens.run.choice import Choice
from dashboard.screens.run.outlook import held_runs
from dashboard.screens.runs.asked import SORTS, STATES, RunsAsked
from dashboard.screens.runs.name import (
    KINDS,
    finished_of,
    kind_words,
    run_mark,
    run_name,
    run_url,
    thing_of,
)
from dashboard.screens.servers.blocked import why_no_start
from dashboard.screens.words import count, duration, figure, spelled
from maintenance.domain.states import RUN_ACTIVE, RunKind, RunState, TargetState
from maintenance.models import Run, Target

PAGE_ROWS = 50
PEOPLE_MAX = 200


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
    """`is_live_newest`: a new run comes in by itself; else `latest` tells of it."""

    asked: RunsAsked
    rows: list[RunRow]
    summary: str
    states: list[Choice]
    kinds: list[Choice]
    people: list[Choice]
    sorts: list[Choice]
    is_newest: bool
    is_filtered: bool
    page: int
    pages: int
    previous: str
    next: str
    start_disabled: str


@dataclass(frozen=True, slots=True)
class RunsVerdict:
    says: str
    then: str
    title: str
    mark: Mark | None


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest run, whatever the list is filtered by."""

    number: int
    name: str
    url: str
    began: datetime


def runs_verdict() -> RunsVerdict:
    states = list(Run.objects.filter(state__in=RUN_ACTIVE).values_list("state", flat=True))
    paused = states.count(RunState.PAUSED)
    if not states:
        return RunsVerdict(_("No run is in progress."), "", _("Rolling maintenance"), None)
    running = ngettext("%(n)s run is in progress.", "%(n)s runs are in progress.", len(states))
    waits = ngettext("%(n)s waits for a person.", "%(n)s wait for a person.", paused)
    return RunsVerdict(
        says=running % {"n": spelled(len(states))},
        then=waits % {"n": spelled(paused)} if paused else "",
        title=_("%(n)s in progress: rolling maintenance") % {"n": figure(len(states))},
        mark=mark(RunState.PAUSED if paused else RunState.RUNNING),
    )


def runs_latest() -> Latest | None:
    run = Run.objects.order_by("-number").first()
    return Latest(run.number, run_name(run), run_url(run), run.created_at) if run else None


def newest_runs(role: str) -> RunList:
    """The first page of all, as it is pushed."""
    return run_list(RunsAsked(), role)


def run_list(asked: RunsAsked, role: str) -> RunList:
    found = asked.found()
    total = found.count()
    pages = max(1, -(-total // PAGE_ROWS))
    page = min(asked.page, pages)
    people = Run.objects.order_by("started_by").values_list("started_by", flat=True).distinct()[:PEOPLE_MAX]
    return RunList(
        asked=asked,
        rows=_rows(list(found[(page - 1) * PAGE_ROWS : page * PAGE_ROWS])),
        summary=count(total, "run"),
        states=[
            Choice(asked.query(state=""), _("All"), not asked.state),
            *(
                Choice(asked.query(state=key), str(text), key == asked.state)
                for key, (text, _in) in STATES.items()
            ),
        ],
        kinds=[Choice(key, str(text), key == asked.kind) for key, text in KINDS.items()],
        people=[Choice(name, name, name == asked.by) for name in people],
        sorts=[Choice(key, str(text), key == asked.sort) for key, (text, _by) in SORTS.items()],
        is_newest=asked.shows_newest,
        is_filtered=asked.is_filtered,
        page=page,
        pages=pages,
        previous=asked.query(page=page - 1) if page > 1 else "",
        next=asked.query(page=page + 1) if page < pages else "",
        start_disabled=why_no_start(role),
    )


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
    held = held_runs(runs)
    return [_row(run, counts[run.id], is_held=run.id in held) for run in runs]


def _row(run: Run, counts: dict[str, int], *, is_held: bool) -> RunRow:
    began = run.started_at or run.created_at
    return RunRow(
        id=run.id,
        number=run.number,
        name=run_name(run),
        url=run_url(run),
        mark=run_mark(run, is_held=is_held),
        scope=run.scope_words,
        kind="" if run.kind == RunKind.ROLLING else kind_words(run),
        hosts=_ended_words(counts) if run.finished_at else _progress_words(run, counts),
        by=run.started_by,
        ticket=run.ticket,
        began=began,
        took=duration((run.finished_at - began).total_seconds()) if run.finished_at else "",
        since=None if run.finished_at else began,
    )


def _progress_words(run: Run, counts: dict[str, int]) -> str:
    hosts = count(sum(counts.values()), thing_of(run))
    return _("%(n)s of %(hosts)s") % {"n": figure(finished_of(counts)), "hosts": hosts}


def _ended_words(counts: dict[str, int]) -> str:
    """Every host, or management server, of the run is in one of these."""
    failed = counts.get(TargetState.FAILED, 0) + counts.get(TargetState.NEEDS_PERSON, 0)
    found = [
        (_("%(n)s done"), counts.get(TargetState.DONE, 0), True),
        (_("%(n)s skipped"), counts.get(TargetState.SKIPPED, 0), False),
        (_("%(n)s failed"), failed, False),
        (_("%(n)s not done"), counts.get(TargetState.CANCELLED, 0), False),
    ]
    return ", ".join(words % {"n": figure(hosts)} for words, hosts, always in found if hosts or always)
