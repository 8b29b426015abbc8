"""Parts of the list of runs and of one run."""

from collections.abc import Mapping

from dashboard.live.drawings.drawing import CALM_S, Drawing, Key, found, of_run, simple
from dashboard.screens.run_actions import run_actions
from dashboard.screens.run_head import run_head
from dashboard.screens.run_now import run_now, terminal_of
from dashboard.screens.run_problems import run_problems
from dashboard.screens.run_progress import run_progress
from dashboard.screens.run_rows import finished_section, next_section, row_of
from dashboard.screens.runs import run_list, run_row, runs_verdict

DRAWINGS: Mapping[Key, Drawing] = {
    ("runs", "verdict"): Drawing(
        "rolling/list.html#verdict", "runs-verdict", simple("verdict", runs_verdict)
    ),
    ("runs", "newest"): Drawing(
        "rolling/list.html#rows", "runs-newest", lambda _t, _o, role: {"list": run_list("", 1, role)}
    ),
    ("runs", "row"): Drawing(
        "rolling/list.html#row", "run-row-{}", found("row", lambda key, _role: run_row(key)), every_s=0.5
    ),
    ("run", "head"): Drawing(
        "rolling/run.html#head", "run-head", of_run("head", lambda run, _role: run_head(run))
    ),
    ("run", "progress"): Drawing(
        "rolling/run.html#progress", "run-progress", of_run("progress", lambda run, _role: run_progress(run))
    ),
    ("run", "census"): Drawing(
        "rolling/run.html#census",
        "run-census",
        of_run("progress", lambda run, _role: run_progress(run)),
        every_s=CALM_S,
    ),
    ("run", "problems"): Drawing(
        "rolling/run.html#problems",
        "run-problems",
        of_run("problems", run_problems),
        by_role=True,
        every_s=0.5,
    ),
    ("run", "now"): Drawing(
        "rolling/run.html#now", "run-now", of_run("now", lambda run, _role: run_now(run))
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
    ("run", "row"): Drawing("rolling/run.html#row", "row-{}", found("row", row_of), by_role=True),
    ("run", "out"): Drawing(
        "rolling/run.html#terminal",
        "out-{}",
        found("terminal", lambda key, _role: terminal_of(key)),
        every_s=0.2,
    ),
}
