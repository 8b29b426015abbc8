"""Parts of the list of runs, of one run, and of what its scripts print."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from dashboard.live.drawings.drawing import CALM_S, Context, Drawing, Key, found, of_run, simple
from dashboard.live.drawn_once import drawn_together, once
from dashboard.screens.run.actions import run_actions
from dashboard.screens.run.head import run_head
from dashboard.screens.run.map import run_tile
from dashboard.screens.run.now import run_now, terminal_of
from dashboard.screens.run.opened import opened_counts, run_cell
from dashboard.screens.run.output import output_head
from dashboard.screens.run.output_lines import fresh_lines
from dashboard.screens.run.problems import run_problems
from dashboard.screens.run.progress import run_progress
from dashboard.screens.run.record import run_record
from dashboard.screens.run.rows import Row, rows_of
from dashboard.screens.run.sections import finished_section, next_section
from dashboard.screens.runs.list import newest_runs, run_row, runs_latest, runs_verdict
from maintenance.models import Run, Step


def _of_cluster(name: str, build: Callable[[Run, UUID], Any]) -> Callable[[str, str, str], Context]:
    """Drawn from the topic's run and the part's cluster."""

    def context(run_id: str, cluster_id: str, _role: str) -> Context:
        run = Run.objects.filter(id=run_id).first()
        drawn = build(run, UUID(cluster_id)) if run and cluster_id else None
        return None if drawn is None else {name: drawn}

    return context


def _row(run_id: str, target_id: str, role: str) -> Context:
    """Of one host; those of all that are pushed together are read at once."""
    together = drawn_together(f"run:{run_id}", "row") | {target_id}
    row = once(_Rows(together, role)).get(UUID(target_id)) if target_id else None
    return None if row is None else {"row": row}


@dataclass(frozen=True)
class _Rows:
    targets: frozenset[str]
    role: str

    def __call__(self) -> dict[UUID, Row]:
        return rows_of({UUID(key) for key in self.targets if key}, self.role)


def _of_step(name: str, build: Callable[[Step], Any]) -> Callable[[str, str, str], Context]:
    """Drawn from the topic's step."""

    def context(step_id: str, _one: str, _role: str) -> Context:
        scripts = Step.objects.filter(target__host__isnull=False)
        step = scripts.select_related("run", "target").filter(id=step_id).first()
        return None if step is None else {name: build(step)}

    return context


DRAWINGS: Mapping[Key, Drawing] = {
    ("runs", "verdict"): Drawing(
        "rolling/list.html#verdict", "runs-verdict", simple("verdict", runs_verdict)
    ),
    ("runs", "newest"): Drawing(
        "rolling/list.html#rows", "runs-newest", lambda _t, _o, role: {"list": newest_runs(role)}
    ),
    ("runs", "latest"): Drawing("rolling/list.html#latest", "runs-latest", simple("latest", runs_latest)),
    ("runs", "row"): Drawing(
        "rolling/list.html#row", "run-row-{}", found("row", lambda key, _role: run_row(key)), every_s=0.5
    ),
    ("run", "head"): Drawing(
        "rolling/run.html#head", "run-head", of_run("head", lambda run, _role: run_head(run))
    ),
    ("run", "progress"): Drawing(
        "rolling/run.html#progress",
        "run-progress",
        of_run("progress", lambda run, _role: run_progress(run)),
        every_s=0.5,
    ),
    ("run", "census"): Drawing(
        "rolling/run.html#census",
        "run-census",
        of_run("progress", lambda run, _role: run_progress(run)),
        every_s=CALM_S,
    ),
    ("run", "tile"): Drawing("rolling/map.html#tile", "tile-{}", _of_cluster("tile", run_tile), every_s=0.2),
    ("run", "opened"): Drawing(
        "rolling/map.html#counts", "opened-{}", _of_cluster("counts", opened_counts), every_s=0.5
    ),
    ("run", "cell"): Drawing(
        "rolling/map.html#cell", "cell-{}", found("cell", lambda key, _role: run_cell(key))
    ),
    ("run", "problems"): Drawing(
        "rolling/run.html#problems",
        "run-problems",
        of_run("problems", run_problems),
        by_role=True,
        every_s=0.5,
    ),
    ("run", "now"): Drawing(
        "rolling/run.html#now", "run-now", of_run("work", lambda run, _role: run_now(run))
    ),
    ("run", "steering"): Drawing(
        "rolling/run.html#steering", "run-steering", of_run("steering", run_actions), by_role=True
    ),
    ("run", "next"): Drawing(
        "rolling/run.html#next", "run-next", of_run("next", next_section), by_role=True, every_s=0.5
    ),
    ("run", "finished"): Drawing(
        "rolling/run.html#finished", "run-finished", of_run("finished", finished_section), by_role=True
    ),
    ("run", "record"): Drawing(
        "rolling/run.html#record", "run-record", of_run("record", lambda run, _role: run_record(run))
    ),
    ("run", "row"): Drawing("rolling/run.html#row", "row-{}", _row, by_role=True),
    ("run", "out"): Drawing(
        "rolling/run.html#terminal",
        "out-{}",
        found("terminal", lambda key, _role: terminal_of(key)),
        every_s=0.2,
    ),
    ("output", "head"): Drawing(
        "rolling/output.html#head",
        "output-head",
        _of_step("page", lambda step: output_head(step.run, step)),
        every_s=0.5,
    ),
    ("output", "fresh"): Drawing(
        "rolling/output.html#fresh", "output-fresh", _of_step("fresh", fresh_lines), every_s=0.2
    ),
}
