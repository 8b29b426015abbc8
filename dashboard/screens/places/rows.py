"""One row of a list of zones, pods or clusters: how its hosts serve, as a bar and in words, and what runs on them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard.screens.fleet import Service
from dashboard.screens.marks import DOWN, IN_SERVICE, TAKEN, UNKNOWN, Mark, moving
from dashboard.screens.places.asked import Asked
from dashboard.screens.places.figures import Figures, RunThere, figures
from dashboard.screens.places.kinds import Kind, Link, parents_of
from dashboard.screens.words import figure


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
    Service.OUT: moving(gettext_lazy("Out by us")),
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
