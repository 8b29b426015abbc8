"""What probes measured from outside while a run touched a router, in words. Not measured is said, never guessed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard.screens.words import figure, listing
from maintenance.models import Downtime

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

LONGEST_SHOWN = 3

WAYS: "Mapping[str, StrPromise]" = {
    "ingress": gettext_lazy("ingress"),
    "egress": gettext_lazy("egress"),
    "load-balancer": gettext_lazy("load balancer"),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One way through a router. `says`: its lost time; `longest`: its longest gaps; `probes`: how closely it was looked
    at; `warning`: why the figure is not all that can be said."""

    way: str
    says: str
    longest: str
    probes: str
    warning: str
    is_open: bool


def measured_of(rows: Iterable[Downtime]) -> list[Measured]:
    return [_measured(row) for row in sorted(rows, key=_place)]


def measured_by_vm(run_id: UUID) -> dict[UUID, list[Measured]]:
    """Of a run's VMs. One query."""
    found: dict[UUID, list[Measured]] = {}
    for row in sorted(Downtime.objects.filter(run=run_id), key=_place):
        found.setdefault(row.system_vm_id, []).append(_measured(row))
    return found


def _measured(row: Downtime) -> Measured:
    probes = ngettext(
        "%(failed)s of %(n)s probe failed, one every %(ms)s ms",
        "%(failed)s of %(n)s probes failed, one every %(ms)s ms",
        row.probes,
    ) % {"failed": figure(row.failed), "n": figure(row.probes), "ms": figure(row.interval_ms)}
    return Measured(
        way=str(WAYS.get(row.way, row.way)),
        says=_("%(n)s ms lost") % {"n": figure(round(row.down_ms))},
        longest=_longest(row),
        probes=probes,
        warning=_warning(row),
        is_open=row.ended_at is None,
    )


def _place(row: Downtime) -> int:
    """In, out, then the rest."""
    return list(WAYS).index(row.way) if row.way in WAYS else len(WAYS)


def _longest(row: Downtime) -> str:
    """Where it was lost in several pieces: the longest of them."""
    gaps = sorted((float(gap.get("ms") or 0) for gap in row.gaps), reverse=True)
    if len(gaps) < 2:
        return ""
    shown = [_("%(n)s ms") % {"n": figure(round(ms))} for ms in gaps[:LONGEST_SHOWN]]
    return _("longest gaps: %(gaps)s") % {"gaps": listing(shown, most=LONGEST_SHOWN)}


def _warning(row: Downtime) -> str:
    if row.was_down_before:
        return _("it did not answer before; only what came after its first answer is counted")
    if row.interrupted:
        words = ngettext(
            "%(n)s time nobody probed for a while: it may be more",
            "%(n)s times nobody probed for a while: it may be more",
            row.interrupted,
        )
        return words % {"n": figure(row.interrupted)}
    return ""
