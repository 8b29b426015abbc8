"""Steering a run: Pause or Resume, Stop, Retry; each says what will happen, or why it cannot be pressed."""

from django.urls import reverse
from django.utils import timezone

from dashboard.screens.actions import Action, for_role
from dashboard.screens.usual import host_ends, usual_ranges
from dashboard.screens.words import count, duration, listing, said
from maintenance.domain.states import (
    RUN_ENDED,
    TARGET_BEGUN,
    TARGET_WAITING,
    RunKind,
    RunState,
    Stage,
    StepState,
    TargetState,
)
from maintenance.domain.steering import legal_run_moves, legal_target_moves
from maintenance.models import Run, Step, Target

NAMED_MAX = 50  # more hosts at work are counted


def run_actions(run: Run, role: str) -> list[Action]:
    """What a person may do to the whole run. None once it is over."""
    if RunState(run.state) in RUN_ENDED:
        return []
    legal = legal_run_moves(RunState(run.state), pausing=run.pausing)
    at_work = list(run.targets.filter(state__in=TARGET_BEGUN).order_by("order")[:NAMED_MAX])
    waiting = run.targets.filter(state__in=TARGET_WAITING).count()
    first = _resume(run, waiting) if "resume" in legal else _pause(run, at_work, legal)
    return for_role([first, _stop(run, at_work, waiting, legal)], role)


def _pause(run: Run, at_work: list[Target], legal: frozenset[str]) -> Action:
    label = (
        "Pause after this host" if len(at_work) == 1 else "Pause after these hosts" if at_work else "Pause"
    )
    if at_work:
        names = listing([said(t.host_name) for t in at_work])
        verb = "finishes and returns" if len(at_work) == 1 else "finish and return"
        says = f"{names} {verb} to service{_about(run)}. Then nothing starts until you resume."
    else:
        says = "No host is out of service. Nothing starts until you resume."
    action = Action(label, "pause", reverse("run-pause", args=[run.id]), says)
    return action if "pause" in legal else action.unless(_why_not_pause(run))


def _why_not_pause(run: Run) -> str:
    if run.state == RunState.QUEUED:
        return "It has not begun: nothing to pause."
    return "It is stopping: there is nothing left to pause."


def _resume(run: Run, waiting: int) -> Action:
    nearest = run.targets.filter(state__in=TARGET_WAITING).order_by("order").first()
    if run.state == RunState.RUNNING:
        says = "Takes the pause back: the next host starts as if you had not asked."
    elif nearest is None:
        says = "No host is waiting: the run ends."
    else:
        says = f"Goes on with {said(nearest.host_name)}; {count(waiting, 'host')} still to do."
    return Action("Resume", "right", reverse("run-resume", args=[run.id]), says, kind="primary")


def _stop(run: Run, at_work: list[Target], waiting: int, legal: frozenset[str]) -> Action:
    untouched = f" {count(waiting, 'host')} stay{'s' if waiting == 1 else ''} untouched." if waiting else ""
    if at_work:
        names = listing([said(t.host_name) for t in at_work])
        is_or_are = "is" if len(at_work) == 1 else "are"
        says = f"Its script is ended and {names} {is_or_are} returned to service first{_about_return()}.{untouched}"
    else:
        says = f"No host is out of service.{untouched}"
    action = Action(
        "Stop now…",
        "stop",
        reverse("run-cancel", args=[run.id]),
        says,
        kind="danger",
        confirm=f"Stop run {run.number} for good",
    )
    return action if "cancel" in legal else action.unless("It is stopping already.")


def _about(run: Run) -> str:
    """How long until those at work are home, where known."""
    steps = Step.objects.filter(run=run, target__state__in=TARGET_BEGUN).exclude(state=StepState.ENDED)
    ends = [found.high for step in steps[:NAMED_MAX] if (found := host_ends(step)) is not None]
    if not ends:
        return ""
    return f", about {duration((max(ends) - timezone.now()).total_seconds())}"


def _about_return() -> str:
    usual = usual_ranges().get(Stage.RETURN)
    return f", usually {usual}" if usual else ""


def target_actions(run: Run, target: Target, role: str) -> list[Action]:
    """What a person may do to one host of the run now; only what is legal is offered."""
    legal = legal_target_moves(RunState(run.state), TargetState(target.state))
    if run.kind == RunKind.HOST:
        legal -= {"skip"}
    name = said(target.host_name)
    found = []
    if "retry" in legal:
        where = "from PreMaintenance" if target.back_at or not target.out_at else "from the stage that failed"
        says = f"{name} goes its way again, {where}, and the run goes on."
        found.append(
            Action(f"Retry {name}", "refresh", reverse("run-host-retry", args=[run.id, target.host_id]), says)
        )
    if "skip" in legal:
        if target.state == TargetState.FAILED:
            says = f"{name} counts as skipped and is left as it is. Then resume to go on."
        else:
            says = f"{name} stays in service and is not worked on in this run."
        found.append(
            Action(f"Skip {name}", "arrow", reverse("run-host-skip", args=[run.id, target.host_id]), says)
        )
    return for_role(found, role)
