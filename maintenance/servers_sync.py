"""Reading the management servers and their jobs, about twice a second: a job that has ended leaves within a second."""

from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import F, Q
from django.db.models.functions import Now

from maintenance.backends.base import CloudError
from maintenance.backends.registry import cloud_of_kind
from maintenance.backends.servers import ManagementServerRead, PeerRead, ServersRead
from maintenance.clock import database_now
from maintenance.feed import ENGINE, unit_of_work
from maintenance.following import Kind, follow, named
from maintenance.models import Cloud, CutOffJob, ManagementServer, PendingJob

log = structlog.get_logger(__name__)

LAST_AGENTS_MAX = 50  # named; each change of the list is an event
READING_MAX = timedelta(seconds=30)  # another engine tries after this, if the one that reads died


def read_due_servers() -> None:
    """Read the servers that have waited longest, if any are due and no other engine reads them."""
    due = Cloud.objects.filter(Q(servers_due_at=None) | Q(servers_due_at__lte=Now()))
    if not due.exists():
        return
    with unit_of_work(ENGINE):
        cloud = (
            due.select_for_update(no_key=True, skip_locked=True)
            .order_by(F("servers_due_at").asc(nulls_first=True))
            .first()
        )
        if cloud is None:
            return
        cloud.servers_due_at = database_now() + READING_MAX
        cloud.save(update_fields=["servers_due_at"])
    read_servers(cloud)


def read_servers(cloud: Cloud) -> None:
    """The rows of servers and jobs follow what the cloud says now, or the cloud's row says why it could not be read."""
    try:
        reading = cloud_of_kind(cloud.kind, cloud.id).read_servers()
    except CloudError as reason:
        _note_failure(cloud, str(reason))
    else:
        _apply(cloud, reading)


def _note_failure(cloud: Cloud, reason: str) -> None:
    with unit_of_work(ENGINE) as work:
        row = Cloud.objects.select_for_update(no_key=True).get(id=cloud.id)
        is_news = row.servers_error != reason
        row.servers_error = reason
        row.servers_due_at = database_now() + timedelta(seconds=settings.SERVERS_POLL_S)
        row.save(update_fields=["servers_error", "servers_due_at"])
        if is_news:
            log.warning("management servers cannot be read", cloud=cloud.name, reason=reason)
            work.event("servers.read", {"cloud": str(row.id), "name": row.name}, after={"error": reason})


def _apply(cloud: Cloud, reading: ServersRead) -> None:
    with unit_of_work(ENGINE) as work:
        row = Cloud.objects.select_for_update(no_key=True).get(id=cloud.id)
        now = database_now()
        row.servers_due_at = now + timedelta(seconds=settings.SERVERS_POLL_S)
        if row.servers_as_of is not None and reading.as_of < row.servers_as_of:
            row.save(update_fields=["servers_due_at"])
            return
        for kind in KINDS:
            follow(work, row, kind, kind.rows(reading), reading.as_of)
        had_error = bool(row.servers_error)
        row.servers_read_at, row.servers_as_of, row.servers_error = now, reading.as_of, ""
        row.save(update_fields=["servers_due_at", "servers_read_at", "servers_as_of", "servers_error"])
        if had_error:
            work.event("servers.read", {"cloud": str(row.id), "name": row.name}, after={"error": ""})


def _columns_of(server: ManagementServerRead) -> dict[str, object]:
    return {
        "name": server.name,
        "state": server.state,
        "version": server.version,
        "agents": server.agents,
        "pending_jobs": server.pending_jobs,
        "address": server.address,
        "last_agents": list(server.last_agents[:LAST_AGENTS_MAX]),
        "peers": [_peer(peer) for peer in server.peers],
        "tasks": dict(server.tasks),
        "os_distribution": server.os_distribution,
        "kernel_version": server.kernel_version,
        "java_version": server.java_version,
        "started_at": server.started_at,
        "stopped_at": server.stopped_at,
        "booted_at": server.booted_at,
        "window_ends_at": server.window_ends_at,
        "is_forced": server.is_forced,
    }


def _steps(percent: int | None) -> int | None:
    """In steps of ten: each change is an event that every open page hears of."""
    return None if percent is None else percent // 10 * 10


def _peer(peer: PeerRead) -> dict[str, str]:
    """Without the moment it was last seen: that would be a change with every reading."""
    return {"name": peer.name, "address": peer.address, "state": peer.state}


SERVER: Kind[ServersRead] = Kind(
    ManagementServer,
    "server.changed",
    lambda s: ((m.id, _columns_of(m)) for m in s.servers),
    named("server"),
)
KINDS: tuple[Kind[ServersRead], ...] = (
    SERVER,
    Kind(
        PendingJob,
        "jobs.changed",
        lambda s: (
            (
                j.id,
                {
                    "name": j.command,
                    "management_server_id": j.management_server_id,
                    "resource_type": j.resource_type,
                    "resource_name": j.resource_name,
                    "account": j.account,
                    "domain": j.domain,
                    "created": j.created,
                    "progress": _steps(j.progress),
                },
            )
            for j in s.jobs
        ),
        lambda row: {"job": str(row.id), "name": row.name, "server": str(row.management_server_id or "")},
    ),
    Kind(
        CutOffJob,
        "cut_off.changed",
        lambda s: (
            (
                c.id,
                {
                    "name": c.command,
                    "management_server_id": c.management_server_id,
                    "server_name": c.server_name,
                    "resource_type": c.resource_type,
                    "resource_name": c.resource_name,
                    "account": c.account,
                    "domain": c.domain,
                    "created": c.created,
                    "ended_at": c.ended_at,
                    "why": c.why,
                },
            )
            for c in s.cut_off
        ),
        lambda row: {"cut_off": str(row.id), "name": row.name, "server": str(row.management_server_id or "")},
    ),
)
