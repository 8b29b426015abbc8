"""The lists of zones, pods and clusters: search, filters, order and pages in the address; one row a place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.fleet import Service, serving
from dashboard.screens.host.drift import drift_by_place
from dashboard.screens.natural_order import natural_key
from dashboard.screens.places.asked import (
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
from dashboard.screens.places.figures import ALL_FOUR, SCRIPTED, tallied
from dashboard.screens.places.kinds import CLUSTER, KINDS, POD, ZONE, Kind, parents_of
from dashboard.screens.places.rows import PlaceRow, place_rows
from dashboard.screens.servers.blocked import why_no_start
from dashboard.screens.words import count, figure
from maintenance.domain.states import TARGET_ENDED
from maintenance.models import Host, Target

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

COLUMNS = (
    Column("name", gettext_lazy("Name")),
    Column("hosts", gettext_lazy("Hosts"), is_number=True, most_first=True),
    Column("service", gettext_lazy("In service"), most_first=True),
    Column("instances", gettext_lazy("Instances"), is_number=True, most_first=True),
    Column("scripts", gettext_lazy("Scripts"), most_first=True),
    Column("runs", gettext_lazy("Runs in progress"), most_first=True),
)
# What a list can be narrowed to: a place is shown when one of its hosts is like this.
STATES: "Mapping[str, StrPromise]" = {
    Service.OUT: gettext_lazy("Hosts out by us"),
    Service.OTHERS: gettext_lazy("Hosts taken by others"),
    Service.DOWN: gettext_lazy("Hosts down"),
    Service.UNKNOWN: gettext_lazy("Hosts unknown"),
    "in-run": gettext_lazy("In a run"),
    "drift": gettext_lazy("Scripts that differ"),
    "missing": gettext_lazy("Scripts missing"),
    "empty": gettext_lazy("Without hosts"),
}


@dataclass(frozen=True, slots=True)
class PlaceList:
    kind: Kind
    asked: Asked
    says: str
    headings: list[Heading]
    rows: list[PlaceRow]
    filters: list[tuple[str, str, list[Choice]]]
    orders: list[Choice]
    pages: Pages
    start_disabled: str


def place_list(kind: Kind, asked: Asked, role: str) -> PlaceList:
    listed = kind.listed()
    found = _filtered(kind, listed, asked)
    total, matching = listed.count(), found.count()
    pages = pages_of(asked, matching)
    ids = list(sorted_places(kind, found, asked).values_list("id", flat=True)[pages.rows])
    says = count(total, kind.name)
    if asked.is_filtered:
        says = _("%(n)s of %(all)s") % {"n": figure(matching), "all": says}
    return PlaceList(
        kind=kind,
        asked=asked,
        says=says,
        headings=headings(asked, COLUMNS),
        rows=place_rows(kind, ids),
        filters=_filters(kind, asked),
        orders=orders(asked, COLUMNS),
        pages=pages,
        start_disabled=why_no_start(role),
    )


def asked_of(kind: Kind, asked: Asked) -> Asked:
    """What this list can answer: filters of other lists and columns there are not are left out."""
    return Asked(
        search=asked.search,
        zone=asked.zone if "zone" in kind.above else None,
        pod=asked.pod if "pod" in kind.above else None,
        state=asked.state if asked.state in STATES else "",
        sort=known_sort(asked.sort, COLUMNS),
        page=asked.page,
    )


def _filtered(kind: Kind, listed: QuerySet[Any], asked: Asked) -> QuerySet[Any]:
    found = listed
    if asked.search:
        found = found.filter(name__icontains=asked.search)
    for above in kind.above:
        if chosen := getattr(asked, above):
            path = {("cluster", "zone"): "pod__zone", ("cluster", "pod"): "pod"}.get(
                (kind.name, above), above
            )
            found = found.filter(**{path: chosen})
    if not asked.state:
        return found
    hosts = Host.objects.filter(gone_at=None).order_by()
    match asked.state:
        case "in-run":
            there = Target.objects.filter(is_open=True).exclude(state__in=TARGET_ENDED).order_by()
            return found.filter(id__in=there.values(kind.of_target))
        case "drift":
            return found.filter(id__in=drift_by_place(kind))
        case "missing":
            lacking = hosts.filter(hypervisor=SCRIPTED, hooks__isnull=False).exclude(ALL_FOUR)
            return found.filter(id__in=lacking.values(kind.of_host))
        case "empty":
            return found.exclude(id__in=hosts.values(kind.of_host))
        case service:
            return found.filter(id__in=serving(hosts, service).values(kind.of_host))


def sorted_places(kind: Kind, found: QuerySet[Any], asked: Asked) -> QuerySet[Any]:
    names = [natural_key(f"{parent}__name") for parent in kind.parents()] + [natural_key("name")]
    if asked.column in {"", "name"}:
        by_name = names if not asked.column else [names[-1], *names[:-1]]
        return found.order_by(*(key.desc() if asked.is_descending else key.asc() for key in by_name), "id")
    tally = tallied(kind, asked.column)
    table = kind.model._meta.db_table
    found = found.annotate(
        tally=RawSQL(
            "coalesce((SELECT n FROM unnest(%s::uuid[], %s::bigint[]) AS tally(id, n)"
            f" WHERE tally.id = {table}.id), 0)",
            [list(tally), list(tally.values())],
        )
    )
    return found.order_by("-tally" if asked.is_descending else "tally", *names, "id")


def _filters(kind: Kind, asked: Asked) -> list[tuple[str, str, list[Choice]]]:
    found = [above_filter(KINDS[above], getattr(asked, above), asked) for above in kind.above]
    states = [Choice(value, str(text), value == asked.state) for value, text in STATES.items()]
    return [*found, ("state", _("With"), states)]


def above_filter(kind: Kind, chosen: UUID | None, asked: Asked) -> tuple[str, str, list[Choice]]:
    """The places a list can be narrowed to: those of the zone that is chosen, if one is."""
    listed = kind.listed()
    if asked.zone and kind is not ZONE:
        listed = listed.filter(Q(**{"zone" if kind is POD else "pod__zone": asked.zone}) | Q(id=chosen))
    if asked.pod and kind is CLUSTER:
        listed = listed.filter(Q(pod=asked.pod) | Q(id=chosen))
    ordered = listed.order_by(
        *(natural_key(f"{parent}__name") for parent in kind.parents()), natural_key("name"), "id"
    )
    choices = []
    for place in ordered:
        names = [*(link.text for link in parents_of(kind, place)[:1]), place.name]
        choices.append(Choice(str(place.id), " · ".join(names), place.id == chosen))
    return kind.name, {"zone": _("Zone"), "pod": _("Pod"), "cluster": _("Cluster")}[kind.name], choices
