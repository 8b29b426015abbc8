"""The list of hosts: search, filters, order and pages in the address; one row a host, and a selection of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Case, Count, F, IntegerField, Q, QuerySet, Value, When
from django.db.models.functions import Coalesce, Collate
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from dashboard.screens.actions import too_low
from dashboard.screens.census import RUNNING
from dashboard.screens.fleet import DrawnHost, Service, drawn_hosts, serving, with_service
from dashboard.screens.host_drift import drifting_hosts, stages_adrift
from dashboard.screens.natural_order import natural_key
from dashboard.screens.places import CLUSTER, POD, ZONE, Link, link_to
from dashboard.screens.places_asked import (
    Asked,
    Choice,
    Column,
    Heading,
    Pages,
    headings,
    known_sort,
    orders,
    pages_of,
)
from dashboard.screens.places_figures import ALL_FOUR, SCRIPTED
from dashboard.screens.places_list import above_filter
from dashboard.screens.words import count, figure, listing
from maintenance.domain.hook_stages import STAGES, HookStage
from maintenance.models import Host, Instance, Target

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

HOOK_LETTERS = {
    HookStage.PREFLIGHT: "F",
    HookStage.PRE_MAINTENANCE: "P",
    HookStage.MAINTENANCE: "M",
    HookStage.POST_MAINTENANCE: "V",
}
COLUMNS = (
    Column("place", lazy("Cluster")),
    Column("name", lazy("Host")),
    Column("state", lazy("State")),
    Column("instances", lazy("Instances"), is_number=True, most_first=True),
    Column("scripts", lazy("Scripts"), most_first=True),
    Column("software", lazy("Kernel")),
)
STATES: "Mapping[str, StrPromise]" = {
    Service.IN: lazy("In service"),
    Service.OUT: lazy("Out by us"),
    "in-run": lazy("In a run"),
    Service.OTHERS: lazy("Taken by others"),
    Service.DOWN: lazy("Down"),
    Service.UNKNOWN: lazy("Unknown"),
}
SCRIPTS: "Mapping[str, StrPromise]" = {
    "whole": lazy("All four there"),
    "missing": lazy("Some missing"),
    "drift": lazy("Other than in its cluster"),
    "warning": lazy("With a warning"),
    "unknown": lazy("Not known"),
}
DRIFT_NAMED = 2  # stages; of more only their number is said
# In the order in which somebody looks for them: trouble first.
_RANKS = (Service.DOWN, Service.UNKNOWN, Service.OUT, Service.OTHERS, Service.IN)


@dataclass(frozen=True, slots=True)
class HookBox:
    """One of the four letters: there, not there, or not known; `drifts`: other than in its cluster."""

    letter: str
    title: str
    is_missing: bool
    is_unknown: bool
    drifts: bool = False


@dataclass(frozen=True, slots=True)
class HostRow:
    id: UUID
    host: DrawnHost
    zone: Link
    cluster: Link
    instances: int
    hooks: list[HookBox]
    drift: str
    has_problem: bool


@dataclass(frozen=True, slots=True)
class HostList:
    rows: list[HostRow]
    says: str
    asked: Asked
    headings: list[Heading]
    filters: list[tuple[str, str, list[Choice]]]
    orders: list[Choice]
    pages: Pages
    start_disabled: str


def host_list(asked: Asked, role: str) -> HostList:
    listed = Host.objects.filter(gone_at=None)
    found = _filtered(listed, asked)
    total, matching = listed.count(), found.count()
    pages = pages_of(asked, matching)
    says = count(total, "host")
    if asked.is_filtered:
        says = _("%(n)s of %(all)s") % {"n": figure(matching), "all": says}
    return HostList(
        rows=host_rows(list(sorted_hosts(found, asked).values_list("id", flat=True)[pages.rows])),
        says=says,
        asked=asked,
        headings=headings(asked, COLUMNS),
        filters=_filters(asked),
        orders=orders(asked, COLUMNS),
        pages=pages,
        start_disabled=too_low(role),
    )


def asked_of_hosts(asked: Asked) -> Asked:
    """What this list can answer."""
    return Asked(
        search=asked.search,
        zone=asked.zone,
        pod=asked.pod,
        cluster=asked.cluster,
        state=asked.state if asked.state in STATES else "",
        scripts=asked.scripts if asked.scripts in SCRIPTS else "",
        sort=known_sort(asked.sort, COLUMNS),
        page=asked.page,
    )


def _filtered(listed: QuerySet[Host], asked: Asked) -> QuerySet[Host]:
    found = listed
    if asked.search:
        found = found.filter(name__icontains=asked.search)
    for kind in (ZONE, POD, CLUSTER):
        if chosen := getattr(asked, kind.name):
            found = found.filter(**{kind.of_host: chosen})
    if asked.state == "in-run":
        found = found.filter(id__in=Target.objects.filter(is_open=True).values("host"))
    elif asked.state:
        found = serving(found, asked.state)
    return _with_scripts(found, asked.scripts)


def _with_scripts(found: QuerySet[Host], scripts: str) -> QuerySet[Host]:
    match scripts:
        case "whole":
            return found.filter(ALL_FOUR)
        case "missing":
            return found.filter(hypervisor=SCRIPTED, hooks__isnull=False).exclude(ALL_FOUR)
        case "drift":
            return found.filter(id__in=drifting_hosts())
        case "warning":
            refused = Q()
            for stage in STAGES:
                refused |= Q(**{f"hooks__{stage}__problem__gt": ""})
            return found.filter(refused | ~Q(hooks_warnings=[]))
        case "unknown":
            return found.filter(hypervisor=SCRIPTED, hooks__isnull=True)
        case _:
            return found


def sorted_hosts(found: QuerySet[Host], asked: Asked) -> QuerySet[Host]:
    """By what was asked, and among equals in natural order: zone, cluster, name."""
    place = [natural_key("cluster__pod__zone__name"), natural_key("cluster__name"), natural_key("name")]
    keys: list[F | Collate]
    match asked.column:
        case "name":
            keys = [natural_key("name"), *place[:2]]
        case "state":
            ranks = [When(service=service.value, then=Value(at)) for at, service in enumerate(_RANKS)]
            found = with_service(found).annotate(rank=Case(*ranks, output_field=IntegerField()))
            keys = [F("rank"), *place]
        case "instances":
            running = Q(instances__gone_at=None, instances__state__in=RUNNING)
            found = found.annotate(tally=Count("instances", filter=running))
            keys = [F("tally"), *place]
        case "scripts":
            found = found.annotate(rank=_trouble_with_scripts())
            keys = [F("rank"), *place]
        case "software":
            keys = [natural_key("kernel_version"), natural_key("agent_version"), *place]
        case _:
            keys = [*place]
    first = keys[0].desc() if asked.is_descending else keys[0].asc()
    others = [key.desc() for key in keys[1:]] if asked.is_descending and asked.column == "place" else keys[1:]
    return found.order_by(first, *others, "id")


def _trouble_with_scripts() -> Coalesce:
    """3: other than in its cluster, 2: some missing, 1: not known, 0: nothing to say."""
    can = Q(hypervisor=SCRIPTED)
    return Coalesce(
        Case(
            When(id__in=drifting_hosts(), then=Value(3)),
            When(can & Q(hooks__isnull=True), then=Value(1)),
            When(ALL_FOUR, then=Value(0)),
            When(can, then=Value(2)),
            output_field=IntegerField(),
        ),
        Value(0),
    )


def _filters(asked: Asked) -> list[tuple[str, str, list[Choice]]]:
    return [
        *(above_filter(kind, getattr(asked, kind.name), asked) for kind in (ZONE, POD, CLUSTER)),
        ("state", _("State"), _choices(STATES, asked.state)),
        ("scripts", _("Scripts"), _choices(SCRIPTS, asked.scripts)),
    ]


def _choices(texts: "Mapping[str, StrPromise]", chosen: str) -> list[Choice]:
    return [Choice(str(value), str(text), value == chosen) for value, text in texts.items()]


# ---- rows --------------------------------------------------------------------------------------------------------


def host_rows(ids: list[UUID]) -> list[HostRow]:
    """These hosts, in this order; those that are gone are left out."""
    found = {h.id: h for h in Host.objects.filter(id__in=ids).select_related("cloud", "cluster__pod__zone")}
    hosts = [found[key] for key in ids if key in found]
    running = Instance.objects.filter(host__in=ids, gone_at=None, state__in=RUNNING).order_by()
    instances = dict(running.values_list("host").annotate(instances=Count("id")))
    adrift = stages_adrift(list({host.cluster_id for host in hosts}), [host.id for host in hosts])
    return [
        HostRow(
            id=drawn.host.id,
            host=drawn,
            zone=link_to(ZONE, drawn.host.cluster.pod.zone),
            cluster=link_to(CLUSTER, drawn.host.cluster),
            instances=instances.get(drawn.host.id, 0),
            hooks=hook_boxes(drawn.host, adrift.get(drawn.host.id, [])),
            drift=_drift_words(adrift.get(drawn.host.id, [])),
            has_problem=bool(drawn.host.hooks_warnings) or _has_problem(drawn.host),
        )
        for drawn in drawn_hosts(hosts)
    ]


def host_row(host_id: UUID) -> HostRow | None:
    """One row alone, as it is pushed."""
    found = host_rows([host_id])
    return found[0] if found else None


def hook_boxes(host: Host, adrift: list[str]) -> list[HookBox]:
    return [_box(host, stage, drifts=stage in adrift) for stage in STAGES]


def _box(host: Host, stage: HookStage, *, drifts: bool) -> HookBox:
    if host.hooks is None:
        return HookBox(HOOK_LETTERS[stage], _("%(stage)s: not known") % {"stage": stage}, False, True)
    is_there = bool((host.hooks.get(stage) or {}).get("present"))
    words = {
        (True, False): str(stage),
        (True, True): _("%(stage)s: other than in its cluster") % {"stage": stage},
        (False, False): _("%(stage)s: none") % {"stage": stage},
        (False, True): _("%(stage)s: none, other than in its cluster") % {"stage": stage},
    }
    return HookBox(HOOK_LETTERS[stage], words[is_there, drifts], not is_there, False, drifts)


def _drift_words(stages: list[str]) -> str:
    """Names of stages are CloudStack's and are not translated."""
    if len(stages) > DRIFT_NAMED:
        return _("%(n)s of %(all)s stages differ") % {"n": len(stages), "all": len(STAGES)}
    words = ngettext("%(stages)s differs", "%(stages)s differ", len(stages))
    return words % {"stages": listing(stages)} if stages else ""


def _has_problem(host: Host) -> bool:
    return any((found or {}).get("problem") for found in (host.hooks or {}).values())


def new_run_url(kind: str, ids: list[UUID]) -> str:
    return f"{reverse('run-new')}?{urlencode([(kind, str(key)) for key in ids])}"


__all__ = [
    "HOOK_LETTERS",
    "Choice",
    "HookBox",
    "HostList",
    "HostRow",
    "asked_of_hosts",
    "host_list",
    "host_row",
    "host_rows",
    "new_run_url",
    "sorted_hosts",
]
