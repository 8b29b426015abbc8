"""Steering a live patch, or a restart of routers: each button says what will happen, or why it cannot be pressed."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.actions import Action, for_role
from dashboard.screens.runs.name import thing_of
from dashboard.screens.words import count, listing
from maintenance.domain.router_restart import RestartWay
from maintenance.domain.states import (
    RUN_ENDED,
    TARGET_BEGUN,
    TARGET_WAITING,
    RunKind,
    RunState,
    TargetState,
)
from maintenance.domain.steering import legal_run_moves, legal_target_moves
from maintenance.models import Run, Target

NAMED_MAX = 3


def patch_run_actions(run: Run, role: str) -> list[Action]:
    """What a person may do to the whole run. None once it is over."""
    if RunState(run.state) in RUN_ENDED:
        return []
    legal = legal_run_moves(RunState(run.state), pausing=run.pausing, kind=run.kind)
    at_work = list(
        run.targets.filter(state__in=TARGET_BEGUN).order_by("order").values_list("name", flat=True)
    )
    waiting = run.targets.filter(state__in=TARGET_WAITING).count()
    first = _resume(run, waiting) if "resume" in legal else _pause(run, at_work, waiting, legal)
    return for_role([first, _stop(run, at_work, waiting, legal)], role)


def vm_actions(run: Run, target: Target, role: str) -> list[Action]:
    """What a person may do to one VM of the run now; only what is legal is offered."""
    legal = legal_target_moves(RunState(run.state), TargetState(target.state), target.result)
    named = {"vm": target.name}
    found = []
    if "retry" in legal:
        says = _retry_says(run, target)
        url = reverse("run-host-retry", args=[run.id, target.system_vm_key])
        found.append(Action(_("Retry %(vm)s") % named, "refresh", url, says % named))
    if "skip" in legal:
        says = _skip_says(run, target)
        url = reverse("run-host-skip", args=[run.id, target.system_vm_key])
        found.append(Action(_("Skip %(vm)s") % named, "arrow", url, says % named))
    return for_role(found, role)


def _retry_says(run: Run, target: Target) -> str:
    is_flagged = target.state == TargetState.NEEDS_PERSON
    if run.kind == RunKind.ROUTER_RESTART:
        if is_flagged:
            return _("The run is resumed, and it is tried again to have %(vm)s serve as before.")
        if run.way == RestartWay.REAPPLY:
            return _("The run is resumed, and the rules of %(vm)s are applied again.")
        return _("The run is resumed, and a new router for %(vm)s is started, from the first step.")
    if is_flagged:
        return _(
            "The run is resumed, and the rollback of %(vm)s is tried again, from the backup that was made before "
            "anything was changed."
        )
    return _("The run is resumed, and %(vm)s is patched again from the first step.")


def _skip_says(run: Run, target: Target) -> str:
    has_failed = target.state == TargetState.FAILED
    if run.kind == RunKind.ROUTER_RESTART:
        if has_failed:
            return _("What serves now goes on serving; %(vm)s counts as skipped. Then resume to go on.")
        return _("%(vm)s goes on serving as it is, and is not restarted in this run.")
    if has_failed:
        return _("%(vm)s keeps its previous version and counts as skipped. Then resume to go on.")
    return _("%(vm)s keeps the version it has, and is not patched in this run.")


def _pause(run: Run, at_work: list[str], waiting: int, legal: frozenset[str]) -> Action:
    says = _("Nothing starts until you resume.")
    if at_work:
        says = _finished_first(run, at_work)
    if waiting:
        says += " " + _untouched(run, waiting)
    action = Action(_("Pause"), "pause", reverse("run-pause", args=[run.id]), says)
    if "pause" in legal:
        return action
    if run.state == RunState.QUEUED:
        return action.unless(_("It has not begun: nothing to pause."))
    return action.unless(_("It is stopping: there is nothing left to pause."))


def _finished_first(run: Run, at_work: list[str]) -> str:
    words = ngettext(
        "%(vms)s is finished, or rolled back. Then nothing starts until you resume.",
        "%(vms)s are finished, or rolled back. Then nothing starts until you resume.",
        len(at_work),
    )
    if run.kind == RunKind.ROUTER_RESTART:
        words = ngettext(
            "%(vms)s is finished first. Then nothing starts until you resume.",
            "%(vms)s are finished first. Then nothing starts until you resume.",
            len(at_work),
        )
    return words % {"vms": listing(at_work, most=NAMED_MAX)}


def _resume(run: Run, waiting: int) -> Action:
    following = run.targets.filter(state__in=TARGET_WAITING).order_by("order").first()
    if run.state == RunState.RUNNING:
        says = _("Takes the pause back: the next VM starts as if you had not asked.")
    elif following is None:
        says = _("No VM is waiting: the run ends.")
    else:
        says = _("Goes on with %(vm)s; %(vms)s still to do.")
        says %= {"vm": following.name, "vms": count(waiting, thing_of(run))}
    if failed := _left_failed(run):
        says = f"{says} {failed}"
    return Action(_("Resume"), "right", reverse("run-resume", args=[run.id]), says, kind="primary")


def _left_failed(run: Run) -> str:
    failed = run.targets.filter(state__in=[TargetState.FAILED, TargetState.NEEDS_PERSON])
    names = list(failed.order_by("order").values_list("name", flat=True))
    if not names:
        return ""
    return ngettext(
        "%(vms)s is left as it is, and so the run ends as failed.",
        "%(vms)s are left as they are, and so the run ends as failed.",
        len(names),
    ) % {"vms": listing(names, most=NAMED_MAX)}


def _untouched(run: Run, waiting: int) -> str:
    words = ngettext("%(vms)s stays untouched.", "%(vms)s stay untouched.", waiting)
    return words % {"vms": count(waiting, thing_of(run))}


def _stop(run: Run, at_work: list[str], waiting: int, legal: frozenset[str]) -> Action:
    says = _("No VM is at work; the run counts as cancelled.")
    if at_work:
        says = _what_stops(run, at_work)
    if waiting:
        says += " " + _untouched(run, waiting)
    action = Action(
        _("Stop now…"),
        "stop",
        reverse("run-cancel", args=[run.id]),
        says,
        kind="danger",
        confirm=_("Stop run %(number)s for good") % {"number": run.number},
    )
    return action if "cancel" in legal else action.unless(_("It is stopping already."))


def _what_stops(run: Run, at_work: list[str]) -> str:
    words = ngettext(
        "%(vms)s: before anything is changed in it, it is left as it is; after that it is finished or rolled back, "
        "never left in between.",
        "%(vms)s: before anything is changed in one, it is left as it is; after that it is finished or rolled "
        "back, never left in between.",
        len(at_work),
    )
    if run.kind == RunKind.ROUTER_RESTART:
        words = ngettext(
            "%(vms)s: until traffic is switched the new router is removed and this one serves; after that it is "
            "finished.",
            "%(vms)s: until traffic is switched the new router is removed and the old one serves; after that it is "
            "finished.",
            len(at_work),
        )
        if run.way == RestartWay.REAPPLY:
            words = ngettext(
                "%(vms)s: applying its rules is finished.",
                "%(vms)s: applying their rules is finished.",
                len(at_work),
            )
    return words % {"vms": listing(at_work, most=NAMED_MAX)}
