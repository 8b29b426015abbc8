"""The way a host goes while a run has it: its lane, and its last lines."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from dashboard.screens.host.standing import Standing
from dashboard.screens.marks import Mark, mark
from dashboard.screens.run.now import Terminal, lane_icon, terminal
from dashboard.screens.runs.lane import Lane, lane, newest_steps
from maintenance.domain.states import RunKind


@dataclass(frozen=True, slots=True)
class OnItsWay:
    run_number: int
    run_url: str
    by_hand: bool
    mark: Mark
    since: datetime | None
    lane: Lane
    lane_icon: str
    terminal: Terminal | None
    detail: str


def on_its_way(at: Standing) -> OnItsWay | None:
    target = at.target
    if target is None:
        return None
    steps = newest_steps(target)
    run = target.run
    return OnItsWay(
        run_number=run.number,
        run_url=reverse("run", args=[run.id]),
        by_hand=run.kind == RunKind.HOST,
        mark=mark(target.state),
        since=target.out_at if target.back_at is None else None,
        lane=lane(run, target, steps),
        lane_icon=lane_icon(target.state),
        terminal=terminal(run, target, steps),
        detail=target.detail,
    )
