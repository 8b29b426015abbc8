"""Steering a run: Pause or Resume, Stop, Retry; each says what will happen, or why it cannot be pressed."""

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.actions import Action, for_role
from dashboard.screens.run.consequences import (
    end_words,
    finish_words,
    is_out,
    stuck_words,
)
from dashboard.screens.run.resumed import goes_on_words
from dashboard.screens.words import count, listing, said
from maintenance.domain.gate import MAINTENANCE_STATES
from maintenance.domain.states import (
    RUN_ENDED,
    TARGET_BEGUN,
    TARGET_WAITING,
    OnFailure,
    RunKind,
    RunState,
    TargetState,
)
from maintenance.domain.steering import legal_run_moves, legal_target_moves
from maintenance.models import Host, Run, Target

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
    stuck = stuck_words(run)
    first = _resume(run, waiting, stuck) if "resume" in legal else _pause(run, at_work, stuck, legal)
    return for_role([first, _stop(run, at_work, waiting, stuck, legal), *_retry_a_host(run)], role)


def return_action(host_id: UUID, name: str) -> Action:
    says = _("%(host)s goes back into service; it counts as out until it is seen Up and Enabled.")
    return Action(
        _("Return to service"), "refresh", reverse("host-return", args=[host_id]), says % {"host": said(name)}
    )


def after_flagged_words(run: Run) -> str:
    """A flagged host that is returned counts as failed: what that does to its run."""
    numbered = {"number": run.number}
    match RunState(run.state), run.on_failure:
        case RunState.PAUSED, _any:
            return _("Then it counts as failed, and run %(number)s stays paused.") % numbered
        case RunState.RUNNING, OnFailure.PAUSE if run.kind == RunKind.ROLLING:
            return _("Then it counts as failed, and run %(number)s pauses for you to decide.") % numbered
        case RunState.RUNNING, OnFailure.STOP if run.kind == RunKind.ROLLING:
            return _("Then it counts as failed, and run %(number)s stops.") % numbered
        case _:
            return _("Then it counts as failed.")


def _by_hand(run: Run, legal: frozenset[str]) -> list[Action]:
    """One host that a person took out: back into service, or the whole matter stopped."""
    found = []
    target = run.targets.first()
    if target is not None and target.state == TargetState.IN_MAINTENANCE:
        found.append(return_action(target.host_key, target.name))
    if target is None:
        says = _("No host is out of service; the run counts as cancelled.")
    elif is_out(target):
        says = _("%(host)s is returned to service; the run counts as cancelled.")
    else:
        says = _("%(host)s stays in service; the run counts as cancelled.")
    return [*found, _stop_action(run, says % {"host": said(target.name) if target else ""}, legal)]


def _pause(run: Run, at_work: list[Target], stuck: str, legal: frozenset[str]) -> Action:
    if len(at_work) > 1:
        label = _("Pause after these %(hosts)s") % {"hosts": count(len(at_work), "host")}
    else:
        label = _("Pause after this host") if at_work else _("Pause")
    if at_work:
        says = _("%(what)s. Then nothing starts until you resume.") % {"what": finish_words(run, at_work)}
        says = " ".join(part for part in (says, stuck) if part)
    elif stuck:
        says = f"{stuck} {_('Nothing starts until you resume.')}"
    else:
        says = _("No host is out of service. Nothing starts until you resume.")
    action = Action(label, "pause", reverse("run-pause", args=[run.id]), says)
    return action if "pause" in legal else action.unless(_why_not_pause(run))


def _why_not_pause(run: Run) -> str:
    if run.state == RunState.QUEUED:
        return _("It has not begun: nothing to pause.")
    return _("It is stopping: there is nothing left to pause.")


def _resume(run: Run, waiting: int, stuck: str) -> Action:
    if run.state == RunState.RUNNING:
        says = _("Takes the pause back: the next host starts as if you had not asked.")
    elif not waiting:
        says = _("No host is waiting: the run ends.")
    else:
        says = goes_on_words(run, waiting)
    says = " ".join(part for part in (says, stuck, _failed_words(run)) if part)
    return Action(_("Resume"), "right", reverse("run-resume", args=[run.id]), says, kind="primary")


def _failed_words(run: Run) -> str:
    """What resuming leaves behind: nobody should learn it from the report."""
    failed = run.targets.filter(state=TargetState.FAILED).order_by("order")
    names = [said(target.name) for target in failed[:FAILED_NAMED_MAX]]
    if not names:
        return ""
    words = ngettext(
        "%(hosts)s is left as failed, and so the run ends as failed.",
        "%(hosts)s are left as failed, and so the run ends as failed.",
        len(names),
    )
    return words % {"hosts": listing(names)}


def _stop(run: Run, at_work: list[Target], waiting: int, stuck: str, legal: frozenset[str]) -> Action:
    says = " ".join(part for part in (end_words(run, at_work) if at_work or not stuck else "", stuck) if part)
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
    says = _("%(host)s can be tried again while the run is paused.") % {"host": said(first.name)}
    return [action.unless(says)]


def target_actions(run: Run, target: Target, role: str) -> list[Action]:
    """What a person may do to one host of the run now; only what is legal is offered."""
    legal = legal_target_moves(RunState(run.state), TargetState(target.state))
    if run.kind == RunKind.HOST:
        legal -= {"skip"}
    name = {"host": said(target.name)}
    found = []
    if "retry" in legal:
        if target.back_at or not target.out_at:
            says = _("The run is resumed, and %(host)s takes its turn again, from PreMaintenance.")
        else:
            says = _("The run is resumed, and %(host)s goes its way again, from the stage that failed.")
        url = reverse("run-host-retry", args=[run.id, target.host_id])
        found.append(Action(_("Retry %(host)s") % name, "refresh", url, says % name))
    if "skip" in legal:
        if target.state == TargetState.FAILED:
            says = _("%(host)s counts as skipped and is left as it is. Then resume to go on.")
        else:
            says = _skip_words(target)
        url = reverse("run-host-skip", args=[run.id, target.host_id])
        found.append(Action(_("Skip %(host)s") % name, "arrow", url, says % name))
    return for_role(found, role)


def _skip_words(target: Target) -> str:
    """Of a host whose turn has not come; it may be out of service by others all the same."""
    try:
        host = target.host
    except Host.DoesNotExist:
        return _("%(host)s is left as it is and is not worked on in this run.")
    if host is not None and host.is_in_service():
        return _("%(host)s stays in service and is not worked on in this run.")
    if host is not None and host.gone_at is None and host.resource_state in MAINTENANCE_STATES:
        words = _("%%(host)s is left as it is, in %(state)s and not by this run, and is not worked on.")
        return words % {"state": host.resource_state}
    return _("%(host)s is left as it is and is not worked on in this run.")
