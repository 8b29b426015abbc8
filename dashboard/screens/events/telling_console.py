"""What happened to things of our own, in words: what needs a person, engines, settings, the audit, notifications."""

from collections.abc import Mapping
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.events.telling_words import (
    HAPPENED,
    Told,
    is_id,
    linked,
    named,
    sentence,
    whole_number,
)
from dashboard.screens.marks import NEEDS_PERSON, mark
from dashboard.screens.words import figure
from maintenance.models import FeedEvent

TOLD_OF_CONSOLE = frozenset({"attention", "engine", "settings", "audit", "notification"})

_SETTINGS = {
    "people": gettext_lazy("People have changed"),
    "tokens": gettext_lazy("API tokens have changed"),
    "clouds": gettext_lazy("How clouds are read has changed"),
    "limits": gettext_lazy("Limits have changed"),
    "notifications": gettext_lazy("Who is notified has changed"),
    "walls": gettext_lazy("Wall links have changed"),
}

type Values = Mapping[str, Any]


def tell_of_console(event: FeedEvent) -> Told:
    about, after = event.object, event.after or {}
    match event.kind.partition(".")[0]:
        case "attention":
            return _attention(event, about, after)
        case "engine":
            return _engine(event, after)
        case "settings":
            text = str(_SETTINGS.get(str(about.get("part", "")), _("Settings have changed")))
            return Told(event.at, HAPPENED, sentence(text), is_news=False)
        case "audit":
            return _audit(event, after)
        case _:
            return Told(event.at, HAPPENED, sentence(_("A notification is on its way")), is_news=False)


def _attention(event: FeedEvent, about: Values, after: Values) -> Told:
    match event.kind:
        case "attention.opened":
            title = _need(about, str(after.get("title", "")))
            says = sentence(_("Needs a person: %(title)s"), title=title)
            return Told(event.at, NEEDS_PERSON, says, str(after.get("message", "")))
        case "attention.taken":
            what = _need(about, _("what needs a person"))
            says = sentence(
                _("%(who)s has taken %(what)s"), who=named(after.get("taken_by") or event.actor), what=what
            )
            return Told(event.at, NEEDS_PERSON, says)
        case "attention.resolved":
            says = sentence(_("%(what)s is settled"), what=_need(about, _("What needed a person")))
            return Told(event.at, mark("Done"), says, str(after.get("by", "")))
        case _:
            says = sentence(_("%(what)s has changed"), what=_need(about, _("What needs a person")))
            return Told(event.at, NEEDS_PERSON, says, str(after.get("message", "")), is_news=False)


def _need(about: Values, words: str) -> SafeString:
    """The words as a link to the page of what needs a person."""
    need = about.get("attention")
    return linked(words, "need", need) if is_id(need) else named(words)


def _engine(event: FeedEvent, after: Values) -> Told:
    if event.kind == "engine.stopped":
        return Told(event.at, HAPPENED, sentence(_("An engine stopped")), is_news=False)
    return Told(event.at, HAPPENED, sentence(_("An engine started")), str(after.get("host_name", "")))


def _audit(event: FeedEvent, after: Values) -> Told:
    if after.get("broken"):
        text = _("The audit is broken at entry %(number)s")
        says = sentence(text, number=figure(whole_number(after, "broken")))
        return Told(event.at, NEEDS_PERSON, says, is_news=False)
    says = sentence(
        _("The audit is whole up to entry %(number)s"), number=figure(whole_number(after, "number"))
    )
    return Told(event.at, mark("Done"), says, is_news=False)
