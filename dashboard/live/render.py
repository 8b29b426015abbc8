"""Drawing parts of pages: the same screens and the same partials that draw the page itself."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.template.loader import render_to_string

from dashboard.live.touched import FRAME, Part
from dashboard.screens import host as host_screen
from dashboard.screens import overview
from dashboard.screens.fleet import in_service_words
from dashboard.screens.frame import nav_counts
from dashboard.screens.hosts import host_row
from dashboard.screens.run_actions import run_actions
from dashboard.screens.run_head import run_head
from dashboard.screens.run_now import run_now, terminal_of
from dashboard.screens.run_problems import run_problems
from dashboard.screens.run_progress import run_progress
from dashboard.screens.run_rows import finished_section, next_section, row_of
from dashboard.screens.runs import run_list, run_row, runs_verdict
from dashboard.screens.telling import latest_events
from maintenance.models import Host, Run

AT_ONCE_S = 0.1  # a part's first change goes out at once, repeats within this time are one
CALM_S = 1.0  # counts over many rows: once a second is often enough

type Context = Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Drawing:
    """How a part is drawn. `build` is given the topic's thing, the part's thing and the role; None: it is gone."""

    template: str
    element: str  # the id of its root; {} is the part's thing
    build: Callable[[str, str, str], Context]
    by_role: bool = False
    every_s: float = AT_ONCE_S


@dataclass(frozen=True, slots=True)
class Drawn:
    element: str
    html: str | None


def drawing_of(part: Part) -> Drawing:
    return DRAWINGS[part.topic.partition(":")[0], part.name]


def draw(parts: Iterable[tuple[Part, str]]) -> dict[tuple[Part, str], Drawn | Exception]:
    """Each part for its role; one that cannot be drawn is the error it made. Asks the database: call from a thread."""
    found: dict[tuple[Part, str], Drawn | Exception] = {}
    try:
        for part, role in parts:
            try:
                found[part, role] = _draw(part, role)
            except Exception as failure:
                found[part, role] = failure
    finally:
        connection.close()
    return found


def _draw(part: Part, role: str) -> Drawn:
    drawing = drawing_of(part)
    context = drawing.build(part.topic.partition(":")[2], part.one, role)
    element = drawing.element.format((context or {}).get("element", part.one))
    return Drawn(
        element, None if context is None else render_to_string(drawing.template, dict(context)).strip()
    )


# ---- what each part shows --------------------------------------------------------------------------------------------


def _simple(name: str, build: Callable[[], Any]) -> Callable[[str, str, str], Context]:
    return lambda _topic, _one, _role: {name: build()}


def _of_run(name: str, build: Callable[[Run, str], Any]) -> Callable[[str, str, str], Context]:
    def context(run_id: str, _one: str, role: str) -> Context:
        run = Run.objects.select_related("cloud").filter(id=run_id).first()
        return None if run is None else {name: build(run, role), "run_id": run.id}

    return context


def _of_host(
    name: str, build: Callable[[host_screen.Standing, str], Any]
) -> Callable[[str, str, str], Context]:
    def context(host_id: str, _one: str, role: str) -> Context:
        at = host_screen.standing(UUID(host_id))
        return None if at is None else {name: build(at, role)}

    return context


def _found(name: str, build: Callable[[UUID, str], Any]) -> Callable[[str, str, str], Context]:
    def context(_topic: str, one: str, role: str) -> Context:
        found = build(UUID(one), role) if one else None
        return None if found is None else {name: found}

    return context


def _cluster_of_host(_topic: str, host_id: str, _role: str) -> Context:
    cluster_id = Host.objects.filter(id=host_id).values_list("cluster", flat=True).first()
    line = overview.cluster_line(cluster_id) if cluster_id else None
    return None if line is None else {"cluster": line, "element": line.id}


def _nav(name: str) -> Drawing:
    def context(_topic: str, _one: str, _role: str) -> Context:
        return {"count": next(count for count in nav_counts() if count.id == name)}

    return Drawing("console.html#count", name, context, every_s=CALM_S)


DRAWINGS: Mapping[tuple[str, str], Drawing] = {
    **{(FRAME, name): _nav(name) for name in ("nav-runs", "nav-needs", "nav-hosts")},
    ("overview", "verdict"): Drawing(
        "overview.html#verdict", "overview-verdict", _simple("verdict", overview.verdict), every_s=0.5
    ),
    ("overview", "runs"): Drawing("overview.html#runs", "overview-runs", _simple("runs", overview.run_cards)),
    ("overview", "needs"): Drawing(
        "overview.html#needs",
        "overview-needs",
        lambda _t, _o, role: {"needs": overview.needs(role)},
        by_role=True,
    ),
    ("overview", "clusters-summary"): Drawing(
        "overview.html#clusters_summary",
        "clusters-summary",
        _simple("clusters_summary", overview.clusters_summary),
        every_s=CALM_S,
    ),
    ("overview", "clusters"): Drawing(
        "overview.html#clusters", "overview-clusters", _simple("clusters", overview.clusters), every_s=CALM_S
    ),
    ("overview", "cluster-of-host"): Drawing("overview.html#cluster", "cluster-{}", _cluster_of_host),
    ("overview", "servers"): Drawing(
        "overview.html#servers", "overview-servers", _simple("servers", overview.servers), every_s=CALM_S
    ),
    ("overview", "jobs"): Drawing(
        "overview.html#jobs", "overview-jobs", _simple("jobs", overview.jobs), every_s=CALM_S
    ),
    ("overview", "events"): Drawing(
        "overview.html#events", "overview-events", _simple("events", latest_events)
    ),
    ("runs", "verdict"): Drawing(
        "rolling/list.html#verdict", "runs-verdict", _simple("verdict", runs_verdict)
    ),
    ("runs", "newest"): Drawing(
        "rolling/list.html#rows", "runs-newest", lambda _t, _o, role: {"list": run_list("", 1, role)}
    ),
    ("runs", "row"): Drawing(
        "rolling/list.html#row", "run-row-{}", _found("row", lambda key, _role: run_row(key)), every_s=0.5
    ),
    ("hosts", "fleet"): Drawing(
        "hosts/list.html#fleet", "hosts-fleet", _simple("fleet", in_service_words), every_s=CALM_S
    ),
    ("hosts", "row"): Drawing(
        "hosts/list.html#row", "host-row-{}", _found("row", lambda key, _role: host_row(key))
    ),
    ("run", "head"): Drawing(
        "rolling/run.html#head", "run-head", _of_run("head", lambda run, _role: run_head(run))
    ),
    ("run", "progress"): Drawing(
        "rolling/run.html#progress", "run-progress", _of_run("progress", lambda run, _role: run_progress(run))
    ),
    ("run", "census"): Drawing(
        "rolling/run.html#census",
        "run-census",
        _of_run("progress", lambda run, _role: run_progress(run)),
        every_s=CALM_S,
    ),
    ("run", "problems"): Drawing(
        "rolling/run.html#problems",
        "run-problems",
        _of_run("problems", run_problems),
        by_role=True,
        every_s=0.5,
    ),
    ("run", "now"): Drawing(
        "rolling/run.html#now", "run-now", _of_run("now", lambda run, _role: run_now(run))
    ),
    ("run", "steering"): Drawing(
        "rolling/run.html#steering", "run-steering", _of_run("steering", run_actions), by_role=True
    ),
    ("run", "next"): Drawing(
        "rolling/run.html#next", "run-next", _of_run("next", next_section), by_role=True, every_s=0.5
    ),
    ("run", "finished"): Drawing(
        "rolling/run.html#finished", "run-finished", _of_run("finished", finished_section), by_role=True
    ),
    ("run", "row"): Drawing("rolling/run.html#row", "row-{}", _found("row", row_of), by_role=True),
    ("run", "out"): Drawing(
        "rolling/run.html#terminal",
        "out-{}",
        _found("terminal", lambda key, _role: terminal_of(key)),
        every_s=0.2,
    ),
    ("host", "head"): Drawing(
        "hosts/host.html#head", "host-head", _of_host("head", lambda at, _role: host_screen.host_head(at))
    ),
    ("host", "way"): Drawing(
        "hosts/host.html#way", "host-way", _of_host("way", lambda at, _role: host_screen.on_its_way(at))
    ),
    ("host", "hand"): Drawing(
        "hosts/host.html#hand", "host-hand", _of_host("hand", host_screen.by_hand), by_role=True
    ),
    ("host", "scripts"): Drawing(
        "hosts/host.html#scripts",
        "host-scripts",
        _of_host("scripts", lambda at, _role: host_screen.scripts(at)),
    ),
    ("host", "instances"): Drawing(
        "hosts/host.html#instances",
        "host-instances",
        _of_host("instances", lambda at, _role: host_screen.instances(at)),
        every_s=0.5,
    ),
    ("host", "history"): Drawing(
        "hosts/host.html#history",
        "host-history",
        _of_host("history", lambda at, _role: host_screen.history(at)),
    ),
    ("host", "out"): Drawing(
        "hosts/host.html#terminal",
        "out-{}",
        _found("terminal", lambda key, _role: terminal_of(key)),
        every_s=0.2,
    ),
}
