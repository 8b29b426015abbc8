"""Steering a run over management servers: each button says what will happen, or why it cannot be pressed."""

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.actions import Action, for_role
from dashboard.screens.server_run.words import stage_word
from dashboard.screens.words import count, listing, said
from maintenance.actions.steer import server_tried_from
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

FAILED_NAMED_MAX = 5


def server_run_actions(run: Run, role: str) -> list[Action]:
    """What a person may do to the whole run. None once it is over."""
    if RunState(run.state) in RUN_ENDED:
        return []
    legal = legal_run_moves(RunState(run.state), pausing=run.pausing, kind=run.kind)
    at_work = run.targets.filter(state__in=TARGET_BEGUN).order_by("order").first()
    if run.kind != RunKind.SERVER_RESTART:
        return for_role([*_held(run, at_work), _stop(run, at_work, 0, legal)], role)
    waiting = run.targets.filter(state__in=TARGET_WAITING).count()
    first = _resume(run, waiting) if "resume" in legal else _pause(run, at_work, waiting, legal)
    return for_role([first, _stop(run, at_work, waiting, legal)], role)


def server_actions(run: Run, target: Target, role: str) -> list[Action]:
    """What a person may do to one server of the run now; only what is legal is offered."""
    legal = legal_target_moves(RunState(run.state), TargetState(target.state))
    if run.kind != RunKind.SERVER_RESTART:
        legal -= {"skip"}
    named = {"server": said(target.name)}
    found = []
    if "retry" in legal:
        says = _("The run is resumed, and %(server)s is tried again: %(from)s.")
        says %= named | {"from": _tried_from(target)}
        url = reverse("run-host-retry", args=[run.id, target.server_key])
        found.append(Action(_("Retry %(server)s") % named, "refresh", url, says))
    if "skip" in legal:
        says = _("%(server)s stays as it is and is not restarted in this run.")
        if target.state == TargetState.FAILED:
            says = _("%(server)s counts as skipped and is left as it is. Then resume to go on.")
        url = reverse("run-host-skip", args=[run.id, target.server_key])
        found.append(Action(_("Skip %(server)s") % named, "arrow", url, says % named))
    return for_role(found, role)


def _tried_from(target: Target) -> str:
    """One in doubt goes on where it stands; one that is Up again begins anew."""
    stage = server_tried_from(target)
    if stage is None:
        return _("from the beginning")
    return _("from “%(stage)s”") % {"stage": stage_word(stage)}


def _held(run: Run, target: Target | None) -> list[Action]:
    """One that is held goes on from its own page, where what must be typed is asked for."""
    if target is None or target.state != TargetState.IN_MAINTENANCE:
        return []
    page, named = reverse("server", args=[target.server_key]), {"server": said(target.name)}
    if run.kind == RunKind.SERVER_SHUTDOWN:
        home = Action(
            _("Cancel the shutdown…"), "refresh", f"{page}?ask=cancelShutdown",
            _("On the page of %(server)s: it takes jobs again.") % named, kind="primary", is_link=True,
        )  # fmt: skip
    else:
        home = Action(
            _("Cancel the maintenance…"), "refresh", f"{page}?ask=cancelMaintenance",
            _("On the page of %(server)s: it is Up again and its agents come home.") % named,
            kind="primary", is_link=True,
        )  # fmt: skip
    down = Action(
        _("Shut it down…"), "stop", f"{page}?ask=triggerShutdown",
        _("On the page of %(server)s: its process ends. It stays down until somebody starts it.") % named,
        is_link=True,
    )  # fmt: skip
    return [home, down]


def _pause(run: Run, at_work: Target | None, waiting: int, legal: frozenset[str]) -> Action:
    label = _("Pause after this server") if at_work else _("Pause")
    if at_work is None:
        says = _("Nothing starts until you resume.")
    else:
        says = _("%(server)s goes its way to the end. Then nothing starts until you resume.")
        says %= {"server": said(at_work.name)}
    if waiting:
        says += " " + _untouched(waiting)
    action = Action(label, "pause", reverse("run-pause", args=[run.id]), says)
    if "pause" in legal:
        return action
    if run.state == RunState.QUEUED:
        return action.unless(_("It has not begun: nothing to pause."))
    return action.unless(_("It is stopping: there is nothing left to pause."))


def _resume(run: Run, waiting: int) -> Action:
    following = run.targets.filter(state__in=TARGET_WAITING).order_by("order").first()
    if run.state == RunState.RUNNING:
        says = _("Takes the pause back: the next server starts as if you had not asked.")
    elif following is None:
        says = _("No server is waiting: the run ends.")
    else:
        says = _("Goes on with %(server)s; %(servers)s still to do.")
        says %= {"server": said(following.name), "servers": count(waiting, "server")}
    says = " ".join(part for part in (says, _left_failed(run)) if part)
    return Action(_("Resume"), "right", reverse("run-resume", args=[run.id]), says, kind="primary")


def _left_failed(run: Run) -> str:
    failed = run.targets.filter(state__in=[TargetState.FAILED, TargetState.NEEDS_PERSON]).order_by("order")
    names = [said(target.name) for target in failed[:FAILED_NAMED_MAX]]
    words = ngettext(
        "%(servers)s is left as it is, and so the run ends as failed.",
        "%(servers)s are left as they are, and so the run ends as failed.",
        len(names),
    )
    return words % {"servers": listing(names)} if names else ""


def _untouched(waiting: int) -> str:
    words = ngettext("%(servers)s stays untouched.", "%(servers)s stay untouched.", waiting)
    return words % {"servers": count(waiting, "server")}


def _stop(run: Run, at_work: Target | None, waiting: int, legal: frozenset[str]) -> Action:
    says = " ".join(
        part for part in (_way_home(run, at_work), _untouched(waiting) if waiting else "") if part
    )
    action = Action(
        _("Stop now…"),
        "stop",
        reverse("run-cancel", args=[run.id]),
        says,
        kind="danger",
        confirm=_("Stop run %(number)s for good") % {"number": run.number},
    )
    return action if "cancel" in legal else action.unless(_("It is stopping already."))


def _way_home(run: Run, target: Target | None) -> str:
    """A server that is down, or going down, is brought back before the run ends. One in doubt is left as it is."""
    doubted = run.targets.filter(state=TargetState.NEEDS_PERSON).first() if target is None else None
    if doubted is not None:
        says = _("%(server)s is left as it is, and needs a person; the run counts as cancelled.")
        return says % {"server": said(doubted.name)}
    if target is None:
        return _("No server is away; the run counts as cancelled.")
    named = {"server": said(target.name)}
    step = Step.objects.filter(target=target).exclude(state=StepState.ENDED).first()
    if step is not None and step.stage in {Stage.SERVER_SHUT_DOWN, Stage.SERVER_COME_BACK}:
        if target.run.kind == RunKind.SERVER_RESTART:
            return (
                _("%(server)s goes down and is brought back to Up first; the run counts as cancelled.")
                % named
            )
        return (
            _("%(server)s cannot be called back any more: it goes down; the run counts as cancelled.") % named
        )
    return _("%(server)s goes back to Up; the run counts as cancelled.") % named
