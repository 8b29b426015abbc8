"""Asynchronous jobs of the lab's management servers: other people's, which end and recur, and our own."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.servers.rows import ServerRow
from maintenance.backends.servers import CutOffJobRead, PendingJobRead
from maintenance.domain.servers import ServerState

# Our own requests about hosts, as the cloud calls the jobs that they become.
COMMANDS = {"prepare": "PrepareForMaintenanceCmd", "cancel": "CancelMaintenanceCmd"}
LIKE_MIN_S = 1.0  # a recurring job takes at least this
CUT_OFF_SHOWN_MAX = 500


def pending_jobs(door: Door, config: LabConfig, server_id: UUID | None = None) -> tuple[PendingJobRead, ...]:
    """The jobs that have not ended, oldest first; of one server, or of all. Time has been caught up."""
    rows = door.rows(
        "SELECT id, management_server_id, command, resource_type, account, domain, created, resource_name, ends,"
        " clock_timestamp() FROM lab_pending_job WHERE NOT waits AND (%s::uuid IS NULL OR management_server_id = %s)"
        " UNION ALL SELECT j.id, j.server_id, j.kind, 'Host', 'admin', 'ROOT', j.created, h.name, NULL,"
        " clock_timestamp() FROM lab_job j JOIN lab_host h ON h.id = j.host_id WHERE j.state = 'pending'"
        " AND (%s::uuid IS NULL OR j.server_id = %s) ORDER BY created, id",
        *(server_id, server_id),
        *(server_id, server_id),
    )
    return tuple(_job_read(config, row) for row in rows)


def _job_read(config: LabConfig, row: tuple[Any, ...]) -> PendingJobRead:
    job_id, server_id, kind, resource_type, account, domain, created, resource_name, ends, now = row
    if kind in COMMANDS:
        lasts_s = config.prepare_s if kind == "prepare" else config.cancel_s
        ends = created + timedelta(seconds=config.scaled(lasts_s))
    return PendingJobRead(
        job_id,
        server_id,
        COMMANDS.get(kind, kind),
        resource_type,
        account,
        domain,
        created,
        resource_name,
        None if ends is None else _percent(created, ends, now),
    )


def _percent(created: datetime, ends: datetime, now: datetime) -> int:
    """Never 100 before it has ended."""
    whole_s = max((ends - created).total_seconds(), 0.001)
    return max(0, min(99, int(100 * (now - created).total_seconds() / whole_s)))


def jobs_ended_at(door: Door, server: ServerRow) -> datetime | None:
    """When the last of its jobs ended, at the earliest when it entered its state; None while one is pending."""
    found = door.row(
        "SELECT EXISTS (SELECT 1 FROM lab_pending_job WHERE management_server_id = %s AND NOT waits)"
        " OR EXISTS (SELECT 1 FROM lab_job WHERE server_id = %s AND state = 'pending'),"
        " greatest(%s::timestamptz, %s::timestamptz,"
        "   (SELECT max(ended) FROM lab_job WHERE server_id = %s AND ended >= %s))",
        server.id,
        server.id,
        server.since,
        server.last_job_ended_at,
        server.id,
        server.since,
    )
    assert found is not None
    ended: datetime = found[1]
    return None if found[0] else ended


def next_end(door: Door, now: datetime) -> tuple[datetime, UUID] | None:
    """The next job of other people that has ended by now, and the moment."""
    row = door.row(
        "SELECT ends, id FROM lab_pending_job WHERE ends <= %s AND NOT waits ORDER BY ends, id LIMIT 1", now
    )
    return None if row is None else (row[0], row[1])


def end_job(door: Door, job_id: UUID, at: datetime, now: datetime) -> None:
    """The job has ended; the like of one that recurs has begun on a server that is Up."""
    row = door.row("SELECT management_server_id, recurs FROM lab_pending_job WHERE id = %s", job_id)
    if row is None:
        return
    server_id, recurs = row
    door.run(
        "UPDATE lab_management_server SET last_job_ended_at = greatest(last_job_ended_at, %s) WHERE id = %s",
        at,
        server_id,
    )
    if recurs:
        _begin_like(door, job_id, at, now)
    else:
        door.run("DELETE FROM lab_pending_job WHERE id = %s", job_id)


def _begin_like(door: Door, job_id: UUID, at: datetime, now: datetime) -> None:
    """Where the job was, if that is Up, else where the fewest are. Those that nobody saw come and go are skipped:
    on a server that is Up they change nothing."""
    found = door.row(
        "SELECT m.id FROM lab_management_server m LEFT JOIN lab_pending_job p ON p.management_server_id = m.id"
        " WHERE m.state = %s GROUP BY m.id"
        " ORDER BY m.id = (SELECT management_server_id FROM lab_pending_job WHERE id = %s) DESC NULLS LAST,"
        " count(p.id), m.name LIMIT 1",
        ServerState.UP,
        job_id,
    )
    if found is None:
        door.run("UPDATE lab_pending_job SET waits = true, management_server_id = NULL WHERE id = %s", job_id)
        return
    row = door.row(
        "SELECT extract(epoch FROM ends - created)::float FROM lab_pending_job WHERE id = %s", job_id
    )
    assert row is not None
    lasts_s = max(row[0] or LIKE_MIN_S, LIKE_MIN_S)
    unseen = max(0.0, (now - at).total_seconds()) // lasts_s
    begins = at + timedelta(seconds=unseen * lasts_s)
    door.run(
        "UPDATE lab_pending_job SET id = %s, management_server_id = %s, created = %s, ends = %s, waits = false"
        " WHERE id = %s",
        uuid4(),
        found[0],
        begins,
        begins + timedelta(seconds=lasts_s),
        job_id,
    )


def begin_waiting(door: Door, at: datetime, now: datetime) -> None:
    """A server is Up again: jobs that could begin nowhere have begun."""
    for (job_id,) in door.rows("SELECT id FROM lab_pending_job WHERE waits"):
        _begin_like(door, job_id, at, now)


def cut_off_jobs(door: Door, server: ServerRow, at: datetime, now: datetime, why: str) -> None:
    """The server's jobs have ended, by name; nobody knows how far their resources got. Its state is written."""
    door.run(
        "INSERT INTO lab_cut_off_job (id, management_server_id, server_name, command, resource_type, resource_name,"
        " account, domain, created, ended_at, why)"
        " SELECT id, management_server_id, %s, command, resource_type, resource_name, account, domain, created, %s, %s"
        " FROM lab_pending_job WHERE management_server_id = %s AND NOT waits",
        *(server.name, at, why),
        server.id,
    )
    for (job_id,) in door.rows("SELECT id FROM lab_pending_job WHERE management_server_id = %s", server.id):
        end_job(door, job_id, at, now)
    door.run(
        "WITH ended AS (UPDATE lab_job SET state = 'failed', error = %s, ended = %s WHERE server_id = %s"
        "   AND state = 'pending' RETURNING id, kind, host_id, created)"
        " INSERT INTO lab_cut_off_job (id, management_server_id, server_name, command, resource_type, resource_name,"
        " account, domain, created, ended_at, why)"
        " SELECT e.id, %s, %s, %s::jsonb ->> e.kind, 'Host', h.name, 'admin', 'ROOT', e.created, %s, %s"
        " FROM ended e JOIN lab_host h ON h.id = e.host_id",
        *(why, at, server.id),
        *(server.id, server.name, json.dumps(COMMANDS), at, why),
    )


def cut_off_now(door: Door) -> tuple[CutOffJobRead, ...]:
    """Jobs that were cut off, the newest first; bounded."""
    rows = door.rows(
        "SELECT id, management_server_id, server_name, command, resource_type, resource_name, account, domain, created,"
        " ended_at, why FROM lab_cut_off_job ORDER BY ended_at DESC, id LIMIT %s",
        CUT_OFF_SHOWN_MAX,
    )
    return tuple(CutOffJobRead(*row) for row in rows)
