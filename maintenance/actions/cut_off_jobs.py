"""Jobs that ended with their server: a person looks at what they left behind, and says that it is in order."""

from uuid import UUID

from maintenance.actions.errors import Conflict, NotFound
from maintenance.clock import database_now
from maintenance.feed import unit_of_work
from maintenance.models import CutOffJob


def reconcile(cut_off_id: UUID, *, actor: str, request_id: str = "") -> CutOffJob:
    """`actor` has looked at the resource, and it is in order; the row is listed no more.

    Raises: NotFound; Conflict for one that somebody has reconciled already.
    """
    with unit_of_work(actor, request_id=request_id) as work:
        job = CutOffJob.objects.select_for_update(no_key=True).filter(id=cut_off_id).first()
        if job is None:
            raise NotFound(f"no job that was cut off has the id {cut_off_id}")
        if job.reconciled_at is not None:
            raise Conflict(f"{job.name} was reconciled by {job.reconciled_by} already")
        job.reconciled_at, job.reconciled_by = database_now(), actor
        job.save(update_fields=["reconciled_at", "reconciled_by"])
        about = {
            "cut_off": str(job.id),
            "name": job.name,
            "server": str(job.management_server_id or ""),
            "server_name": job.server_name,
            "resource": job.resource_name,
        }
        work.event("cut_off.reconciled", about, after={"reconciled_by": actor})
        work.audit("job reconciled", about, before={"why": job.why, "ended_at": job.ended_at.isoformat()})
        return job
