"""What arrives at the lab's API to take a host out or bring it back: refused by rule, or accepted as a job.

The refusals and their order are CloudStack's (prepareHostForMaintenance, cancelHostMaintenance).
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from maintenance.backends.base import AgentUnreachable, Blocked, Expired, Later, Never
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.drain import PREPARING
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.record import note_effect, note_harm
from maintenance.backends.lab.settle import Aftermath, Due, after, applies, schedule
from maintenance.domain.servers import ServerState

RETRY_AFTER_S = 1.0  # another management server is asked then
MAY_PREPARE = frozenset({"Enabled", "ErrorInMaintenance"}) | PREPARING  # the last two: and regret it (#14026)
MAY_CANCEL = frozenset({"Maintenance", "ErrorInMaintenance"}) | PREPARING


@dataclass(frozen=True, slots=True)
class Via:
    """The management server that a request came through; none in a lab that has none."""

    server_id: UUID | None = None
    name: str = ""
    state: str = ServerState.UP

    def check(self) -> None:
        """It accepts new asynchronous work. Raises: Blocked."""
        if self.state != ServerState.UP:
            raise Blocked(f"{self.name} is {self.state}: new work is refused, try again", RETRY_AFTER_S)


@dataclass(frozen=True, slots=True)
class Asked:
    """The host a request is about, under its cluster's lock."""

    id: UUID
    cluster_id: UUID
    name: str
    state: str
    resource_state: str
    drain_job: UUID | None
    now: datetime


def accept_prepare(
    door: Door, config: LabConfig, host_id: UUID, request: UUID, expires_at: datetime, via: Via
) -> str:
    """The job's id; the host is PrepareForMaintenance. The cluster is locked and settled.

    Raises: Later, Never, Expired.
    """
    if known := _job_of_request(door, request):
        return known
    host = _asked(door, host_id, expires_at)
    via.check()
    if host.resource_state not in MAY_PREPARE:
        raise Never(f"{host.name} is {host.resource_state}: it cannot be asked to prepare for maintenance")
    if host.resource_state in PREPARING:
        return _second_prepare(door, host, request, via)
    _refuse_while_another_prepares(door, host)
    _refuse_for_its_instances(door, host)
    if host.state != "Up":
        raise AgentUnreachable(f"{host.name} cannot be prepared: its agent is {host.state}")
    job = _new_job(door, host, "prepare", request, via)
    door.run(
        "UPDATE lab_host SET resource_state = 'PrepareForMaintenance', drain_job = %s, drain_tries = 0 WHERE id = %s",
        job,
        host.id,
    )
    door.run("UPDATE lab_instance SET stuck_why = '' WHERE host_id = %s AND stuck_why <> ''", host.id)
    begins = after(host.now, config.scaled(config.prepare_s))
    schedule(door, "drain_step", host.cluster_id, host.id, begins, {"job": str(job), "first": True})
    return str(job)


def accept_cancel(
    door: Door, config: LabConfig, host_id: UUID, request: UUID, expires_at: datetime, via: Via
) -> str:
    """The job's id; soon the host is Enabled, its instances stay where they are. The cluster is locked and settled.

    Raises: Later, Never, Expired.
    """
    if known := _job_of_request(door, request):
        return known
    host = _asked(door, host_id, expires_at)
    via.check()
    if host.resource_state not in MAY_CANCEL:
        raise Never(f"{host.name} is {host.resource_state}: there is no maintenance to cancel")
    if door.row(
        "SELECT 1 FROM lab_job WHERE host_id = %s AND kind = 'cancel' AND state = 'pending'", host.id
    ):
        raise Later(f"the maintenance of {host.name} is already being cancelled")
    door.run(
        "UPDATE lab_job SET state = 'failed', error = 'cancelled', ended = %s WHERE host_id = %s AND state = 'pending'",
        host.now,
        host.id,
    )
    job = _new_job(door, host, "cancel", request, via)
    ends = after(host.now, config.scaled(config.cancel_s))
    schedule(door, "cancel_done", host.cluster_id, host.id, ends, {"job": str(job)})
    return str(job)


@applies("cancel_done")
def cancel_done(door: Door, config: LabConfig, due: Due, aftermath: Aftermath) -> None:
    """The host takes instances again, unless the job was cut off. Whether its agent is Up is another matter."""
    if not end_host_job(door, due):
        return
    door.run("UPDATE lab_host SET resource_state = 'Enabled', drain_tries = 0 WHERE id = %s", due.host_id)
    door.run("UPDATE lab_instance SET stuck_why = '' WHERE host_id = %s AND stuck_why <> ''", due.host_id)
    note_effect(door, "enabled", due.host_id)


def end_host_job(door: Door, due: Due) -> bool:
    """The job that this was has succeeded; False when its management server took it along."""
    return (
        door.run(
            "UPDATE lab_job SET state = 'succeeded', ended = %s WHERE id = %s AND state = 'pending'",
            due.at,
            due.details["job"],
        )
        == 1
    )


def _job_of_request(door: Door, request: UUID) -> str:
    found = door.row("SELECT id FROM lab_job WHERE request = %s", request)
    return str(found[0]) if found else ""


def _asked(door: Door, host_id: UUID, expires_at: datetime) -> Asked:
    found = door.row(
        "SELECT id, cluster_id, name, state, resource_state, drain_job, clock_timestamp() FROM lab_host WHERE id = %s",
        host_id,
    )
    if found is None:
        raise Never(f"there is no host {host_id}")
    host = Asked(*found)
    if host.now > expires_at:
        raise Expired(f"the request for {host.name} expired at {expires_at:%H:%M:%S.%f}; it arrived too late")
    return host


def _new_job(door: Door, host: Asked, kind: str, request: UUID, via: Via) -> UUID:
    job = uuid4()
    door.run(
        "INSERT INTO lab_job (id, request, host_id, server_id, kind, state, error)"
        " VALUES (%s, %s, %s, %s, %s, 'pending', '')",
        job,
        request,
        host.id,
        via.server_id,
        kind,
    )
    note_effect(door, kind, host.id, str(job))
    return job


def _refuse_while_another_prepares(door: Door, host: Asked) -> None:
    """One host of a cluster prepares at a time."""
    found = door.row(
        "SELECT name FROM lab_host WHERE cluster_id = %s AND id <> %s AND resource_state = ANY(%s) ORDER BY name",
        host.cluster_id,
        host.id,
        list(PREPARING),
    )
    if found:
        raise Later(
            f"{found[0]} of the same cluster prepares for maintenance; one host of a cluster at a time"
        )


def _refuse_for_its_instances(door: Door, host: Asked) -> None:
    """Local storage first, then migrations towards the host, then instances on their way, then broken ones."""
    rows = door.rows(
        "SELECT name, state, uses_local_storage, goes_to_id = %s FROM lab_instance"
        " WHERE host_id = %s OR goes_to_id = %s ORDER BY name",
        host.id,
        host.id,
        host.id,
    )
    local = [name for name, _, is_local, is_coming in rows if is_local and not is_coming]
    coming = [name for name, _, _, is_coming in rows if is_coming]
    turning = [name for name, state, _, _ in rows if state in ("Starting", "Stopping")]
    broken = [f"{name} is {state}" for name, state, _, _ in rows if state in ("Error", "Unknown")]
    if local:
        raise Never(f"{host.name} runs instances on local storage: {', '.join(local)}")
    if coming:
        raise Later(f"instances are migrating to {host.name}: {', '.join(coming)}")
    if turning:
        raise Later(f"instances on {host.name} are starting or stopping: {', '.join(turning)}")
    if broken:
        raise Never(f"instances on {host.name} are not sound: {', '.join(broken)}")


def _second_prepare(door: Door, host: Asked, request: UUID, via: Via) -> str:
    """What CloudStack does when asked again meanwhile: instances that have moved are marked stopped (#14026)."""
    job = _new_job(door, host, "prepare", request, via)
    door.run("UPDATE lab_job SET state = 'succeeded', ended = %s WHERE id = %s", host.now, job)
    stopped = door.rows(
        "UPDATE lab_instance SET state = 'Stopped', host_id = NULL, goes_to_id = NULL WHERE id IN ("
        " SELECT id FROM lab_instance WHERE state IN ('Running', 'Migrating') AND (drained_by = %s OR host_id = %s)"
        " ORDER BY drained_by IS NULL, state, name LIMIT 2) RETURNING id",
        host.drain_job,
        host.id,
    )
    for (instance_id,) in stopped:
        note_harm(door, "stopped_by_second_prepare", host.id, instance_id)
    note_harm(door, "second_prepare", host.id)
    return str(job)
