"""What a caller sees of a job and of a drain."""

from uuid import UUID

from maintenance.backends.base import DrainLook, JobLook, Never
from maintenance.backends.lab.world import World


def look_at_job(world: World, job_id: str) -> JobLook:
    """The job as it is now; one the lab never accepted is unknown."""
    try:
        wanted = UUID(job_id)
    except ValueError:
        return JobLook("unknown", f"{job_id!r} is no job of this cloud")
    for has_been_settled in (False, True):
        found = world.door.row(
            "SELECT j.state, j.error, h.cluster_id, EXISTS (SELECT 1 FROM lab_due d WHERE d.cluster_id = h.cluster_id"
            " AND d.at <= clock_timestamp()) FROM lab_job j JOIN lab_host h ON h.id = j.host_id WHERE j.id = %s",
            wanted,
        )
        if found is None:
            return JobLook("unknown", f"{job_id} is no job of this cloud")
        state, error, cluster_id, is_behind = found
        if has_been_settled or not is_behind:
            return JobLook(state, error)
        world.settle(cluster_id)
    raise AssertionError("settled once, looked at twice")


def look_at_drain(world: World, host_id: UUID) -> DrainLook:
    """How far the newest drain of the host is. Raises: Never."""
    world.host(host_id)
    found = world.door.row(
        "SELECT (SELECT count(*) FROM lab_instance i WHERE i.drained_by = h.drain_job),"
        " array(SELECT ARRAY[i.name, i.state, i.stuck_why] FROM lab_instance i WHERE i.host_id = h.id"
        "   AND i.state <> 'Stopped' ORDER BY i.name)"
        " FROM lab_host h WHERE h.id = %s",
        host_id,
    )
    if found is None:
        raise Never(f"there is no host {host_id}")
    moved, here = found
    return DrainLook(
        moved=moved,
        left=len(here),
        moving=next((name for name, state, _ in here if state == "Migrating"), ""),
        stuck=tuple((name, why) for name, _, why in here if why),
    )
