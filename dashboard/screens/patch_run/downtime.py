"""What probes measured from outside while a run touched a router, in words. Not measured is said, never guessed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard.screens.words import figure
from maintenance.models import Downtime

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

WAYS: "Mapping[str, StrPromise]" = {
    "ingress": gettext_lazy("ingress"),
    "egress": gettext_lazy("egress"),
    "load-balancer": gettext_lazy("load balancer"),
}


@dataclass(frozen=True, slots=True)
class Measured:
    """One way through a router. `says`: its lost time; `probes`: how closely it was looked at."""

    way: str
    says: str
    probes: str
    is_open: bool


def measured_of(rows: Iterable[Downtime]) -> list[Measured]:
    return [_measured(row) for row in rows]


def measured_by_vm(run_id: UUID) -> dict[UUID, list[Measured]]:
    """Of a run's VMs. One query."""
    found: dict[UUID, list[Measured]] = {}
    for row in Downtime.objects.filter(run=run_id).order_by("way"):
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
        probes=probes,
        is_open=row.ended_at is None,
    )
