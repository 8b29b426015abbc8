"""The limits: what holds now, where it comes from, and what only the environment can change."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.translation import gettext as _
from knox.settings import knox_settings

from dashboard.forms import length_words
from dashboard.screens.words import count, duration, figure
from maintenance import limits
from maintenance.limits import LIMITS, PREFIX, Limit, Source
from maintenance.models import Setting


@dataclass(frozen=True, slots=True)
class LimitRow:
    """`given`: what holds without a value of its own. `typed`: what a form shows."""

    key: str
    text: str
    says: str
    value: str
    source: str
    variable: str
    changed_by: str
    changed_at: datetime | None
    given: str
    typed: str
    is_length: bool


@dataclass(frozen=True, slots=True)
class FixedRow:
    variable: str
    value: str
    says: str
    is_given: bool


def limit_rows() -> list[LimitRow]:
    """One query."""
    kept = {
        setting.key.removeprefix(PREFIX): setting
        for setting in Setting.objects.filter(key__startswith=PREFIX)
    }
    values = {key: setting.value for key, setting in kept.items()}
    rows = []
    for which in LIMITS:
        setting = kept.get(which.key)
        value = values.get(which.key, which.given())
        text, says = _words(which)
        rows.append(
            LimitRow(
                key=which.key,
                text=text,
                says=says,
                value=said(which, value),
                source=source_word(which.source(values)),
                variable=which.variable,
                changed_by=setting.changed_by if setting else "",
                changed_at=setting.changed_at if setting else None,
                given=typed(which, which.given()),
                typed=typed(which, values[which.key]) if which.key in values else "",
                is_length=which.unit == "s",
            )
        )
    return rows


def said(which: Limit, value: int) -> str:
    """As people read it."""
    match which.unit:
        case "s":
            return duration(value)
        case "days":
            return count(value, "day")
        case _:
            return figure(value)


def typed(which: Limit, value: int) -> str:
    """As people type it."""
    return length_words(value) if which.unit == "s" else str(value)


def source_word(source: Source) -> str:
    words = {
        Source.DEFAULT: _("the default"),
        Source.ENVIRONMENT: _("the environment"),
        Source.HERE: _("set here"),
    }
    return words[source]


def limit_word(which: Limit) -> str:
    """What people call it."""
    return _words(which)[0]


def _words(which: Limit) -> tuple[str, str]:
    return _WORDS[which.key]()


_WORDS: Mapping[str, Callable[[], tuple[str, str]]] = {
    limits.MAX_UNAVAILABLE.key: lambda: (
        _("Hosts out of service at once, in one cluster"),
        _("What a new run starts with; whoever starts it may choose otherwise."),
    ),
    limits.CLUSTERS_IN_PARALLEL.key: lambda: (
        _("Clusters worked on at the same time"),
        _("What a new run starts with; whoever starts it may choose otherwise."),
    ),
    limits.STAGE_TIMEOUT_S.key: lambda: (
        _("Longest run of one script"),
        _("What a new run starts with. A script that takes longer is ended, and has failed."),
    ),
    limits.DRAIN_TIMEOUT_S.key: lambda: (
        _("Longest emptying of one host"),
        _("What a new run starts with. A host that takes longer is returned to service."),
    ),
    limits.HOST_RETURN_TIMEOUT_S.key: lambda: (
        _("Longest way back into service"),
        _("A host that takes longer needs a person. Holds at once, also for runs in progress."),
    ),
    limits.SERVER_RETURN_TIMEOUT_S.key: lambda: (
        _("Longest way back of a management server"),
        _("One that takes longer to come back needs a person. Holds at once, also for runs in progress."),
    ),
    limits.FEED_KEPT_DAYS.key: lambda: (
        _("What engines and clouds did is kept"),
        _("Older lines leave the timeline within minutes. What people did is kept for ever."),
    ),
}


def fixed_rows() -> list[FixedRow]:
    """As this web process has them; an engine on another machine may have been started with others."""
    seconds = {
        "PITSTOP_LEASE_S": (settings.LEASE_S, _("an engine that says nothing for so long has lost its step")),
        "PITSTOP_LEASE_RENEW_S": (settings.LEASE_RENEW_S, _("how often an engine says that it goes on")),
        "PITSTOP_INTENT_VALID_S": (settings.INTENT_VALID_S, _("a cloud refuses a request that is older")),
        "PITSTOP_SECOND_LOOK_S": (
            settings.SECOND_LOOK_S,
            _("between two looks at a host, after a request without a reply"),
        ),
        "PITSTOP_LISTING_LAG_S": (
            settings.LISTING_LAG_S,
            _("how far a cloud's lists may lag behind its own jobs"),
        ),
        "PITSTOP_INVENTORY_POLL_S": (
            settings.INVENTORY_POLL_S,
            _("how often a cloud is read; each may differ"),
        ),
        "PITSTOP_INVENTORY_UNKNOWN_S": (
            settings.INVENTORY_UNKNOWN_S,
            _("how old a reading may be; each cloud may differ"),
        ),
        "PITSTOP_SESSION_HOURS": (settings.SESSION_COOKIE_AGE, _("how long somebody stays logged in")),
        "PITSTOP_TOKEN_HOURS": (
            round(knox_settings.TOKEN_TTL.total_seconds()),
            _("how long a token holds that a program logs in for"),
        ),
    }
    rows = [
        FixedRow(name, duration(value), says, bool(os.environ.get(name)))
        for name, (value, says) in seconds.items()
    ]
    for name, number, says in (
        ("PITSTOP_ENGINE_THREADS", settings.ENGINE_THREADS, _("steps that one engine does at a time")),
        ("PITSTOP_TAKEOVERS_MAX", settings.TAKEOVERS_MAX, _("a step whose engines die so often is given up")),
    ):
        rows.append(FixedRow(name, figure(number), says, bool(os.environ.get(name))))
    return rows
