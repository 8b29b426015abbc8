"""The pit lane: a host's stages in a row; the line leaves the track while the host is out of service and comes back."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from dashboard.screens.marks import Mark, mark
from dashboard.screens.runs.usual import Ends, host_ends, late_after_s, usual_ranges
from dashboard.screens.words import duration
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import STATE_DURING, RunKind, Stage, StepState, TargetState
from maintenance.models import Run, Step, Target


@dataclass(frozen=True, slots=True)
class Stop:
    """One stage on the lane. Of the times, at most one is told: `since` runs, `took` is over, `ends` is expected.
    `is_late`: it took clearly longer than usual."""

    mark: Mark
    word: str
    is_out: bool
    is_current: bool
    since: datetime | None = None
    took: str = ""
    ends: Ends | None = None
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class Lane:
    """`track` and `driven` are SVG paths over seven columns of 100."""

    label: str
    stops: list[Stop]
    track: str
    driven: str
    out_since: datetime | None


_ROLLING = (
    Stage.PREFLIGHT,
    Stage.PRE_MAINTENANCE,
    Stage.DRAIN,
    Stage.MAINTENANCE,
    Stage.RETURN,
    Stage.POST_MAINTENANCE,
)
_OUT = frozenset({Stage.DRAIN, Stage.MAINTENANCE, Stage.RETURN})
# From one stage's place to the next: two on the track, three out of service, two on the track.
_PIECES = ("M50 45", "H150", "C200 45 200 13 250 13", "H350", "H450", "C500 13 500 45 550 45", "H650")
_PLACES = {state: place for place, state in enumerate(STATE_DURING[stage] for stage in _ROLLING)} | {
    TargetState.IN_MAINTENANCE: 3,
    TargetState.DONE: 6,
}


def lane(run: Run, target: Target, steps: dict[str, Step]) -> Lane:
    """`steps`: the newest step of each stage of this attempt."""
    place = _place(target, steps)
    current = next((s for s in steps.values() if s.state != StepState.ENDED), None)
    stops = [
        _stop(run, target, stage, number, place, steps.get(stage)) for number, stage in enumerate(_ROLLING)
    ]
    done = Stop(
        mark(TargetState.DONE if place == 6 else TargetState.WAITING),
        mark(TargetState.DONE).word,
        False,
        False,
        ends=None if run.kind == RunKind.HOST else host_ends(current),
    )
    return Lane(
        label=_("Stages of %(host)s") % {"host": target.name},
        stops=[*stops, done],
        track=" ".join(_PIECES),
        driven=" ".join(_PIECES[: place + 1]),
        out_since=target.out_at if target.out_at and not target.back_at else None,
    )


def _place(target: Target, steps: dict[str, Step]) -> int:
    if target.state in _PLACES:
        return _PLACES[TargetState(target.state)]
    reached = [number for number, stage in enumerate(_ROLLING) if stage in steps]
    return max(reached, default=0)


def _stop(run: Run, target: Target, stage: Stage, number: int, place: int, step: Step | None) -> Stop:
    word = mark(STATE_DURING[stage]).word
    is_current = number == place and target.state in _PLACES
    if is_current:
        drawn = mark(target.state)
        since = step.started if step and step.state != StepState.ENDED else target.out_at
        held = _("held") if target.state == TargetState.IN_MAINTENANCE else ""
        return Stop(drawn, drawn.word, stage in _OUT, True, since=None if held else since, took=held)
    if step is not None and step.state == StepState.ENDED:
        return Stop(_ended(step), word, stage in _OUT, False, took=_took(step), is_late=_was_late(step))
    if not_run := _by_hand(run, stage):
        return Stop(mark(TargetState.SKIPPED), word, False, False, took=not_run)
    if number < place:
        return Stop(mark(TargetState.DONE), word, stage in _OUT, False)
    usual = usual_ranges().get(stage)
    return Stop(
        mark(TargetState.WAITING),
        word,
        stage in _OUT,
        False,
        took=_("usually %(range)s") % {"range": usual} if usual else "",
    )


def _by_hand(run: Run, stage: Stage) -> str:
    """One host by hand runs no scripts."""
    return _("not by hand") if run.kind == RunKind.HOST and stage not in _OUT else ""


def _ended(step: Step) -> Mark:
    match step.outcome:
        case Outcome.OK:
            return mark(TargetState.DONE)
        case Outcome.NOT_NEEDED:
            return mark(TargetState.SKIPPED)
        case Outcome.UNKNOWN:
            return mark("?")
        case _:
            return mark(TargetState.FAILED)


def _took(step: Step) -> str:
    if step.outcome == Outcome.NOT_NEEDED:
        return _("not needed")
    if step.detail == "no script":
        return _("no script")
    if step.started is None or step.finished is None:
        return ""
    return duration((step.finished - step.started).total_seconds())


def _was_late(step: Step) -> bool:
    late_s = late_after_s(usual_ranges().get(step.stage))
    took = (step.finished - step.started).total_seconds() if step.started and step.finished else 0
    return bool(late_s) and took > late_s


def newest_steps(target: Target) -> dict[str, Step]:
    """The newest step of each stage of the host's present attempt; PreFlight may be of an earlier one."""
    return newest_steps_of([target]).get(target.id, {})


def newest_steps_of(targets: Iterable[Target]) -> dict[UUID, dict[str, Step]]:
    """The same for several hosts, by target."""
    attempts = {target.id: target.attempt for target in targets}
    found: dict[UUID, dict[str, Step]] = {}
    for step in Step.objects.filter(target__in=attempts).order_by("attempt", "round"):
        if step.attempt == attempts[step.target_id] or step.stage == Stage.PREFLIGHT:
            found.setdefault(step.target_id, {})[step.stage] = step
    return found
