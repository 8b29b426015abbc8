"""The hosts at work: each opened with its lane, its time against the usual, its movement and its last lines."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from uuid import UUID

from django.urls import reverse

from dashboard.screens.lane import Lane, lane, newest_steps
from dashboard.screens.marks import Mark, mark
from dashboard.screens.output import Line, tail
from dashboard.screens.usual import usual_ranges
from dashboard.screens.words import count, size
from maintenance.domain.hook_stages import STAGES
from maintenance.domain.states import TARGET_BEGUN, Stage, StepState, TargetState
from maintenance.models import Run, Step, Target

OPENED_MAX = 6  # more hosts at work are one line each
LINES_MAX = 60


@dataclass(frozen=True, slots=True)
class Terminal:
    """What the stage does right now: its movement in words and its last lines."""

    target: UUID
    script: str
    movement: str
    note: str
    printed: str
    lines: list[Line]
    output_url: str
    label: str


@dataclass(frozen=True, slots=True)
class AtWork:
    """One host at work. `lane` and `terminal` are there for those that are drawn open."""

    target: UUID
    name: str
    url: str
    mark: Mark
    cluster: str
    since: datetime | None
    usual: str
    late_after_s: float
    trouble: str
    lane: Lane | None
    terminal: Terminal | None
    lane_icon: str


@dataclass(frozen=True, slots=True)
class Now:
    opened: list[AtWork]
    others: list[AtWork]
    more: int


def run_now(run: Run) -> Now:
    at_work = run.targets.filter(state__in=[*TARGET_BEGUN, TargetState.CHECKING])
    begun = list(
        at_work.exclude(state=TargetState.CHECKING).order_by("out_at", "order")[: OPENED_MAX + LINES_MAX]
    )
    checking = list(at_work.filter(state=TargetState.CHECKING).order_by("order")[:LINES_MAX])
    opened = [_opened(run, target) for target in begun[:OPENED_MAX]]
    rest = [*begun[OPENED_MAX:], *checking]
    open_steps: dict[UUID, Step] = {
        step.target_id: step for step in Step.objects.filter(target__in=rest).exclude(state=StepState.ENDED)
    }
    others = [_line(target, open_steps.get(target.id)) for target in rest[:LINES_MAX]]
    return Now(opened, others, max(0, at_work.count() - len(opened) - len(others)))


def _opened(run: Run, target: Target) -> AtWork:
    steps = newest_steps(target)
    current = next((s for s in steps.values() if s.state != StepState.ENDED), None)
    return _at_work(target, current, lane(run, target, steps), terminal(run, target, steps))


def _line(target: Target, step: Step | None) -> AtWork:
    return _at_work(target, step, None, None)


def _at_work(target: Target, step: Step | None, drawn: Lane | None, shown: Terminal | None) -> AtWork:
    usual = usual_ranges().get(step.stage) if step else None
    trouble = ""
    if target.failing:
        trouble = f"It goes home first and then counts as failed: {target.failing}"
    elif target.cancelling:
        trouble = "Stopped by a person: it goes home first."
    return AtWork(
        target=target.id,
        name=target.host_name,
        url=reverse("host", args=[target.host_id]),
        mark=mark(target.state),
        cluster=f"{target.zone_name} · {target.cluster_name}",
        since=step.started if step else target.out_at,
        usual=f"usually {usual}" if usual else "",
        late_after_s=round(usual.high_s * 1.25 + 5, 1) if usual else 0,
        trouble=trouble,
        lane=drawn,
        terminal=shown,
        lane_icon=lane_icon(target.state),
    )


def lane_icon(state: str) -> str:
    """The small drawing of where a host is (sprite.svg, lane-…)."""
    return {
        TargetState.CHECKING: "checking",
        TargetState.PREPARING: "preparing",
        TargetState.DRAINING: "draining",
        TargetState.WORKING: "working",
        TargetState.IN_MAINTENANCE: "working",
        TargetState.RETURNING: "returning",
        TargetState.VERIFYING: "verifying",
        TargetState.DONE: "done",
    }.get(TargetState(state), "waiting")


def terminal_of(target_id: UUID) -> Terminal | None:
    """The same block alone, as it is pushed while a script prints or instances move."""
    target = Target.objects.select_related("run").filter(id=target_id).first()
    return terminal(target.run, target, newest_steps(target)) if target else None


def terminal(run: Run, target: Target, steps: dict[str, Step]) -> Terminal | None:
    """The stage at work, or between two the last one that printed."""
    step = next((s for s in steps.values() if s.state != StepState.ENDED), None)
    if step is None:
        return None
    is_script = step.stage in STAGES
    return Terminal(
        target=target.id,
        script=PurePosixPath(step.script).name or (step.stage if is_script else ""),
        movement=_movement(steps),
        note=step.note,
        printed=f"{size(step.output_bytes)} printed" if step.output_bytes else "",
        lines=tail(step) if is_script else [],
        output_url=output_url(run, target.host_id, step.stage) if is_script else "",
        label=f"Live output of {step.stage} on {target.host_name}, last lines",
    )


def output_url(run: Run, host_id: UUID, stage: str) -> str:
    return reverse("run-output", args=[run.id, host_id, stage])


def _movement(steps: dict[str, Step]) -> str:
    """7 of 12 moved, now web-3."""
    drain = steps.get(Stage.DRAIN)
    if drain is None or not drain.movement:
        return ""
    moved, total = _number(drain.movement, "moved"), _number(drain.movement, "total")
    if drain.state == StepState.ENDED:
        return f"{moved} of {count(total, 'instance')} moved, {_number(drain.movement, 'left')} left"
    moving = drain.movement.get("moving")
    return f"{moved} of {count(total, 'instance')} moved" + (f", now {_names(moving)}" if moving else "")


def _names(moving: Any) -> str:
    return ", ".join(str(name) for name in moving[:3]) if isinstance(moving, list) else str(moving)


def _number(movement: dict[str, Any], key: str) -> int:
    found = movement.get(key, 0)
    return found if isinstance(found, int) else 0
