"""Jobs that were cut off and whose resources somebody has to look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.actions import too_low
from dashboard.screens.words import figure
from maintenance.models import CutOffJob

SHOWN_MAX = 50


@dataclass(frozen=True, slots=True)
class CutOffRow:
    id: UUID
    resource: str
    resource_type: str
    command: str
    owner: str
    server: str
    server_url: str
    ended_at: datetime
    why: str
    url: str


@dataclass(frozen=True, slots=True)
class CutOff:
    """`says`: “2 jobs were cut off”; empty when there is nothing to look at."""

    rows: Sequence[CutOffRow]
    total: int
    more: int
    says: str
    disabled: str


def to_reconcile() -> QuerySet[CutOffJob]:
    """Kept when the cloud lists them no more: only a person takes one away."""
    return CutOffJob.objects.filter(reconciled_at=None)


def cut_off(role: str, server_id: UUID | None = None) -> CutOff:
    """Of one server, or of all; the newest first."""
    found = to_reconcile()
    if server_id is not None:
        found = found.filter(management_server=server_id)
    total = found.count()
    rows = [_row(job) for job in found.order_by("-ended_at", "id")[:SHOWN_MAX]]
    says = ngettext(
        "%(n)s job was cut off: look at what it left behind",
        "%(n)s jobs were cut off: look at what they left behind",
        total,
    ) % {"n": figure(total)}
    return CutOff(rows, total, total - len(rows), says if total else "", too_low(role))


def _row(job: CutOffJob) -> CutOffRow:
    return CutOffRow(
        id=job.id,
        resource=job.resource_name or _("(no name)"),
        resource_type=job.resource_type,
        command=job.name,
        owner=" · ".join(part for part in (job.account, job.domain) if part),
        server=job.server_name,
        server_url=reverse("server", args=[job.management_server_id]) if job.management_server_id else "",
        ended_at=job.ended_at,
        why=job.why,
        url=reverse("job-reconcile", args=[job.id]),
    )
