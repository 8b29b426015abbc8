"""One row of a list of jobs: what it does, for whom, since when, and which run of ours it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils import timezone

from maintenance.models import Intent, PendingJob

LATE_S = 600  # older than this is longer than usual: most jobs take seconds


@dataclass(frozen=True, slots=True)
class JobRow:
    """`run_number`: the run of ours that asked for it; a server that prepares waits for that run."""

    id: UUID
    command: str
    resource_type: str
    resource: str
    account: str
    domain: str
    server: str
    server_url: str
    created: datetime
    progress: int | None
    run_number: int | None
    run_url: str
    is_late: bool
    late_s: int = LATE_S


def pending() -> QuerySet[PendingJob]:
    """Only those that go on. The oldest first: what is stuck stands on top."""
    return PendingJob.objects.filter(gone_at=None).order_by("created", "id")


def job_rows(jobs: QuerySet[PendingJob]) -> list[JobRow]:
    """Two queries, however many."""
    found = list(jobs.annotate(server_name=F("management_server__name")))
    ours = dict(_ours(found))
    now = timezone.now()
    rows = []
    for job in found:
        number, run = ours.get(str(job.id), (None, None))
        rows.append(
            JobRow(
                id=job.id,
                command=job.name,
                resource_type=job.resource_type,
                resource=job.resource_name,
                account=job.account,
                domain=job.domain,
                server=job.server_name or "",
                server_url=reverse("server", args=[job.management_server_id]) if job.server_name else "",
                created=job.created,
                progress=job.progress,
                run_number=number,
                run_url=reverse("run", args=[run]) if run else "",
                is_late=(now - job.created).total_seconds() > LATE_S,
            )
        )
    return rows


def _ours(jobs: Sequence[PendingJob]) -> list[tuple[str, tuple[int, UUID]]]:
    asked = Intent.objects.filter(job_id__in=[str(job.id) for job in jobs]).exclude(job_id="")
    found = asked.values_list("job_id", "step__run__number", "step__run")
    return [(job, (number, run)) for job, number, run in found]
