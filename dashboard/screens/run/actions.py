"""Steering a run: Pause or Resume, Stop, Retry; each says what will happen, or why it cannot be pressed."""

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.actions import Action, for_role
from dashboard.screens.run.consequences import end_words, finish_words, is_out, stuck_words
from dashboard.screens.words import count, listing, said
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

NAMED_MAX = 50  # more hosts at work are counted
FAILED_NAMED_MAX = 5


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
    return for_role([first, _stop(run, at_work, waiting, legal), *_retry_a_host(run)], role)


def return_action(host_id: UUID, name: str) -> Action:
    says = _("%(host)s goes back into service; it counts as out until it is seen Up and Enabled.")
    return Action(
        _("Return to service"), "refresh", reverse("host-return", args=[host_id]), says % {"host": said(name)}
    )


def _by_hand(run: Run, legal: frozenset[str]) -> list[Action]:
    """One host that a person took out: back into service, or the whole matter stopped."""
    found = []
    target = run.targets.first()
    if target is not None and target.state == TargetState.IN_MAINTENANCE:
        found.append(return_action(target.host_id, target.host_name))
    if target is None:
        says = _("No host is out of service; the run counts as cancelled.")
    elif is_out(target):
        says = _("%(host)s is returned to service; the run counts as cancelled.")
    else:
        says = _("%(host)s stays in service; the run counts as cancelled.")
    return [*found, _stop_action(run, says % {"host": said(target.host_name) if target else ""}, legal)]


def _pause(run: Run, at_work: list[Target], legal: frozenset[str]) -> Action:
    if len(at_work) > 1:
        label = _("Pause after these %(hosts)s") % {"hosts": count(len(at_work), "host")}
    else:
        label = _("Pause after this host") if at_work else _("Pause")
    if at_work:
        says = _("%(what)s. Then nothing starts until you resume.") % {"what": finish_words(run, at_work)}
    else:
        says = _("No host is out of service. Nothing starts until you resume.")
    action = Action(label, "pause", reverse("run-pause", args=[run.id]), says)
    return action if "pause" in legal else action.unless(_why_not_pause(run))


def _why_not_pause(run: Run) -> str:
    if run.state == RunState.QUEUED:
        return _("It has not begun: nothing to pause.")
    return _("It is stopping: there is nothing left to pause.")


def _resume(run: Run, waiting: int) -> Action:
    nearest = run.targets.filter(state__in=TARGET_WAITING).order_by("order").first()
    if run.state == RunState.RUNNING:
        says = _("Takes the pause back: the next host starts as if you had not asked.")
    elif nearest is None:
        says = _("No host is waiting: the run ends.")
    else:
        says = _("Goes on with %(host)s; %(hosts)s still to do.")
        says %= {"host": said(nearest.host_name), "hosts": count(waiting, "host")}
    says = " ".join(part for part in (says, stuck_words(run), _failed_words(run)) if part)
    return Action(_("Resume"), "right", reverse("run-resume", args=[run.id]), says, kind="primary")


def _failed_words(run: Run) -> str:
    """What resuming leaves behind: nobody should learn it from the report."""
    failed = run.targets.filter(state=TargetState.FAILED).order_by("order")
    names = [said(target.host_name) for target in failed[:FAILED_NAMED_MAX]]
    if not names:
        return ""
    words = ngettext(
        "%(hosts)s is left as failed, and so the run ends as failed.",
        "%(hosts)s are left as failed, and so the run ends as failed.",
        len(names),
    )
    return words % {"hosts": listing(names)}


def _stop(run: Run, at_work: list[Target], waiting: int, legal: frozenset[str]) -> Action:
    stuck = stuck_words(run)
    says = " ".join(part for part in (end_words(at_work) if at_work or not stuck else "", stuck) if part)
    if waiting:
        untouched = ngettext("%(hosts)s stays untouched.", "%(hosts)s stay untouched.", waiting)
        says = f"{says} {untouched % {'hosts': count(waiting, 'host')}}"
    return _stop_action(run, says, legal)


def _stop_action(run: Run, says: str, legal: frozenset[str]) -> Action:
    action = Action(
        _("Stop now…"),
        "stop",
        reverse("run-cancel", args=[run.id]),
        says,
        kind="danger",
        confirm=_("Stop run %(number)s for good") % {"number": run.number},
    )
    return action if "cancel" in legal else action.unless(_("It is stopping already."))


def _retry_a_host(run: Run) -> list[Action]:
    """What failed is retried beside its cause; here stands why nothing can be, or not yet. None where it can."""
    failed = run.targets.filter(state__in=[TargetState.FAILED, TargetState.NEEDS_PERSON]).order_by("order")
    first = failed.first()
    action = Action(_("Retry a host"), "refresh", "", "")
    if first is None:
        return [action.unless(_("Nothing to retry: no host has failed."))]
    if run.state == RunState.PAUSED:
        return []
    if run.state == RunState.STOPPING:
        return [action.unless(_("The run is stopping: what failed stays as it is."))]
    says = _("%(host)s can be tried again while the run is paused.") % {"host": said(first.host_name)}
    return [action.unless(says)]


def target_actions(run: Run, target: Target, role: str) -> list[Action]:
    """What a person may do to one host of the run now; only what is legal is offered."""
    legal = legal_target_moves(RunState(run.state), TargetState(target.state))
    if run.kind == RunKind.HOST:
        legal -= {"skip"}
    name = {"host": said(target.host_name)}
    found = []
    if "retry" in legal:
        if target.back_at or not target.out_at:
            says = _("%(host)s goes its way again, from PreMaintenance, and the run goes on.")
        else:
            says = _("%(host)s goes its way again, from the stage that failed, and the run goes on.")
        url = reverse("run-host-retry", args=[run.id, target.host_id])
        found.append(Action(_("Retry %(host)s") % name, "refresh", url, says % name))
    if "skip" in legal:
        if target.state == TargetState.FAILED:
            says = _("%(host)s counts as skipped and is left as it is. Then resume to go on.")
        else:
            says = _("%(host)s stays in service and is not worked on in this run.")
        url = reverse("run-host-skip", args=[run.id, target.host_id])
        found.append(Action(_("Skip %(host)s") % name, "arrow", url, says % name))
    return for_role(found, role)
