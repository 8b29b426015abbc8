"""What an address asks the timeline for, and the rows of feed and audit that answer it.

Two streams, each in its own order and with its own index for every filter, are merged by time; a page goes on where
each of them was left (`before=f120.a7`). Nothing is counted and nothing is skipped over: the ten-millionth event costs
what the first one does.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Model, Q, QuerySet, TextField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.http import QueryDict
from django.urls import reverse

from dashboard.access import ADMINISTRATORS
from dashboard.screens.days import day_begins, day_ends, zone_name
from dashboard.screens.events.acts import HOST_ACTS, NEED_ACTS, PRIVATE_ACTS, RUN_ACTS, SERVER_ACTS, VM_ACTS
from maintenance.domain.states import RUN_ENDED
from maintenance.feed import ENGINE
from maintenance.models import AuditEntry, Cluster, FeedEvent, Host, Run
from maintenance.models.events import NEWS

PERSON, CLOUD = "person", "cloud"
WHO = (PERSON, ENGINE, CLOUD)
SEARCHED_AT_ONCE = 100_000  # rows of each stream that one search looks through; older ones on request
NAMES_MAX = 50  # hosts that a part of a name may stand for
TEXT_MAX = 100

# What clouds tell by themselves. Everything else in the feed is the engine's work.
CLOUD_KINDS = (
    "instance.changed",
    "host.changed",
    "server.changed",
    "agent.changed",
    "cut_off.changed",
    "balance.changed",
    "zone.changed",
    "pod.changed",
    "cluster.changed",
    "system_vm.changed",
    "network.changed",
    "vpc.changed",
    "cloud.read",
    "servers.read",
)
INSTANCES = "instances"
MOVES = ("instance.changed", "agent.changed")  # most of what clouds tell: shown when it is asked for
# What can be chosen: kinds of the feed, beginnings of acts in the audit.
WHAT: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "runs": (("run.created", "run.state", "run.pausing"), RUN_ACTS),
    "hosts": (("target.state", "host.out", "host.back", "host.changed"), HOST_ACTS),
    "stages": (("step.started", "step.ended", "step.taken_over"), ()),
    "needs": (("attention.opened", "attention.changed", "attention.taken", "attention.resolved"), NEED_ACTS),
    INSTANCES: (MOVES, ()),
    "clouds": (
        ("cloud.read", "zone.changed", "pod.changed", "cluster.changed", "balance.changed", "balance.change"),
        ("agent balance", "rebalance of agents"),
    ),
    "servers": (
        ("server.changed", "servers.read", "cut_off.changed", "cut_off.reconciled"),
        SERVER_ACTS,
    ),
    "system-vms": (
        ("system_vm.changed", "network.changed", "vpc.changed", "payload.published", "payload.withdrawn"),
        VM_ACTS,
    ),
    "engines": (("engine.started", "engine.stopped", "engine.silent"), ()),
    "people": ((), PRIVATE_ACTS),
}
# The audit tells these with who and why: the feed's line would say it twice.
_TOLD_BY_AUDIT = ("run.created", "run.pausing", "run.state", "attention.taken", "attention.resolved")
# "host skipped" and "management server retried" name the one that it was.
_SAID_TWICE = tuple(
    f"run: {move} a {thing}"
    for move in ("skip", "retry")
    for thing in ("host", "management server", "system VM")
)
# Of a management server the numbers of jobs and agents change all the time.
SERVER_NEWS = ("state", "new", "gone", "name", "version")
_CURSOR = re.compile(r"f(\d{1,18})\.a(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the page before ended: everything before these numbers comes next."""

    feed: int
    audit: int

    def __str__(self) -> str:
        return f"f{self.feed}.a{self.audit}"


@dataclass(frozen=True, slots=True)
class EventsAsked:
    """The filters as they were typed, and what they stand for. Empty: no filter. `zone`: where the days are days."""

    who: str = ""
    by: str = ""
    what: str = ""
    run: str = ""
    host: str = ""
    cluster: str = ""
    since: str = ""
    until: str = ""
    zone: str = ""
    search: str = ""
    before: Cursor | None = None

    @property
    def is_filtered(self) -> bool:
        return bool(self.filters())

    def filters(self) -> dict[str, str]:
        """What is set, by its name in the address."""
        names = ("who", "by", "what", "run", "host", "cluster", "since", "until", "zone", "search")
        return {name: value for name in names if (value := getattr(self, name))}

    def url(self, before: Cursor | None = None) -> str:
        asked = self.filters() | ({"before": str(before)} if before else {})
        return reverse("events") + (f"?{urlencode(asked)}" if asked else "")

    def download_url(self, form: str) -> str:
        asked = self.filters()
        return reverse("events-download", args=[form]) + (f"?{urlencode(asked)}" if asked else "")


def events_asked(sent: QueryDict) -> EventsAsked:
    """Whatever cannot be meant is left out."""

    def text(name: str) -> str:
        return sent.get(name, "").replace("\0", "").strip()[:TEXT_MAX]

    cursor = _CURSOR.fullmatch(sent.get("before", ""))
    who, what = text("who"), text("what")
    since, until = _day_text(text("since")), _day_text(text("until"))
    return EventsAsked(
        who=who if who in WHO else "",
        by=text("by"),
        what=what if what in WHAT else "",
        run=text("run"),
        host=text("host"),
        cluster=text("cluster"),
        since=since,
        until=until,
        zone=zone_name(text("zone")) if since or until else "",
        search=text("search"),
        before=Cursor(int(cursor[1]), int(cursor[2])) if cursor else None,
    )


def _day_text(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return ""


# ---- what names stand for ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Meant:
    """The ids that run, host and cluster stand for; None: not asked for; empty: there is no such thing."""

    runs: list[str] | None
    hosts: list[str] | None
    clusters: list[str] | None
    cluster_hosts: list[str] | None  # the audit names hosts, not clusters


def meant(asked: EventsAsked) -> Meant:
    """Looked up once a page."""
    clusters = _ids(Cluster.objects.all(), asked.cluster) if asked.cluster else None
    in_cluster = None
    if clusters is not None:
        members = Host.objects.filter(cluster_id__in=[UUID(key) for key in clusters])
        in_cluster = [str(key) for key in members.values_list("id", flat=True)]
    return Meant(
        _run_ids(asked.run) if asked.run else None,
        _ids(Host.objects.all(), asked.host) if asked.host else None,
        clusters,
        in_cluster,
    )


def _run_ids(text: str) -> list[str]:
    number = text.lower().removeprefix("run").strip()
    if number.isascii() and number.isdigit() and len(number) < 16:
        return [str(key) for key in Run.objects.filter(number=int(number)).values_list("id", flat=True)]
    return [key] if (key := _uuid(text)) else []


def _ids(rows: QuerySet[Any], text: str) -> list[str]:
    """An id as it is, a whole name, or a part of one."""
    if key := _uuid(text):
        return [key]  # also of a thing that is no longer there
    whole = rows.filter(name__iexact=text)
    found = whole if whole.exists() else rows.filter(name__icontains=text).order_by("name")
    return [str(key) for key in found.values_list("id", flat=True)[:NAMES_MAX]]


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""


# ---- rows ----------------------------------------------------------------------------------------------------------


def feed_rows(asked: EventsAsked, to: Meant, stop: Cursor | None = None) -> list[QuerySet[FeedEvent]]:
    """The feed's rows, newest first: one query for each kind that is asked for, or one for all news."""
    if asked.who == PERSON or asked.by or asked.what == "people":
        return []  # what people do is in the audit
    rows = FeedEvent.objects.filter(NEWS).exclude(~Q(actor=ENGINE), kind__in=_TOLD_BY_AUDIT)
    rows = rows.exclude(kind="run.state", after__state__in=[str(state) for state in RUN_ENDED])
    rows = rows.exclude(kind__in=("run.created", "cut_off.reconciled", "balance.asked"))
    rows = rows.filter(~Q(kind="server.changed") | Q(after__has_any_keys=list(SERVER_NEWS)))
    for key, ids in (("run", to.runs), ("host", to.hosts), ("cluster", to.clusters)):
        if ids is not None:
            rows = _about(rows, key, ids)
    rows = _between(rows, asked, "seq")
    if stop is not None:
        rows = rows.filter(seq__gt=stop.feed)
    if asked.before:
        rows = rows.filter(seq__lt=asked.before.feed)
    if asked.search:
        rows = _holding(rows, asked.search, ("kind",))
    kinds = WHAT[asked.what][0] if asked.what else ()
    if asked.who == CLOUD:
        kinds = tuple(kind for kind in kinds or CLOUD_KINDS if kind in CLOUD_KINDS)
        return [rows.filter(kind=kind).order_by("-seq") for kind in kinds]
    if asked.who == ENGINE:
        rows = rows.exclude(kind__in=CLOUD_KINDS)
    if kinds:
        return [rows.filter(kind=kind).order_by("-seq") for kind in kinds]
    return [rows.exclude(kind__in=MOVES).order_by("-seq")]


def audit_rows(asked: EventsAsked, to: Meant, role: str, stop: Cursor | None = None) -> QuerySet[AuditEntry]:
    """The audit's rows, newest first; what is about people and settings for administrators only."""
    rows = AuditEntry.objects.exclude(action__in=_SAID_TWICE).order_by("-number")
    if role not in ADMINISTRATORS:
        rows = rows.exclude(action__in=PRIVATE_ACTS)
    match asked.who:
        case "person":
            rows = rows.exclude(actor=ENGINE)
        case "engine":
            rows = rows.filter(actor=ENGINE)
        case "cloud":
            return rows.none()
    if asked.by:
        rows = rows.filter(actor=asked.by)
    if asked.what:
        begins = Q(pk__in=[])
        for act in WHAT[asked.what][1]:
            begins |= Q(action__startswith=act)
        rows = rows.filter(begins)
    hosts = to.hosts
    if to.cluster_hosts is not None:
        hosts = [key for key in to.cluster_hosts if hosts is None or key in hosts]
    for key, ids in (("run", to.runs), ("host", hosts)):
        if ids is not None:
            rows = _about(rows, key, ids)
    rows = _between(rows, asked, "number")
    if stop is not None:
        rows = rows.filter(number__gt=stop.audit)
    if asked.before:
        rows = rows.filter(number__lt=asked.before.audit)
    if asked.search:
        rows = _holding(rows, asked.search, ("action", "actor", "reason", "request_id"))
    return rows


def _about[M: Model](rows: QuerySet[M], key: str, ids: list[str]) -> QuerySet[M]:
    about: QuerySet[M] = rows.alias(**{f"about_{key}": KeyTextTransform(key, "object")}).filter(
        **{f"about_{key}__in": ids}
    )
    return about


def _holding[M: Model](rows: QuerySet[M], text: str, columns: tuple[str, ...]) -> QuerySet[M]:
    found = Q()
    texts = {f"text_{column}": Cast(column, TextField()) for column in ("object", "before", "after")}
    for name in texts:
        found |= Q(**{f"{name}__icontains": text})
    for column in columns:
        found |= Q(**{f"{column}__icontains": text})
    holding: QuerySet[M] = rows.alias(**texts).filter(found)
    return holding


def _between[M: Model](rows: QuerySet[M], asked: EventsAsked, number: str) -> QuerySet[M]:
    """Whole days, as numbers of the stream: two looks into the index of times, and its own order from there."""
    every = rows.model._default_manager.order_by()
    if asked.since:
        begins = day_begins(date.fromisoformat(asked.since), asked.zone)
        first = every.filter(at__gte=begins).order_by("at", number).values_list(number, flat=True).first()
        rows = rows.none() if first is None else rows.filter(**{f"{number}__gte": first})
    if asked.until:
        ends = day_ends(date.fromisoformat(asked.until), asked.zone)
        last = every.filter(at__lt=ends).order_by("-at", f"-{number}").values_list(number, flat=True).first()
        rows = rows.none() if last is None else rows.filter(**{f"{number}__lte": last})
    return rows


def where_search_stops(asked: EventsAsked) -> Cursor:
    """The numbers at which one search stops looking further back."""
    feed = FeedEvent.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    audit = AuditEntry.objects.order_by("-number").values_list("number", flat=True).first() or 0
    if asked.before:
        feed, audit = min(feed, asked.before.feed), min(audit, asked.before.audit)
    return Cursor(max(0, feed - SEARCHED_AT_ONCE), max(0, audit - SEARCHED_AT_ONCE))
