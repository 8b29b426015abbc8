"""What a caller sees of the lab's management servers."""

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from maintenance.backends.lab.agents import agent_count, agents_left, settle_agents
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.servers.jobs import cut_off_now, pending_jobs
from maintenance.backends.lab.servers.passing import settle_servers
from maintenance.backends.lab.servers.rows import ServerRow, all_servers, one_server
from maintenance.backends.lab.servers.tasks import tasks_of
from maintenance.backends.servers import ManagementServerRead, PeerRead, ServerLook, ServersRead
from maintenance.domain.servers import ServerState

if TYPE_CHECKING:
    from maintenance.backends.lab.world import World

LAST_AGENTS_SHOWN_MAX = 200


def read_servers(world: "World") -> ServersRead:
    """The management servers, pending jobs and jobs that were cut off, now."""
    catch_up(world)
    door, now = world.door, world.door.now()
    servers = all_servers(door)
    jobs = pending_jobs(door, world.config)
    count = {server.id: 0 for server in servers}
    for job in jobs:
        if job.management_server_id in count:
            count[job.management_server_id] += 1
    read = tuple(_server_read(door, server, servers, count[server.id], now) for server in servers)
    return ServersRead(now, read, jobs, cut_off_now(door))


def look_at_server(world: "World", server_id: UUID) -> ServerLook:
    """One server with what it still has. Raises: Never."""
    catch_up(world)
    door, now = world.door, world.door.now()
    server = one_server(door, server_id)
    jobs = pending_jobs(door, world.config, server_id)
    left = agents_left(
        door,
        world.config,
        server_id,
        ignore_maintenance_hosts=bool(world.config.ignore_maintenance_hosts),
    )
    read = _server_read(door, server, all_servers(door), len(jobs), now)
    return ServerLook(
        read, jobs[: ServerLook.NAMED_MAX], left.named[: ServerLook.NAMED_MAX], left.stuck, left.nowhere
    )


def catch_up(world: "World") -> None:
    """Everything due has happened: in the clusters (our own jobs end there), to servers, to agents."""
    world.settle_everywhere()
    settle_servers(world)
    settle_agents(world.door, world.config)


def _server_read(
    door: Door, server: ServerRow, servers: list[ServerRow], jobs: int, now: datetime
) -> ManagementServerRead:
    is_preparing = server.state == ServerState.PREPARING_FOR_MAINTENANCE
    return ManagementServerRead(
        id=server.id,
        name=server.name,
        state=server.state,
        version=server.version,
        agents=agent_count(door, server.id),
        pending_jobs=jobs,
        address=server.address,
        last_agents=_last_agents(door, server.id),
        peers=tuple(PeerRead(s.name, s.address, s.state) for s in servers if s.id != server.id),
        tasks=tasks_of(server, now),
        os_distribution=server.os_distribution,
        kernel_version=server.kernel_version,
        java_version=server.java_version,
        started_at=server.started_at,
        stopped_at=server.stopped_at,
        booted_at=server.booted_at,
        window_ends_at=server.window_ends_at if is_preparing else None,
        is_forced=server.is_forced and is_preparing,
    )


def _last_agents(door: Door, server_id: UUID) -> tuple[str, ...]:
    rows = door.rows(
        "SELECT name FROM lab_agent WHERE last_server_id = %s ORDER BY name LIMIT %s",
        server_id,
        LAST_AGENTS_SHOWN_MAX,
    )
    return tuple(row[0] for row in rows)
