"""The hosts at work: of a run over a few, each opened with its lane, its times and its last lines; of many, a short
list of those that are latest against what is usual."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.marks import Mark, mark
from dashboard.screens.run.outlook import held_targets
from dashboard.screens.run.rows import all_hosts_url
from dashboard.screens.run.sections import is_fleet
from dashboard.screens.run.terminal import Terminal, output_url, terminal, terminal_of
from dashboard.screens.runs.lane import Lane, lane, newest_steps_of
from dashboard.screens.runs.strip import counts_of
from dashboard.screens.runs.usual import late_after_s, usual_ranges
from dashboard.screens.words import Range, count, figure
from maintenance.domain.states import (
    STATE_DURING,
    TARGET_BEGUN,
    RunState,
    Stage,
    StepState,
    TargetState,
)
from maintenance.models import Run, Step, Target

__all__ = ["AtWork", "Now", "Terminal", "lane_icon", "output_url", "run_now", "terminal", "terminal_of"]

OPENED_MAX = 6  # more hosts at work are one line each
LINES_MAX = 60
LINES_OF_MANY = 12
LOOKED_AT_MAX = 1000  # hosts at work of one run that are compared with what is usual


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
    is_late: bool
    trouble: str
    lane: Lane | None
    terminal: Terminal | None
    lane_icon: str


@dataclass(frozen=True, slots=True)
class Now:
    """`more_says` speaks of the hosts at work that are not shown. `idle`: why nobody is at work while the run is not
    over; empty where somebody is."""

    opened: list[AtWork]
    others: list[AtWork]
    summary: str
    more: int
    more_says: str
    more_url: str
    idle: str


def run_now(run: Run) -> Now:
    return _of_many(run) if is_fleet(counts_of(run)) else _of_few(run)


def _of_few(run: Run) -> Now:
    at_work = run.targets.filter(state__in=[*TARGET_BEGUN, TargetState.CHECKING])
    begun = list(
        at_work.exclude(state=TargetState.CHECKING).order_by("out_at", "order")[: OPENED_MAX + LINES_MAX]
    )
    checking = list(at_work.filter(state=TargetState.CHECKING).order_by("order")[:LINES_MAX])
    steps = newest_steps_of(begun[:OPENED_MAX])
    opened = [_opened(run, target, steps.get(target.id, {})) for target in begun[:OPENED_MAX]]
    rest = [*begun[OPENED_MAX:], *checking]
    current = _open_steps(rest)
    others = [_at_work(target, current.get(target.id)) for target in rest[:LINES_MAX]]
    return _now(run, opened, others, max(0, at_work.count() - len(opened) - len(others)), "")


def _of_many(run: Run) -> Now:
    """The latest against what is expected first; those of which nothing is known by how long they take."""
    at_work = list(
        run.targets.filter(state__in=[*TARGET_BEGUN, TargetState.CHECKING]).order_by("order")[:LOOKED_AT_MAX]
    )
    current = _open_steps(at_work)
    drawn = [_at_work(target, current.get(target.id)) for target in at_work]
    drawn.sort(key=_lateness, reverse=True)
    rest = drawn[LINES_OF_MANY:]
    late = sum(host.is_late for host in rest)
    says = _("%(n)s more") % {"n": figure(len(rest))}
    if rest and not late and all(host.usual for host in rest):
        says = _("%(n)s more, all within their usual time") % {"n": figure(len(rest))}
    elif late:
        says = _("%(n)s more, %(late)s of them late") % {"n": figure(len(rest)), "late": figure(late)}
    return _now(run, [], drawn[:LINES_OF_MANY], len(rest), says)


def _now(run: Run, opened: list[AtWork], others: list[AtWork], more: int, more_says: str) -> Now:
    total = len(opened) + len(others) + more
    summary = ngettext("%(hosts)s, the latest first", "%(hosts)s, the latest first", total)
    return Now(
        opened=opened,
        others=others,
        summary=summary % {"hosts": count(total, "host")} if total else _("no host"),
        more=more,
        more_says=more_says or _("%(n)s more at work") % {"n": figure(more)},
        more_url=all_hosts_url(run, "at-work"),
        idle="" if total else _idle(run),
    )


def _idle(run: Run) -> str:
    """The part stays where it is between two hosts: what people look at does not jump."""
    match run.state:
        case RunState.QUEUED:
            return _("No host is at work yet: nothing is touched before the run begins.")
        case RunState.PAUSED:
            return _("No host is at work. Nothing starts until somebody resumes.")
        case RunState.STOPPING:
            return _("No host is at work any more. The run ends in a moment.")
        case RunState.RUNNING if run.pausing:
            return _("No host is at work. The run pauses in a moment.")
        case RunState.RUNNING if held_targets(run):
            return _("No host is at work: whose turn it is has to wait. Why stands beside each under Next.")
        case RunState.RUNNING:
            return _("No host is at work just now. The next one starts in a moment.")
        case _:
            return ""


def _lateness(host: AtWork) -> tuple[float, float]:
    took_s = (timezone.now() - host.since).total_seconds() if host.since else 0.0
    return (took_s / host.late_after_s if host.late_after_s else 0.0), took_s


def _open_steps(targets: list[Target]) -> dict[UUID, Step]:
    steps = Step.objects.filter(target__in=targets).exclude(state=StepState.ENDED)
    return {step.target_id: step for step in steps}


def _opened(run: Run, target: Target, steps: dict[str, Step]) -> AtWork:
    current = next((s for s in steps.values() if s.state != StepState.ENDED), None)
    return _at_work(target, current, lane(run, target, steps), terminal(run, target, steps))


def _at_work(
    target: Target, step: Step | None, drawn: Lane | None = None, shown: Terminal | None = None
) -> AtWork:
    usual = usual_of(target, step)
    since = step.started if step else target.out_at
    late_s = late_after_s(usual)
    return AtWork(
        target=target.id,
        name=target.name,
        url=reverse("host", args=[target.host_id]),
        mark=mark(target.state),
        cluster=f"{target.zone_name} · {target.cluster_name}",
        since=since,
        usual=_("usually %(range)s") % {"range": usual} if usual else "",
        late_after_s=late_s,
        is_late=bool(late_s and since and (timezone.now() - since).total_seconds() > late_s),
        trouble=_trouble(target),
        lane=drawn,
        terminal=shown,
        lane_icon=lane_icon(target.state),
    )


def usual_of(target: Target, step: Step | None) -> Range | None:
    """Of the stage that is shown. The next one's step may be there already while the host is still what it was."""
    if step is None or STATE_DURING[Stage(step.stage)] != target.state:
        return None
    return usual_ranges().get(step.stage)


def _trouble(target: Target) -> str:
    if target.failing:
        return _("It goes home first and then counts as failed: %(why)s") % {"why": target.failing}
    if target.cancelling:
        return _("Stopped by a person: it goes home first.")
    return ""


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
