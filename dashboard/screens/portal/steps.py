"""The steps of an update, or of a router's restart, in a tenant's words: done, at work, still to come."""

from collections.abc import Mapping

from django.utils.translation import gettext as _

from dashboard.screens.marks import Mark, moving
from dashboard.screens.portal.shapes import Dot
from dashboard.screens.runs.usual import usual_ranges
from dashboard.screens.words import duration
from dashboard.templatetags.pitstop import elapsed
from maintenance.domain.outcomes import Outcome
from maintenance.domain.router_restart import RestartWay
from maintenance.domain.states import RunKind, Stage, StepState
from maintenance.models import Run, Step

WAITING = Mark("Waiting", "", "waiting")
WAY_BACK = (Stage.PATCH_ROLL_BACK, Stage.ROUTER_SWITCH_BACK)
_DONE = Mark("Done", "", "done")
_FAILED = Mark("Failed", "", "failed")

type Steps = Mapping[str, Step]  # of one router's newest attempt, by stage


def dots_of(run: Run, steps: Steps) -> list[Dot]:
    """Each step of the way, and the way back where it is gone; between two of them the next one is due."""
    found = [_dot(steps, stages, doing, done) for stages, doing, done in _way(run)]
    if is_going_back(steps):
        return [dot for dot in found if dot.mark is not WAITING] + [_back(run, steps)]
    if not any(dot.is_current for dot in found):
        next_one = next((n for n, dot in enumerate(found) if dot.mark is WAITING), None)
        if next_one is not None:
            found[next_one] = Dot(moving(""), found[next_one].text, "", is_current=True)
    return found


def is_going_back(steps: Steps) -> bool:
    """Whether what was before is being put back."""
    return any(stage in steps for stage in WAY_BACK)


type _Line = tuple[tuple[Stage, ...], str, str]  # stages, while they are done, and afterwards


def _way(run: Run) -> list[_Line]:
    if run.kind == RunKind.LIVE_PATCH:
        return _patch()
    if run.way == RestartWay.REAPPLY:
        return [((Stage.ROUTER_REAPPLY,), _("Setting your rules again"), _("Your rules are set again"))]
    return _restart(run)


def _patch() -> list[_Line]:
    return [
        ((Stage.PATCH_COPY,), _("Copying the new software"), _("New software copied")),
        ((Stage.PATCH_BACK_UP,), _("Preparing the way back"), _("Way back prepared")),
        ((Stage.PATCH_APPLY,), _("Putting the new software in place"), _("New software in place")),
        ((Stage.PATCH_RESTART,), _("Restarting services"), _("Services restarted")),
        (
            (Stage.PATCH_VERIFY, Stage.PATCH_RULES),
            _("Checking that everything answers"),
            _("Everything answers"),
        ),
    ]


def _restart(run: Run) -> list[_Line]:
    found: list[_Line] = [
        ((Stage.ROUTER_START,), _("Starting a new router beside the old one"), _("The new router runs")),
        ((Stage.ROUTER_SWITCH,), _("Handing your traffic over to it"), _("Your traffic goes through it")),
        ((Stage.ROUTER_VERIFY,), _("Checking that everything answers"), _("Everything answers")),
    ]
    if run.way == RestartWay.SERIAL:
        stop = (Stage.ROUTER_STOP,), _("Stopping the old router"), _("The old router is stopped")
        start = (Stage.ROUTER_START,), _("Starting a new router"), _("The new router runs")
        found[:1] = [stop, start]
    if run.makes_redundant:
        add = (Stage.ROUTER_ADD_BACKUP,), _("Adding a second router"), _("A second router stands by")
        found.append(add)
    return found


def _back(run: Run, steps: Steps) -> Dot:
    if run.kind == RunKind.LIVE_PATCH:
        doing, done = _("Putting the previous version back"), _("The previous version is back")
        return _dot(steps, (Stage.PATCH_ROLL_BACK,), doing, done)
    doing, done = _("Going back to the previous router"), _("The previous router serves")
    return _dot(steps, (Stage.ROUTER_SWITCH_BACK,), doing, done)


def _dot(steps: Steps, stages: tuple[Stage, ...], doing: str, done: str) -> Dot:
    here = [steps[stage] for stage in stages if stage in steps]
    if not here:
        usual = usual_ranges().get(stages[0])
        return Dot(WAITING, doing, str(usual) if usual is not None else "")
    ended = [step for step in here if step.state == StepState.ENDED]
    bad = next((step for step in ended if step.outcome != Outcome.OK), None)
    if bad is not None:
        return Dot(_FAILED, doing, _took(bad))
    if len(ended) == len(stages):
        return Dot(_DONE, done, _took(*ended))
    return Dot(moving(""), doing, elapsed(here[0].started) if here[0].started else "", is_current=True)


def _took(*steps: Step) -> str:
    spans = [
        (step.finished - step.started).total_seconds() for step in steps if step.started and step.finished
    ]
    return duration(sum(spans)) if spans else ""
