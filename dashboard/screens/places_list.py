"""The lists of zones, pods and clusters: search, filters, order and pages in the address; one row a place."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.expressions import RawSQL
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as lazy
from django.utils.translation import ngettext

from dashboard.screens.actions import too_low
from dashboard.screens.fleet import Service, serving
from dashboard.screens.host_drift import drift_by_place
from dashboard.screens.marks import DOWN, IN_SERVICE, TAKEN, UNKNOWN, Mark, moving
from dashboard.screens.natural_order import natural_key
from dashboard.screens.places import CLUSTER, KINDS, POD, ZONE, Kind, Link, parents_of
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
from dashboard.screens.places_figures import ALL_FOUR, SCRIPTED, Figures, RunThere, figures, tallied
from dashboard.screens.words import count, figure
from maintenance.domain.states import TARGET_ENDED
from maintenance.models import Host, Target

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

COLUMNS = (
    Column("name", lazy("Name")),
    Column("hosts", lazy("Hosts"), is_number=True, most_first=True),
    Column("service", lazy("In service"), most_first=True),
    Column("instances", lazy("Instances"), is_number=True, most_first=True),
    Column("scripts", lazy("Scripts"), most_first=True),
    Column("runs", lazy("Runs in progress"), most_first=True),
)
# What a list can be narrowed to: a place is shown when one of its hosts is like this.
STATES: "Mapping[str, StrPromise]" = {
    Service.OUT: lazy("Hosts out by us"),
    Service.OTHERS: lazy("Hosts taken by others"),
    Service.DOWN: lazy("Hosts down"),
    Service.UNKNOWN: lazy("Hosts unknown"),
    "in-run": lazy("In a run"),
    "drift": lazy("Scripts that differ"),
    "missing": lazy("Scripts missing"),
    "empty": lazy("Without hosts"),
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of the bar: 100 is all hosts."""

    state: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Tally:
    mark: Mark
    words: str


@dataclass(frozen=True, slots=True)
class PlaceRow:
    id: UUID
    kind: str
    plural: str
    name: str
    url: str
    parents: list[Link]
    hosts: int
    hosts_url: str
    bar: list[Segment]
    service: list[Tally]
    instances: int
    scripts: str
    drift: str
    runs: list[RunThere]


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
        start_disabled=too_low(role),
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


def place_rows(kind: Kind, ids: list[UUID]) -> list[PlaceRow]:
    """These places, in this order; those that are gone are left out."""
    found = {place.id: place for place in kind.listed().filter(id__in=ids)}
    counted = figures(kind, [key for key in ids if key in found])
    return [_row(kind, found[key], counted[key]) for key in ids if key in found]


def place_row(kind: Kind, place_id: UUID) -> PlaceRow | None:
    """One row alone, as it is pushed."""
    found = place_rows(kind, [place_id])
    return found[0] if found else None


def _row(kind: Kind, place: Any, at: Figures) -> PlaceRow:
    return PlaceRow(
        id=place.id,
        kind=kind.name,
        plural=kind.plural,
        name=place.name,
        url=kind.url(place.id),
        parents=parents_of(kind, place),
        hosts=at.hosts,
        hosts_url=hosts_url(kind, place.id),
        bar=bar(at),
        service=service_words(at),
        instances=at.instances,
        scripts=scripts_words(at),
        drift=drift_words(at),
        runs=at.runs,
    )


def hosts_url(kind: Kind, place_id: UUID, **more: str) -> str:
    return reverse("hosts") + Asked(**{kind.name: place_id}, **more).address()  # type: ignore[arg-type]


_MARKS: Mapping[Service, Mark] = {
    Service.IN: IN_SERVICE,
    Service.OUT: moving(lazy("Out by us")),
    Service.OTHERS: TAKEN,
    Service.DOWN: DOWN,
    Service.UNKNOWN: UNKNOWN,
}


def bar(at: Figures) -> list[Segment]:
    """How the hosts serve, as pieces of a line."""
    found, x = [], 0.0
    for service, drawn in _MARKS.items():
        width = round(100 * at.serve.get(service, 0) / at.hosts, 3) if at.hosts else 0.0
        if width:
            found.append(Segment(drawn.state, round(x, 3), width))
            x += width
    return found


def service_words(at: Figures) -> list[Tally]:
    """8 of 9 in service · 1 out by us: each with its mark; what there is none of is left out."""
    if not at.hosts:
        return []
    good = at.serve.get(Service.IN, 0)
    words = {
        Service.IN: _("%(n)s of %(all)s in service") % {"n": figure(good), "all": figure(at.hosts)},
        Service.OUT: _("%(n)s out by us"),
        Service.OTHERS: _("%(n)s taken by others"),
        Service.DOWN: _("%(n)s down"),
        Service.UNKNOWN: _("%(n)s unknown"),
    }
    found = []
    for service, drawn in _MARKS.items():
        number = at.serve.get(service, 0)
        is_shown = number or (service is Service.IN and not at.serve.get(Service.UNKNOWN))
        if is_shown:
            text = words[service] if service is Service.IN else words[service] % {"n": figure(number)}
            glyph = drawn if number else Mark("Waiting", "", "waiting")
            found.append(Tally(Mark(glyph.state, text, glyph.glyph), text))
    return found


def scripts_words(at: Figures) -> str:
    """All four on 8 of 9 hosts."""
    if not at.scripted:
        return ""
    if not at.scripts_known:
        return _("not known")
    unknown = at.scripted - at.scripts_known
    words = _("all four on %(n)s of %(all)s") % {"n": figure(at.whole), "all": figure(at.scripted)}
    if unknown:
        words += ", " + ngettext("%(n)s not known", "%(n)s not known", unknown) % {"n": figure(unknown)}
    return words


def drift_words(at: Figures) -> str:
    if not at.drifting:
        return ""
    return ngettext("%(n)s host differs", "%(n)s hosts differ", at.drifting) % {"n": figure(at.drifting)}
