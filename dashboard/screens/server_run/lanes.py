"""Each server of a run on its way: stage after stage with its times, what it waits for now, and what is left on it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from dashboard.screens.actions import Action
from dashboard.screens.marks import UNKNOWN, Mark, mark, moving
from dashboard.screens.runs.lane import newest_steps_of
from dashboard.screens.runs.name import target_mark, target_url
from dashboard.screens.server_run.actions import server_actions
from dashboard.screens.server_run.words import HAPPENS, WAYS, stage_word
from dashboard.screens.words import count, duration, figure, listing
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import STATE_DURING, TARGET_ENDED, RunKind, Stage, StepState, TargetState
from maintenance.models import Run, Step, Target

LANES_MAX = 100
NAMED_MAX = 5

_ENDED: Mapping[str, str] = {Outcome.OK: "Done", Outcome.NOT_NEEDED: "Skipped", Outcome.STOPPED: "Cancelled"}


@dataclass(frozen=True, slots=True)
class StageStop:
    """One stage. Of the times at most one is told: it runs `since`, or it `took` so long. `says` stands beneath it."""

    name: str
    mark: Mark
    says: str
    is_current: bool = False
    since: datetime | None = None
    took: str = ""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why it is not further, and what can be done about it."""

    words: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class ServerLane:
    """`left`: jobs and agents that are still on it. `note`: what the engine waits for, as it wrote it down."""

    target: UUID
    order: int
    name: str
    url: str
    mark: Mark
    stops: Sequence[StageStop]
    note: str
    left: str
    window_ends_at: datetime | None
    window_after: str
    why: Sequence[Reason]
    detail: str
    trouble: str
    attempt: str
    actions: Sequence[Action]
    is_open: bool


@dataclass(frozen=True, slots=True)
class ServerLanes:
    """`more` servers are only in the reports."""

    shown: Sequence[ServerLane]
    more: int

    @property
    def is_one(self) -> bool:
        return len(self.shown) == 1


def server_lanes(run: Run, role: str) -> ServerLanes:
    """In the run's order. Two queries, however many servers there are."""
    targets = list(run.targets.order_by("order")[: LANES_MAX + 1])
    more = run.targets.count() - LANES_MAX if len(targets) > LANES_MAX else 0
    shown = targets[:LANES_MAX]
    steps = newest_steps_of(shown)
    return ServerLanes([_lane(run, target, steps.get(target.id, {}), role) for target in shown], more)


def _lane(run: Run, target: Target, steps: Mapping[str, Step], role: str) -> ServerLane:
    current = next((step for step in steps.values() if step.state != StepState.ENDED), None)
    movement: Mapping[str, Any] = current.movement if current else {}
    is_preparing = current is not None and current.stage == Stage.SERVER_PREPARE
    return ServerLane(
        target=target.id,
        order=target.order,
        name=target.name,
        url=target_url(target),
        mark=target_mark(target),
        stops=[_stop(target, stage, steps.get(stage)) for stage in way(run, target, steps)],
        note=current.note if current else "",
        left=left_words(movement, stage=current.stage if current else ""),
        window_ends_at=moment(movement.get("window_ends_at")) if is_preparing else None,
        window_after=_window_after(run) if is_preparing else "",
        why=[
            Reason(str(one.get("words", "")), str(one.get("what_to_do", "")))
            for one in movement.get("why", ())
        ],
        detail=target.detail,
        trouble=_trouble(target),
        attempt=_("attempt %(n)s") % {"n": target.attempt} if target.attempt > 1 else "",
        actions=server_actions(run, target, role),
        is_open=target.state not in TARGET_ENDED and bool(steps or target.next_stage),
    )


def way(run: Run, target: Target, steps: Mapping[str, Step]) -> list[Stage]:
    """The stages that it has gone and will go. A person may choose another way home, and a failure leads to one."""
    planned = list(WAYS[run.kind])
    begun = {Stage(stage) for stage in steps} | ({Stage(target.next_stage)} if target.next_stage else set())
    if run.kind != RunKind.SERVER_RESTART:
        chosen = begun - set(planned[:1])
        if chosen:  # it was begun elsewhere, or goes another way than planned
            first = [stage for stage in planned[:1] if stage in begun]
            return [*first, *sorted(chosen, key=list(Stage).index)]
        return planned
    is_going_home = target.failing or target.cancelling or target.state == TargetState.FAILED
    if is_going_home and Stage.SERVER_SHUT_DOWN not in begun:
        return [Stage.SERVER_PREPARE, Stage.SERVER_CANCEL]
    return planned


def _stop(target: Target, stage: Stage, step: Step | None) -> StageStop:
    name = stage_word(stage)
    if step is not None and step.state == StepState.ENDED:
        return StageStop(name, _ended(step), step.detail, took=_took(step))
    if step is not None:
        drawn = mark(STATE_DURING[stage])
        return StageStop(name, moving(drawn.word), str(HAPPENS[stage]), is_current=True, since=step.started)
    if target.state in TARGET_ENDED - {TargetState.NEEDS_PERSON}:
        return StageStop(name, mark(TargetState.SKIPPED), _("not begun"))
    is_next = target.next_stage == stage
    return StageStop(name, mark(TargetState.WAITING), str(HAPPENS[stage]), is_current=is_next)


def _ended(step: Step) -> Mark:
    if step.outcome == Outcome.UNKNOWN:
        return UNKNOWN
    return mark(_ENDED.get(step.outcome, "Failed"))


def _took(step: Step) -> str:
    if step.started is None or step.finished is None:
        return ""
    return duration((step.finished - step.started).total_seconds())


WITH_ITS_AGENTS = frozenset(
    {Stage.SERVER_CANCEL, Stage.SERVER_CANCEL_SHUTDOWN, Stage.SERVER_COME_BACK, Stage.SERVER_SETTLE}
)


def left_words(movement: Mapping[str, Any], *, stage: str = "", with_names: bool = True) -> str:
    """3 jobs and 7 agents left: StartVMCmd × 2 and StopVMCmd; empty where nobody has counted."""
    if "jobs_left" not in movement and "agents_left" not in movement:
        return ""
    jobs, agents = int(movement.get("jobs_left") or 0), int(movement.get("agents_left") or 0)
    facts = {"jobs": count(jobs, "job"), "agents": count(agents, "agent")}
    if stage in WITH_ITS_AGENTS:  # they have come home: nobody waits for them to leave
        return _("its agents: %(n)s") % {"n": figure(agents)}
    says = _("%(jobs)s and %(agents)s left") % facts
    named = _named(movement, jobs, agents) if with_names else ""
    return _("%(left)s: %(names)s") % {"left": says, "names": named} if named else says


def _named(movement: Mapping[str, Any], jobs: int, agents: int) -> str:
    """The jobs; when none is left, the agents. The lists may be shorter than there are."""
    if jobs:
        commands = [str(job.get("command", "")) for job in movement.get("jobs", ())]
        return listing(_alike(commands), most=NAMED_MAX) if len(commands) == jobs else ""
    names = [str(agent.get("name", "")) for agent in movement.get("agents", ())]
    unnamed = [""] * max(0, agents - len(names))  # they are counted, not said
    return listing([*names, *unnamed], most=NAMED_MAX) if len(names) >= min(agents, NAMED_MAX) else ""


def _alike(names: Iterable[str]) -> list[str]:
    """StartVMCmd × 12, the most frequent first."""
    counted = Counter(names).most_common()
    return [name if n == 1 else _("%(name)s × %(n)s") % {"name": name, "n": figure(n)} for name, n in counted]


def _window_after(run: Run) -> str:
    if run.forced:
        return _("then on to Maintenance, forced: jobs left are cut off")
    return _("then back to Up by itself; nothing is forced")


def _trouble(target: Target) -> str:
    if target.state in TARGET_ENDED:
        return ""
    if target.failing:
        return _("It goes back to Up first and then counts as failed: %(why)s") % {"why": target.failing}
    if target.cancelling:
        return _("Stopped by a person: it goes back to Up first.")
    return ""


def moment(text: object) -> datetime | None:
    """What RFC 3339 says; None where it is nothing of the kind."""
    try:
        return datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
