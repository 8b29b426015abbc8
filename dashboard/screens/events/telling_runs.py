"""What runs, their hosts or management servers, and their steps did, in words."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from dashboard.screens.events.telling_words import Told, data, host_of, named, run_of, sentence, whole_number
from dashboard.screens.marks import UNKNOWN, mark
from dashboard.screens.patch_run.words import stage_word as patch_word
from dashboard.screens.server_run.words import stage_word
from dashboard.screens.words import count, figure
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import PATCH_STAGES, ROUTER_STAGES, SERVER_STAGES, RunKind
from maintenance.models import FeedEvent

TOLD_OF_RUNS = frozenset({"run", "target", "step"})
ON_THE_WAY = frozenset({"Ready", "Waiting", "Checking", "Draining"})  # other events tell these better
GOOD = frozenset({Outcome.OK, Outcome.NOT_NEEDED})  # the host's next state tells it

# What a run is over, as its first event counts it and as words.count knows it.
_OVER = (("system_vms", "system VM"), ("servers", "server"), ("hosts", "host"))

type Values = Mapping[str, Any]


def tell_of_run(event: FeedEvent) -> Told:
    about, before, after = event.object, event.before or {}, event.after or {}
    match event.kind.partition(".")[0]:
        case "run":
            return _run(event, about, before, after)
        case "target":
            return _target(event, about, before, after)
        case _:
            return _step(event, about, after)


def _run(event: FeedEvent, about: Values, before: Values, after: Values) -> Told:
    run = run_of(about)
    if event.kind == "run.created":
        over = next((one for one in _OVER if one[0] in after), ("hosts", "host"))
        hosts = count(whole_number(after, over[0]), over[1])
        text = _("%(run)s was started by %(who)s, %(hosts)s")
        if about.get("kind") == RunKind.LIVE_PATCH:
            text = _("%(run)s, a live patch, was started by %(who)s, %(hosts)s")
        if about.get("kind") == RunKind.ROUTER_RESTART:
            text = _("%(run)s, a restart of routers, was started by %(who)s, %(hosts)s")
        return Told(event.at, mark("Waiting"), sentence(text, run=run, who=named(event.actor), hosts=hosts))
    if event.kind == "run.pausing":
        says = sentence(_("%(run)s is pausing"), run=run)
        return Told(event.at, mark("Paused"), says, str(after.get("message", "")))
    state = str(after.get("state", ""))
    texts = {
        "Queued": _("%(run)s waits for an engine"),
        "Running": _("%(run)s is running"),
        "Paused": _("%(run)s is paused"),
        "Stopping": _("%(run)s is stopping"),
        "Succeeded": _("%(run)s is done"),
        "Failed": _("%(run)s failed"),
        "Cancelled": _("%(run)s was stopped"),
    }
    details = str(after.get("details", ""))
    is_news = before.get("state") != state
    if not is_news and before.get("pausing") and not after.get("pausing"):
        return Told(event.at, mark(state), sentence(_("%(run)s goes on"), run=run), details, is_news=False)
    says = sentence(texts.get(state, _("%(run)s has changed")), run=run)
    return Told(event.at, mark(state), says, "" if details == "OK" else details, is_news)


def _target(event: FeedEvent, about: Values, before: Values, after: Values) -> Told:
    state, host = str(after.get("state", "")), host_of(about)
    texts = _target_texts(about)
    says = sentence(texts.get(state, _("%(host)s has changed")), host=host)
    is_news = before.get("state") != state and state not in ON_THE_WAY
    return Told(event.at, mark(state), says, str(after.get("detail", "")), is_news)


def _target_texts(about: Values) -> dict[str, str]:
    if about.get("kind") == RunKind.ROUTER_RESTART:
        return _vm_texts() | _router_texts()
    return _vm_texts() if "system_vm" in about else _server_texts() if "server" in about else _host_texts()


def _host_texts() -> dict[str, str]:
    """Of a host in a run."""
    return {
        "Waiting": _("%(host)s waits for its turn"),
        "Ready": _("%(host)s is ready"),
        "Checking": _("%(host)s is being checked"),
        "Preparing": _("%(host)s is being prepared"),
        "Draining": _("%(host)s is being emptied"),
        "Working": _("%(host)s is in maintenance"),
        "InMaintenance": _("%(host)s is in maintenance and held there"),
        "Returning": _("%(host)s is on its way back"),
        "Verifying": _("%(host)s is being verified"),
        "Done": _("%(host)s is done"),
        "Skipped": _("%(host)s was skipped"),
        "Failed": _("%(host)s failed"),
        "Cancelled": _("%(host)s was cancelled"),
        "NeedsPerson": _("%(host)s needs a person"),
    }


def _vm_texts() -> dict[str, str]:
    """Of a system VM in a live patch: %(host)s is its name."""
    return {
        "Waiting": _("%(host)s waits for its turn"),
        "Preparing": _("%(host)s: its update is copied, what it runs is saved"),
        "Working": _("%(host)s: the update is applied, its services restart"),
        "Returning": _("%(host)s goes back to its previous version"),
        "Verifying": _("%(host)s is being verified"),
        "Done": _("%(host)s is patched"),
        "Skipped": _("%(host)s was skipped"),
        "Failed": _("%(host)s could not be patched"),
        "Cancelled": _("%(host)s was cancelled"),
        "NeedsPerson": _("%(host)s needs a person"),
    }


def _router_texts() -> dict[str, str]:
    """Of a router that is restarted, where it is not as in a live patch: %(host)s is the old one's name."""
    return {
        "Preparing": _("%(host)s serves while a new router starts"),
        "Working": _("%(host)s is being restarted"),
        "Returning": _("%(host)s goes back to serving"),
        "Done": _("%(host)s was restarted"),
        "Failed": _("%(host)s could not be restarted"),
    }


def _server_texts() -> dict[str, str]:
    """Of a management server in a run: %(host)s is its name."""
    return {
        "Waiting": _("%(host)s waits for its turn"),
        "Draining": _("%(host)s prepares: jobs end, agents leave"),
        "Working": _("%(host)s goes down, or comes back"),
        "InMaintenance": _("%(host)s is out of service and held there"),
        "Returning": _("%(host)s goes back to Up"),
        "Verifying": _("%(host)s is Up again and watched"),
        "Done": _("%(host)s is done"),
        "Skipped": _("%(host)s was skipped"),
        "Failed": _("%(host)s failed"),
        "Cancelled": _("%(host)s was cancelled"),
        "NeedsPerson": _("%(host)s needs a person"),
    }


def _step(event: FeedEvent, about: Values, after: Values) -> Told:
    stage = about.get("stage")
    word = stage_word(str(stage)) if stage in SERVER_STAGES else stage
    if stage in PATCH_STAGES | ROUTER_STAGES:
        word = patch_word(str(stage))
    parts = {"host": host_of(about), "stage": data(word or _("its stage"))}
    match event.kind:
        case "step.moved" if "jobs_left" in after or "agents_left" in after:
            left = {
                "jobs": count(whole_number(after, "jobs_left"), "job"),
                "agents": count(whole_number(after, "agents_left"), "agent"),
            }
            says = sentence(_("%(host)s: %(jobs)s and %(agents)s left"), host=parts["host"], **left)
            return Told(event.at, mark("Running"), says, is_news=False)
        case "step.taken_over":
            says = sentence(_("%(host)s: another engine has taken over %(stage)s"), **parts)
            return Told(event.at, mark("Running"), says)
        case "step.ended":
            return _step_ended(event, parts, str(after.get("outcome", "")), str(after.get("detail", "")))
        case "step.output":
            says = sentence(_("%(host)s: the script of %(stage)s prints"), **parts)
            return Told(event.at, mark("Running"), says, is_news=False)
        case "step.moved" if "moved" in after:
            moved = {
                "n": figure(whole_number(after, "moved")),
                "instances": count(whole_number(after, "total"), "instance"),
            }
            says = sentence(_("%(host)s: %(n)s of %(instances)s moved"), host=parts["host"], **moved)
            return Told(event.at, mark("Running"), says, is_news=False)
        case _:
            says = sentence(_("%(host)s: %(stage)s is on its way"), **parts)
            return Told(event.at, mark("Running"), says, str(after.get("note", "")), is_news=False)


def _step_ended(event: FeedEvent, parts: Values, outcome: str, detail: str) -> Told:
    texts: dict[str, str] = {
        Outcome.OK: _("%(host)s: %(stage)s went well"),
        Outcome.NOT_NEEDED: _("%(host)s: %(stage)s says that nothing is needed"),
        Outcome.FAILED: _("%(host)s: %(stage)s failed"),
        Outcome.TIMED_OUT: _("%(host)s: %(stage)s ran out of time"),
        Outcome.STOPPED: _("%(host)s: %(stage)s was stopped"),
        Outcome.REFUSED: _("%(host)s: %(stage)s was refused"),
        Outcome.UNKNOWN: _("%(host)s: how %(stage)s ended is not known"),
    }
    is_good = outcome in GOOD
    says = sentence(texts.get(outcome, _("%(host)s: %(stage)s has ended")), **parts)
    drawn = mark("Done" if is_good else "Failed") if outcome != Outcome.UNKNOWN else UNKNOWN
    return Told(event.at, drawn, says, detail, is_news=not is_good)
