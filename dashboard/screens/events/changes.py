"""Before → after of one event: what has changed, in words, and as much of it as one line holds."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from dashboard.screens.events.server_names import server_name
from dashboard.screens.settings.limits import limit_word, said
from maintenance.limits import LIMITS

VALUE_MAX = 300
BRIEF_MAX, BRIEF_VALUE_MAX = 3, 48
NOTHING = "–"
_TOLD_BY_SENTENCE = frozenset({"detail", "details", "message", "title"})


@dataclass(frozen=True, slots=True)
class Change:
    """One value before and after, as text; None: it was not told. Without a word, `key` says what it is. `moment`: what
    is after is this one, told on the reader's clock."""

    key: str
    word: str
    before: str | None
    after: str | None
    moment: datetime | None = None

    @property
    def is_news(self) -> bool:
        """Whether the line tells it: short, different, and not told by its sentence already."""
        is_short = all(len(value or "") <= BRIEF_VALUE_MAX for value in (self.before, self.after))
        return is_short and self.before != self.after and self.key not in _TOLD_BY_SENTENCE


@dataclass(frozen=True, slots=True)
class Changes:
    """All of them, and the short ones that stand in the event's line; `further` are only among all."""

    rows: list[Change]
    brief: list[Change]
    further: int

    @property
    def has_before(self) -> bool:
        return any(change.before is not None for change in self.rows)


def changes_of(before: Mapping[str, Any], after: Mapping[str, Any], *, is_act: bool) -> Changes:
    """What the line says of what clouds and engines did is what is different; of people's acts, all that fits."""
    rows = [] if not before and after.keys() <= {"new", "gone"} else _rows(before, after)
    telling = [one for one in rows if one.is_news and (is_act or one.before is not None)]
    brief = telling[:BRIEF_MAX]
    return Changes(rows, brief, len(rows) - len(brief) if brief else 0)


def _rows(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    return [
        Change(
            name,
            _word(name),
            _text(name, before[name]) if name in before else None,
            _text(name, after[name]) if name in after else None,
            _moment(after.get(name)) if name in _MOMENTS else None,
        )
        for name in dict.fromkeys((*before, *after))
    ]


def _text(name: str, value: Any) -> str:
    if name in _LIMITS and isinstance(value, int):
        return said(_LIMITS[name], value)
    match value:
        case None | "" | [] | {}:
            return NOTHING
        case str() if name == "management_server_id":
            return server_name(value)
        case bool():
            return _("yes") if value else _("no")
        case str():
            text = value
        case list() if all(isinstance(one, str) for one in value):
            text = ", ".join(value)
        case _:
            text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= VALUE_MAX else text[:VALUE_MAX] + "…"


def _moment(text: Any) -> datetime | None:
    """What RFC 3339 says; None where it is nothing of the kind."""
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return found if found and found.tzinfo else None


def _word(name: str) -> str:
    """Empty: it has none, and its name is shown as it is."""
    if name in _LIMITS:
        return limit_word(_LIMITS[name])
    return _WORDS[name]() if name in _WORDS else ""


_MOMENTS = frozenset({"ends"})
_LIMITS = {which.key: which for which in LIMITS}
_WORDS: Mapping[str, Callable[[], str]] = {
    "account": lambda: _("account"),
    "active": lambda: _("active"),
    "agent_version": lambda: _("agent"),
    "attempt": lambda: _("attempt"),
    "broken": lambda: _("first broken entry"),
    "by": lambda: _("by"),
    "cause": lambda: _("cause"),
    "channel": lambda: _("way"),
    "cloud": lambda: _("cloud"),
    "cluster_id": lambda: _("cluster"),
    "detail": lambda: _("detail"),
    "details": lambda: _("details"),
    "domain": lambda: _("domain"),
    "management_server_id": lambda: _("management server"),
    "email": lambda: _("mail address"),
    "ends": lambda: _("ends"),
    "epoch": lambda: _("epoch"),
    "error": lambda: _("error"),
    "gone": lambda: _("gone"),
    "hooks": lambda: _("scripts"),
    "host_id": lambda: _("host"),
    "host_name": lambda: _("host"),
    "hosts": lambda: _("hosts"),
    "instances": lambda: _("instances"),
    "kernel_version": lambda: _("kernel"),
    "mail_to": lambda: _("mail goes to"),
    "message": lambda: _("message"),
    "must_change_password": lambda: _("must choose a password"),
    "muted": lambda: _("not told of"),
    "name": lambda: _("name"),
    "new": lambda: _("new"),
    "note": lambda: _("note"),
    "number": lambda: _("number"),
    "outcome": lambda: _("outcome"),
    "pausing": lambda: _("pausing"),
    "pid": lambda: _("process"),
    "plan": lambda: _("plan"),
    "poll_s": lambda: _("read every (s)"),
    "reason": lambda: _("reason"),
    "resource_state": lambda: _("resource state"),
    "role": lambda: _("role"),
    "scope": lambda: _("scope"),
    "state": lambda: _("state"),
    "taken_by": lambda: _("taken by"),
    "takeovers": lambda: _("takeovers"),
    "title": lambda: _("title"),
    "unknown_s": lambda: _("known for (s)"),
    "webhook_secret": lambda: _("signing secret"),
    "webhook_url": lambda: _("webhook"),
}
