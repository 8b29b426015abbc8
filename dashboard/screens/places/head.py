"""A place's first lines: one sentence that says what is so, the facts, and the button that starts a maintenance."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.actions import too_low
from dashboard.screens.fleet import Service
from dashboard.screens.marks import DOWN, IN_SERVICE, NEEDS_PERSON, TAKEN, UNKNOWN, Mark, moving
from dashboard.screens.places.figures import Figures, figures
from dashboard.screens.places.kinds import CLUSTER, Kind, Link, new_run_url, parents_of
from dashboard.screens.places.rows import (
    Segment,
    Tally,
    bar,
    drift_words,
    hosts_url,
    scripts_words,
    service_words,
)
from dashboard.screens.servers.blocked import why_blocked
from dashboard.screens.words import count, figure, listing, spelled
from maintenance.domain.states import TARGET_BEGUN
from maintenance.models import Attention, Target


@dataclass(frozen=True, slots=True)
class Fact:
    """`url`: where the value has a page of its own."""

    name: str
    value: str
    more: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Start:
    """The button; `disabled` says why it cannot be pressed."""

    url: str
    says: str
    disabled: str


@dataclass(frozen=True, slots=True)
class PlaceHead:
    kind: Kind
    id: UUID
    name: str
    says: str
    then: str
    mark: Mark
    title: str
    parents: list[Link]
    facts: list[Fact]
    bar: list[Segment]
    service: list[Tally]
    cloud: UUID
    read_at: datetime
    start: Start


def place_of(kind: Kind, place_id: UUID) -> Any | None:
    """The place, also when its cloud no longer lists it."""
    return kind.with_parents().filter(id=place_id).first()


def place_head(kind: Kind, place: Any, role: str) -> PlaceHead:
    at = figures(kind, [place.id])[place.id]
    says, then, drawn = _sentence(kind, place, at)
    return PlaceHead(
        kind=kind,
        id=place.id,
        name=place.name,
        says=says,
        then=then,
        mark=drawn,
        title=f"{drawn.word}: {place.name}",
        parents=parents_of(kind, place),
        facts=_facts(kind, place, at),
        bar=bar(at),
        service=service_words(at),
        cloud=place.cloud_id,
        read_at=place.seen_at,
        start=_start(kind, place, at, role),
    )


# ---- the sentence ------------------------------------------------------------------------------------------------


def _sentence(kind: Kind, place: Any, at: Figures) -> tuple[str, str, Mark]:
    cloud = place.cloud.name
    if place.gone_at is not None:
        return _("no longer listed."), _("%(cloud)s does not know it any more.") % {"cloud": cloud}, UNKNOWN
    if not place.is_known(timezone.now()):
        then = _("%(cloud)s cannot be read; below is the last that was known.") % {"cloud": cloud}
        return _("how it is now is not known."), then, UNKNOWN
    if not at.hosts:
        return (
            _("no host is listed here."),
            _("There is nothing to maintain."),
            Mark("Waiting", _("Empty"), "waiting"),
        )
    needs = _needs(kind, place)
    begun = _targets(kind, place).filter(state__in=TARGET_BEGUN).count()
    good = at.serve.get(Service.IN, 0)
    then = _people(needs) or _away(at)
    if good == at.hosts:
        says = ngettext("its host is in service.", "all %(n)s hosts are in service.", at.hosts) % {
            "n": figure(at.hosts)
        }
    else:
        says = ngettext(
            "%(good)s of %(n)s host is in service.", "%(good)s of %(n)s hosts are in service.", at.hosts
        ) % {"good": figure(good), "n": figure(at.hosts)}
    if begun and not needs:
        then = ngettext("%(n)s is at work.", "%(n)s are at work.", begun) % {"n": spelled(begun)}
    return says, then, _mark(at, needs, begun)


def _mark(at: Figures, needs: int, begun: int) -> Mark:
    if needs:
        return NEEDS_PERSON
    if begun or at.serve.get(Service.OUT):
        return moving(_("At work"))
    for service, drawn in ((Service.DOWN, DOWN), (Service.UNKNOWN, UNKNOWN), (Service.OTHERS, TAKEN)):
        if at.serve.get(service):
            return drawn
    return IN_SERVICE


def _people(needs: int) -> str:
    if not needs:
        return ""
    return ngettext("%(n)s thing needs a person.", "%(n)s things need a person.", needs) % {
        "n": spelled(needs)
    }


def _away(at: Figures) -> str:
    """One out by us, two down."""
    words = {
        Service.OUT: _("%(n)s out by us"),
        Service.OTHERS: _("%(n)s taken by others"),
        Service.DOWN: _("%(n)s down"),
        Service.UNKNOWN: _("%(n)s unknown"),
    }
    found = [text % {"n": figure(at.serve[s])} for s, text in words.items() if at.serve.get(s)]
    return f"{listing(found, most=4)}." if found else ""


def _needs(kind: Kind, place: Any) -> int:
    return Attention.objects.filter(resolved_at=None, **{f"host__{kind.of_host}": place.id}).count()


def _targets(kind: Kind, place: Any) -> QuerySet[Target]:
    return Target.objects.filter(is_open=True, **{kind.of_target: place.id})


# ---- facts -------------------------------------------------------------------------------------------------------


def _facts(kind: Kind, place: Any, at: Figures) -> list[Fact]:
    names = {"zone": _("Zone"), "pod": _("Pod")}
    found = [
        Fact(names[above], link.text, url=link.url)
        for above, link in zip(kind.above, parents_of(kind, place), strict=True)
    ]
    if kind is CLUSTER:
        more = _("cluster %(state)s") % {"state": place.allocation_state}
        found.append(Fact(_("Hypervisor"), place.hypervisor, more))
    found.append(Fact(_("Cloud"), place.cloud.name))
    found.append(Fact(_("Hosts"), figure(at.hosts), url=hosts_url(kind, place.id)))
    found.append(Fact(_("Instances"), figure(at.instances), _("running")))
    found.append(_scripts_fact(kind, place, at))
    return found


def _scripts_fact(kind: Kind, place: Any, at: Figures) -> Fact:
    if not at.scripted:
        return Fact(_("Scripts"), _("none"), _("only KVM hosts run scripts"))
    if at.drifting:
        url = hosts_url(kind, place.id, scripts="drift")
        return Fact(_("Scripts"), drift_words(at), scripts_words(at), url)
    url = hosts_url(kind, place.id, scripts="missing") if at.missing else ""
    return Fact(_("Scripts"), scripts_words(at), _alike(at), url)


def _alike(at: Figures) -> str:
    if not at.scripts_known:
        return ""
    if at.scripts_known < at.scripted:
        return _("where known, alike in every cluster")
    return _("alike in every cluster")


# ---- the button --------------------------------------------------------------------------------------------------


def _start(kind: Kind, place: Any, at: Figures, role: str) -> Start:
    scope = {
        "zone": _("Over %(hosts)s of this zone, cluster after cluster."),
        "pod": _("Over %(hosts)s of this pod, cluster after cluster."),
        "cluster": _("Over %(hosts)s of this cluster, one after another."),
    }[kind.name] % {"hosts": count(at.hosts, "host")}
    says = _("%(scope)s You see the plan first; nothing moves before you press Start there.") % {
        "scope": scope
    }
    disabled = too_low(role) or _why_not(kind, place, at) or why_blocked(place.cloud_id)
    return Start(new_run_url(kind.plural, [place.id]), says, disabled)


def _why_not(kind: Kind, place: Any, at: Figures) -> str:
    if place.gone_at is not None:
        return _("The cloud no longer lists it.")
    if not at.hosts:
        return _("No host is listed here.")
    if at.free:
        return ""
    runs = list(
        _targets(kind, place)
        .order_by("run__number")
        .values_list("run__number", "run__started_by")
        .distinct()[:3]
    )
    words = [_("Run %(number)s (started by %(by)s)") % {"number": number, "by": by} for number, by in runs]
    return ngettext("%(runs)s has every host here.", "%(runs)s have every host here.", len(runs)) % {
        "runs": listing(words)
    }
