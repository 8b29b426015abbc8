"""Steering a run: Pause or Resume, Stop, Retry; each says what will happen, or why it cannot be pressed."""

from collections.abc import Sequence
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from dashboard.screens.actions import Action, for_role
from dashboard.screens.usual import host_ends, knows_the_rest, usual_ranges
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

OUT_STATES = frozenset(
    {TargetState.DRAINING, TargetState.WORKING, TargetState.IN_MAINTENANCE, TargetState.RETURNING}
)
NAMED_MAX = 50  # more hosts at work are counted


def run_actions(run: Run, role: str) -> list[Action]:
    """What a person may do to the whole run. None once it is over."""
    if RunState(run.state) in RUN_ENDED:
        return []
    legal = legal_run_moves(RunState(run.state), pausing=run.pausing, kind=run.kind)
    if run.kind == RunKind.HOST:
        return for_role(_by_hand(run, legal), role)
    at_work = list(run.targets.filter(state__in=TARGET_BEGUN).order_by("order")[:NAMED_MAX])
    waiting = run.targets.filter(state__in=TARGET_WAITING).count()
    first = _resume(run, waiting) if "resume" in legal else _pause(run, at_work, legal)
    return for_role([first, _stop(run, at_work, waiting, legal)], role)


def return_action(host_id: UUID, name: str) -> Action:
    says = f"{said(name)} goes back into service; it counts as out until it is seen Up and Enabled."
    return Action("Return to service", "refresh", reverse("host-return", args=[host_id]), says)


def _by_hand(run: Run, legal: frozenset[str]) -> list[Action]:
    """One host that a person took out: back into service, or the whole matter stopped."""
    found = []
    target = run.targets.first()
    if target is not None and target.state == TargetState.IN_MAINTENANCE:
        found.append(return_action(target.host_id, target.host_name))
    if target is None:
        becomes = "No host is out of service"
    elif _is_out(target):
        becomes = f"{said(target.host_name)} is returned to service"
    else:
        becomes = f"{said(target.host_name)} stays in service"
    return [*found, _stop_action(run, f"{becomes}; the run counts as cancelled.", legal)]


def _is_out(target: Target) -> bool:
    return target.out_at is not None and target.back_at is None and target.state in OUT_STATES


def _pause(run: Run, at_work: list[Target], legal: frozenset[str]) -> Action:
    label = (
        "Pause after this host" if len(at_work) == 1 else "Pause after these hosts" if at_work else "Pause"
    )
    if at_work:
        says = f"{_finish_words(at_work)}{_about(run, at_work)}. Then nothing starts until you resume."
    else:
        says = "No host is out of service. Nothing starts until you resume."
    action = Action(label, "pause", reverse("run-pause", args=[run.id]), says)
    return action if "pause" in legal else action.unless(_why_not_pause(run))


def _finish_words(at_work: list[Target]) -> str:
    """What those at work still do before the pause; some are out of service, some are not."""
    out = [said(t.host_name) for t in at_work if _is_out(t)]
    inside = [said(t.host_name) for t in at_work if not _is_out(t)]
    found = []
    if out:
        found.append(f"{listing(out)} {_s(out, 'finishes and returns', 'finish and return')} to service")
    if inside:
        verb = _s(inside, "is in service and finishes its way", "are in service and finish their way")
        found.append(f"{listing(inside)} {verb}")
    return "; ".join(found)


def _s(names: Sequence[str], one: str, many: str) -> str:
    return one if len(names) == 1 else many


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
    return _stop_action(run, f"{_end_words(at_work)}{untouched}", legal)


def _end_words(at_work: list[Target]) -> str:
    """What becomes of those at work when the run is stopped: who is out comes back, who is in service stays."""
    if not at_work:
        return "No host is out of service."
    out = [t for t in at_work if _is_out(t)]
    inside = [said(t.host_name) for t in at_work if not _is_out(t)]
    found = []
    if out:
        names = [said(t.host_name) for t in out]
        has_script = any(t.state == TargetState.WORKING for t in out)
        script = _s(names, "Its script is ended and ", "Their scripts are ended and ") if has_script else ""
        found.append(
            f"{script}{listing(names)} {_s(names, 'is', 'are')} returned to service first{_about_return()}."
        )
    if inside:
        script = _s(inside, "Its script is ended", "Their scripts are ended")
        stay = _s(inside, "is in service and stays there", "are in service and stay there")
        words = f"{listing(inside)} {stay}"
        found.append(f"{words}; {script[0].lower()}{script[1:]}." if out else f"{script}; {words}.")
    return " ".join(found)


def _stop_action(run: Run, says: str, legal: frozenset[str]) -> Action:
    action = Action(
        "Stop now…",
        "stop",
        reverse("run-cancel", args=[run.id]),
        says,
        kind="danger",
        confirm=f"Stop run {run.number} for good",
    )
    return action if "cancel" in legal else action.unless("It is stopping already.")


def _about(run: Run, at_work: list[Target]) -> str:
    """How long until those at work are at their end, where the usual times of all stages before them are known."""
    steps = list(Step.objects.filter(run=run, target__in=at_work).exclude(state=StepState.ENDED))
    ends = [found.high for step in steps if knows_the_rest(step) and (found := host_ends(step)) is not None]
    if len(ends) < len(at_work):
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
