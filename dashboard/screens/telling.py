"""What has happened, as sentences for people: one for each kind of event in the feed, one for each act in the audit.

A sentence is HTML: names are isolated and escaped, things are links. `plain()` is the same without them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import unescape
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.html import conditional_escape, format_html, strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dashboard.screens.feed_head import feed_head
from dashboard.screens.marks import NEEDS_PERSON, UNKNOWN, Mark, mark
from dashboard.screens.words import count, said
from maintenance.domain.outcomes import Outcome
from maintenance.models import FeedEvent

SHOWN_MAX = 8
LOOKED_THROUGH_MAX = 120  # some of these kinds are no news for people after all
LOOKED_BACK_MAX = 5_000  # output and movement lie between

# What the overview tells; the timeline tells everything.
TOLD_KINDS = (
    "run.created",
    "run.state",
    "run.pausing",
    "target.state",
    "step.ended",
    "step.taken_over",
    "host.out",
    "host.back",
    "attention.opened",
    "attention.taken",
    "attention.resolved",
    "cloud.read",
    "server.changed",
    "engine.started",
    "engine.silent",
)
_ON_THE_WAY = frozenset({"Ready", "Waiting", "Checking", "Draining"})  # other events tell these better
_HAPPENED = Mark("Waiting", "", "waiting")


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened. `more` is why, or the detail, as it was written down."""

    at: datetime
    mark: Mark
    says: SafeString
    more: str = ""
    is_news: bool = True  # for the overview


def latest_events() -> list[Told]:
    """The newest news, the latest first."""
    oldest = feed_head() - LOOKED_BACK_MAX
    recent = FeedEvent.objects.filter(seq__gt=oldest, kind__in=TOLD_KINDS).order_by("-seq")
    told = (tell(event) for event in recent[:LOOKED_THROUGH_MAX])
    return [one for one in told if one.is_news][:SHOWN_MAX]


def sentence(template: str, **parts: object) -> SafeString:
    """The translated template with its %(names)s filled in, everything escaped that is not HTML of ours."""
    escaped = {
        name: conditional_escape(part if isinstance(part, SafeString) else str(part))
        for name, part in parts.items()
    }
    return SafeString(conditional_escape(template) % escaped)


def plain(says: SafeString) -> str:
    """The sentence without its HTML, for files."""
    return unescape(strip_tags(says))


def named(name: object) -> SafeString:
    """A name that people or clouds wrote, isolated in its direction."""
    return format_html("<b><bdi>{}</bdi></b>", name)


def linked(name: object, route: str, *ids: object) -> SafeString:
    """The same as a link to its page."""
    return format_html('<b><a href="{}"><bdi>{}</bdi></a></b>', reverse(route, args=ids), name)


def run_of(about: Mapping[str, Any]) -> SafeString:
    """Run 12, as a link."""
    number = about.get("run_number")
    name = _("Run %(number)s") % {"number": number} if number else _("A run")
    return linked(name, "run", about["run"]) if is_id(about.get("run")) else named(name)


def host_of(about: Mapping[str, Any]) -> SafeString:
    """The part of its name that people say, as a link."""
    name = said(str(about.get("host_name") or about.get("name") or "")) or _("A host")
    return linked(name, "host", about["host"]) if is_id(about.get("host")) else named(name)


def is_id(text: object) -> bool:
    try:
        UUID(str(text))
    except ValueError:
        return False
    return True


# ---- the feed: what changed ----------------------------------------------------------------------------------------


def tell(event: FeedEvent) -> Told:
    """The event in words."""
    about, before, after = event.object, event.before or {}, event.after or {}
    kind = event.kind.partition(".")[0]
    match kind:
        case "run":
            return _run(event, about, before, after)
        case "target":
            return _target(event, about, before, after)
        case "step":
            return _step(event, about, after)
        case "host":
            return _host(event, about, before, after)
        case "attention":
            return _attention(event, about, after)
        case "engine":
            return _engine(event, after)
        case _:
            return _cloud(event, about, before, after)


def _run(
    event: FeedEvent, about: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Told:
    run = run_of(about)
    if event.kind == "run.created":
        hosts = count(_int(after, "hosts"), "host")
        says = sentence(
            _("%(run)s was started by %(who)s, %(hosts)s"), run=run, who=named(event.actor), hosts=hosts
        )
        return Told(event.at, mark("Waiting"), says)
    if event.kind == "run.pausing":
        return Told(
            event.at,
            mark("Paused"),
            sentence(_("%(run)s is pausing"), run=run),
            str(after.get("message", "")),
        )
    state = str(after.get("state", ""))
    texts = {
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
    text = texts.get(state, _("%(run)s: %(state)s"))
    return Told(
        event.at,
        mark(state),
        sentence(text, run=run, state=mark(state).word),
        "" if details == "OK" else details,
        is_news,
    )


def _target(
    event: FeedEvent, about: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Told:
    state, host = str(after.get("state", "")), host_of(about)
    texts = {
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
    says = sentence(texts.get(state, _("%(host)s: %(state)s")), host=host, state=state)
    is_news = before.get("state") != state and state not in _ON_THE_WAY
    return Told(event.at, mark(state), says, str(after.get("detail", "")), is_news)


def _step(event: FeedEvent, about: Mapping[str, Any], after: Mapping[str, Any]) -> Told:
    parts = {"host": host_of(about), "stage": str(about.get("stage", ""))}
    detail = str(after.get("detail", ""))
    match event.kind:
        case "step.started":
            says = sentence(_("%(host)s: %(stage)s has begun"), **parts)
            return Told(event.at, mark("Running"), says, is_news=False)
        case "step.taken_over":
            says = sentence(_("%(host)s: another engine has taken over %(stage)s"), **parts)
            return Told(event.at, mark("Running"), says)
        case "step.ended":
            return _step_ended(event, parts, str(after.get("outcome", "")), detail)
        case _:
            return Told(
                event.at, _HAPPENED, sentence(_("%(host)s: %(stage)s"), **parts), detail, is_news=False
            )


def _step_ended(event: FeedEvent, parts: Mapping[str, object], outcome: str, detail: str) -> Told:
    texts: dict[str, str] = {
        Outcome.OK: _("%(host)s: %(stage)s went well"),
        Outcome.NOT_NEEDED: _("%(host)s: %(stage)s says that nothing is needed"),
        Outcome.FAILED: _("%(host)s: %(stage)s failed"),
        Outcome.TIMED_OUT: _("%(host)s: %(stage)s ran out of time"),
        Outcome.STOPPED: _("%(host)s: %(stage)s was stopped"),
        Outcome.REFUSED: _("%(host)s: %(stage)s was refused"),
        Outcome.UNKNOWN: _("%(host)s: how %(stage)s ended is not known"),
    }
    is_good = outcome in {Outcome.OK, Outcome.NOT_NEEDED}  # the host's next state tells it
    says = sentence(texts.get(outcome, _("%(host)s: %(stage)s has ended")), **parts)
    drawn = mark("Done" if is_good else "Failed") if outcome != Outcome.UNKNOWN else UNKNOWN
    return Told(event.at, drawn, says, detail, is_news=not is_good)


def _host(
    event: FeedEvent, about: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Told:
    host = host_of(about)
    match event.kind:
        case "host.out":
            moved = count(_int(after, "instances"), "instance")
            says = sentence(_("%(host)s leaves service, %(instances)s to move"), host=host, instances=moved)
            return Told(event.at, mark("Draining"), says)
        case "host.back":
            return Told(event.at, mark("Done"), sentence(_("%(host)s is in service again"), host=host))
        case _ if "hooks" in after:
            says = sentence(_("%(host)s: its scripts were read"), host=host)
            return Told(event.at, _HAPPENED, says, is_news=False)
        case _:
            return _listed(event, host, before, after)


def _attention(event: FeedEvent, about: Mapping[str, Any], after: Mapping[str, Any]) -> Told:
    match event.kind:
        case "attention.opened":
            says = sentence(_("Needs a person: %(title)s"), title=named(after.get("title", "")))
            return Told(event.at, NEEDS_PERSON, says, str(after.get("message", "")))
        case "attention.taken":
            says = sentence(_("%(who)s has taken what needs a person"), who=named(after.get("taken_by", "")))
            return Told(event.at, NEEDS_PERSON, says)
        case "attention.resolved":
            says = sentence(_("What needed a person is settled"))
            return Told(event.at, mark("Done"), says, str(after.get("by", "")))
        case _:
            says = sentence(_("What needs a person has changed"))
            return Told(event.at, NEEDS_PERSON, says, str(after.get("message", "")), is_news=False)


def _engine(event: FeedEvent, after: Mapping[str, Any]) -> Told:
    texts = {
        "engine.started": _("An engine started"),
        "engine.stopped": _("An engine stopped"),
        "engine.silent": _("An engine is silent"),
    }
    drawn = NEEDS_PERSON if event.kind == "engine.silent" else _HAPPENED
    says = sentence(texts.get(event.kind, event.kind))
    return Told(
        event.at, drawn, says, str(after.get("host_name", "")), is_news=event.kind != "engine.stopped"
    )


# ---- the feed: what clouds did -------------------------------------------------------------------------------------


def _cloud(
    event: FeedEvent, about: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Told:
    name = named(about.get("name", "") or event.kind.partition(".")[0])
    match event.kind:
        case "cloud.read" if after.get("error"):
            says = sentence(_("%(cloud)s cannot be read"), cloud=name)
            return Told(event.at, UNKNOWN, says, str(after["error"]))
        case "cloud.read":
            return Told(event.at, mark("Done"), sentence(_("%(cloud)s can be read again"), cloud=name))
        case "server.changed" if "state" in after:
            says = sentence(_("%(server)s is %(state)s"), server=name, state=after["state"])
            return Told(event.at, _HAPPENED, says)
        case "instance.changed" if "host_id" in after and "host_id" in before:
            says = sentence(_("%(instance)s is on another host"), instance=name)
            return Told(event.at, _HAPPENED, says, is_news=False)
        case _:
            return _listed(event, name, before, after)


def _listed(event: FeedEvent, thing: SafeString, before: Mapping[str, Any], after: Mapping[str, Any]) -> Told:
    """A thing that a cloud lists: there now, gone, or different."""
    if after.get("new"):
        return Told(event.at, _HAPPENED, sentence(_("%(thing)s is new"), thing=thing), is_news=False)
    if after.get("gone"):
        return Told(
            event.at, _HAPPENED, sentence(_("%(thing)s is no longer listed"), thing=thing), is_news=False
        )
    if after.keys() & {"state", "resource_state"}:
        states = ", ".join(str(after[key]) for key in ("state", "resource_state") if key in after)
        says = sentence(_("The cloud says that %(thing)s is %(state)s"), thing=thing, state=states)
        return Told(event.at, _HAPPENED, says, is_news=False)
    what = ", ".join(key.removesuffix("_id").replace("_", " ") for key in sorted(after))
    says = sentence(
        _("The cloud says that %(thing)s has changed: %(what)s"), thing=thing, what=what or event.kind
    )
    return Told(event.at, _HAPPENED, says, is_news=False)


def _int(values: Mapping[str, Any], key: str) -> int:
    found = values.get(key, 0)
    return found if isinstance(found, int) else 0
