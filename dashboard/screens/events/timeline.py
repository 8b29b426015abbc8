"""The timeline: who did what and why, what engine and clouds did, newest first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from heapq import merge
from itertools import islice
from typing import Any

from django.utils.translation import gettext as _

from dashboard.access import ADMINISTRATORS
from dashboard.screens.days import day_begins, day_ends
from dashboard.screens.events.acts import tell_act
from dashboard.screens.events.asked import (
    CLOUD,
    CLOUD_KINDS,
    PERSON,
    WHAT,
    WHO,
    Cursor,
    EventsAsked,
    Meant,
    audit_rows,
    feed_rows,
    meant,
    where_search_stops,
)
from dashboard.screens.events.changes import Changes, changes_of
from dashboard.screens.events.telling import Told, tell
from maintenance.feed import ENGINE
from maintenance.models import AuditEntry, FeedEvent

PAGE = 50
LATEST = 20  # pushed at a time; a page that lacks more of them fetches itself again
FURTHEST = 10**18 - 1  # 18 digits, which is what an address may hold


@dataclass(frozen=True, slots=True)
class EventRow:
    """One line of the timeline. `who` is a name, or one of engine and cloud where `is_person` is False."""

    id: str
    told: Told
    who: str
    is_person: bool
    changes: Changes
    request_id: str
    data: Mapping[str, str]  # what a filter may ask for: live rows are only shown where they match


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    text: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    asked: EventsAsked
    rows: list[EventRow]
    older: str
    newest: str
    searched: str  # where a search goes on, when it stopped before the end
    whos: list[Choice]
    whats: list[Choice]
    matching: Mapping[str, str]  # the filters with their ids, for rows that come live
    csv_url: str
    json_url: str
    unknown: list[str]  # filters that stand for nothing


def timeline(asked: EventsAsked, role: str) -> Timeline:
    """One page. The number of queries does not depend on how much there is."""
    to = meant(asked)
    stop = where_search_stops(asked) if asked.search else None
    rows, last, has_more = _page(asked, to, role, stop)
    is_cut = stop is not None and stop != Cursor(0, 0) and not has_more
    return Timeline(
        asked=asked,
        rows=rows,
        older=asked.url(last) if has_more else "",
        newest=asked.url() if asked.before else "",
        searched=asked.url(Cursor(stop.feed + 1, stop.audit + 1)) if stop and is_cut else "",
        whos=_choices(_who_words(), asked.who),
        whats=_choices(_what_words(role), asked.what),
        matching=_matching(asked, to),
        csv_url=asked.download_url("csv"),
        json_url=asked.download_url("json"),
        unknown=[
            name
            for name, ids in ((_("run"), to.runs), (_("host"), to.hosts), (_("cluster"), to.clusters))
            if ids == []
        ],
    )


def latest(role: str) -> list[EventRow]:
    """The newest rows, whatever a page asks for: it takes those it lacks and wants."""
    everything = Meant(None, None, None, None)
    rows, _last, _has_more = _page(EventsAsked(), everything, role, None, size=LATEST)
    moved = _page(EventsAsked(what="instances"), everything, role, None, size=LATEST)[0]
    return sorted((*rows, *moved), key=lambda row: row.told.at, reverse=True)[:LATEST]


def all_rows(asked: EventsAsked, role: str) -> Iterator[tuple[EventRow, FeedEvent | AuditEntry]]:
    """Everything that is filtered, for a file; read page by page."""
    to = meant(asked)
    while True:
        found = _merged(asked, to, role, None, 1000)
        yield from ((row_of(one), one) for one in found)
        if len(found) < 1000:
            return
        asked = replace(asked, before=_after(found, asked.before))


def _page(
    asked: EventsAsked, to: Meant, role: str, stop: Cursor | None, size: int = PAGE
) -> tuple[list[EventRow], Cursor, bool]:
    """The rows, where the next page begins, and whether there is one."""
    found = _merged(asked, to, role, stop, size + 1)
    shown = found[:size]
    return [row_of(one) for one in shown], _after(shown, asked.before), len(found) > size


def _merged(
    asked: EventsAsked, to: Meant, role: str, stop: Cursor | None, most: int
) -> list[FeedEvent | AuditEntry]:
    streams: list[list[Any]] = [list(rows[:most]) for rows in feed_rows(asked, to, stop)]
    feed = merge(*streams, key=lambda event: -event.seq)
    audit: list[AuditEntry] = list(audit_rows(asked, to, role, stop)[:most])
    return list(islice(_by_time(list(islice(feed, most)), audit), most))


def _by_time(feed: list[FeedEvent], audit: list[AuditEntry]) -> Iterator[FeedEvent | AuditEntry]:
    """Both streams, each in its own order, the newer of the two first. What somebody did comes before what follows."""
    f = a = 0
    while f < len(feed) or a < len(audit):
        if a == len(audit) or (f < len(feed) and feed[f].at > audit[a].at):
            yield feed[f]
            f += 1
        else:
            yield audit[a]
            a += 1


def _after(shown: list[FeedEvent | AuditEntry], before: Cursor | None) -> Cursor:
    at = before or Cursor(FURTHEST, FURTHEST)
    feed = [one.seq for one in shown if isinstance(one, FeedEvent)]
    audit = [one.number for one in shown if isinstance(one, AuditEntry)]
    return Cursor(feed[-1] if feed else at.feed, audit[-1] if audit else at.audit)


# ---- one row -------------------------------------------------------------------------------------------------------


def row_of(one: FeedEvent | AuditEntry) -> EventRow:
    """One line, as the timeline shows it."""
    is_act = isinstance(one, AuditEntry)
    is_person = is_act and one.actor != ENGINE
    kind = one.action if isinstance(one, AuditEntry) else one.kind
    who = one.actor if is_person else CLOUD if kind in CLOUD_KINDS else ENGINE
    about = one.object
    return EventRow(
        id=f"a{one.number}" if isinstance(one, AuditEntry) else f"f{one.seq}",
        told=tell_act(one) if isinstance(one, AuditEntry) else tell(one),
        who=who,
        is_person=is_person,
        changes=changes_of(one.before or {}, one.after or {}, is_act=is_person),
        request_id=one.request_id if isinstance(one, AuditEntry) else "",
        data={
            "who": PERSON if is_person else who,
            "by": who if is_person else "",
            "what": _what(kind, is_act=is_act),
            **{key: str(about.get(key) or "") for key in ("run", "host", "cluster")},
        },
    )


def _what(kind: str, *, is_act: bool) -> str:
    for name, (kinds, acts) in WHAT.items():
        if (is_act and kind.startswith(acts or "\0")) or (not is_act and kind in kinds):
            return name
    return ""


# ---- filters -------------------------------------------------------------------------------------------------------


def _choices(words: Mapping[str, str], chosen: str) -> list[Choice]:
    return [Choice(value, text, value == chosen) for value, text in words.items()]


def _who_words() -> dict[str, str]:
    words = dict(zip(WHO, (_("People"), _("Pitstop's engines"), _("The clouds")), strict=True))
    return {"": _("Everybody"), **words}


def _what_words(role: str) -> dict[str, str]:
    words = {
        "": _("All but instances and agents"),
        "runs": _("Runs"),
        "hosts": _("Hosts"),
        "stages": _("Stages of runs"),
        "needs": _("What needs a person"),
        "instances": _("Instances and agents"),
        "clouds": _("Clouds"),
        "servers": _("Management servers"),
        "system-vms": _("System VMs and routers"),
        "engines": _("Engines"),
        "people": _("People and settings"),
    }
    if role not in ADMINISTRATORS:
        del words["people"]
    return words


def _matching(asked: EventsAsked, to: Meant) -> dict[str, str]:
    """As data-… attributes: a live row is shown where each of them names it."""
    lists = {"run": to.runs, "host": to.hosts, "cluster": to.clusters}
    return {
        "who": asked.who,
        "by": asked.by,
        "what": asked.what,
        "search": asked.search.lower(),
        "since": day_begins(date.fromisoformat(asked.since), asked.zone).isoformat() if asked.since else "",
        "until": day_ends(date.fromisoformat(asked.until), asked.zone).isoformat() if asked.until else "",
        **{key: "" if ids is None else ",".join(ids) or "none" for key, ids in lists.items()},
    }
