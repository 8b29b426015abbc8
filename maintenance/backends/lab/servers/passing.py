"""Time for management servers: what was due is done, in order, each at the moment it was due.

Looking costs a few small queries; the lock is taken only when something is due.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from maintenance.backends.lab.agents import empty_at, send_agents_away, server_gone, settle_agents
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.servers import arriving
from maintenance.backends.lab.servers.asked import arrive_late, next_late_request
from maintenance.backends.lab.servers.jobs import cut_off_jobs, end_job, jobs_ended_at, next_end
from maintenance.backends.lab.servers.rows import ServerRow, all_servers, change, enter, servers_locked
from maintenance.backends.lab.settle import after
from maintenance.domain.servers import ServerState as S

if TYPE_CHECKING:
    from maintenance.backends.lab.world import World

WAIT_FOR_JOBS = (S.PREPARING_FOR_SHUTDOWN, S.SHUTTING_DOWN)
# In these, time alone may bring a server into another state. So it may while Down, when it is to be started.
ON_THE_WAY = frozenset({S.PREPARING_FOR_MAINTENANCE, *WAIT_FOR_JOBS})


@dataclass(frozen=True, slots=True)
class Due:
    """What happens next, and when. `what`: job-ends, request-arrives, or what happens to the server."""

    at: datetime
    what: str
    server: ServerRow | None = None
    thing: UUID | None = None


def settle_servers(world: "World") -> None:
    """Everything due for servers and their jobs has happened."""
    door, config = world.door, world.config
    if _next_due(door, config, door.now()) is None:
        return
    world.settle_everywhere()  # our own jobs end in the clusters
    with servers_locked(door):
        settle_locked(door, config)


def settle_locked(door: Door, config: LabConfig) -> None:
    """The same for a caller that holds the servers' lock, with clusters settled before."""
    now = door.now()
    while due := _next_due(door, config, now):
        _apply(door, config, due, now)


def is_on_the_way(server: ServerRow, now: datetime) -> bool:
    """Whether its state may be another by now than its row says."""
    starts = server.starts_at is not None and server.starts_at <= now
    return server.known_state in ON_THE_WAY or (server.state == S.DOWN and starts)


def _next_due(door: Door, config: LabConfig, now: datetime) -> Due | None:
    """The earliest thing that is due by now."""
    found: list[Due] = []
    if job := next_end(door, now):
        found.append(Due(job[0], "job-ends", thing=job[1]))
    if late := next_late_request(door, now):
        found.append(Due(late[0], "request-arrives", thing=late[1]))
    for server in all_servers(door):
        if is_on_the_way(server, now):
            found.extend(_of_server(door, config, server, now))
    # min() keeps the first of equals: a job that ends at the end of the window has ended.
    return min((due for due in found if due.at <= now), key=lambda due: due.at, default=None)


def _of_server(door: Door, config: LabConfig, server: ServerRow, now: datetime) -> Iterator[Due]:
    match server.known_state:
        case S.DOWN:
            assert server.starts_at is not None
            yield Due(server.starts_at, "starts", server)
        case S.PREPARING_FOR_SHUTDOWN | S.SHUTTING_DOWN:
            if ended := jobs_ended_at(door, server):
                is_ready = server.state == S.PREPARING_FOR_SHUTDOWN
                yield Due(ended, "is-ready" if is_ready else "ends", server)
        case S.PREPARING_FOR_MAINTENANCE:
            yield from _of_preparing(door, config, server, now)
            if server.window_ends_at is not None:
                yield Due(server.window_ends_at, "window-ends", server)


def _of_preparing(door: Door, config: LabConfig, server: ServerRow, now: datetime) -> Iterator[Due]:
    """Jobs first, then agents, then what runs in the background; then it has arrived."""
    if server.tasks_stopped_at is not None:
        yield Due(after(server.tasks_stopped_at, config.scaled(config.stop_tasks_s)), "arrives", server)
    elif server.handed_over_at is not None:
        settle_agents(door, config, min(now, server.window_ends_at or now))
        empty = empty_at(door, server.id, ignore_maintenance_hosts=bool(config.ignore_maintenance_hosts))
        if empty is not None:
            yield Due(max(server.handed_over_at, empty), "is-empty", server)
    elif ended := jobs_ended_at(door, server):
        yield Due(ended, "hands-over", server)


def _apply(door: Door, config: LabConfig, due: Due, now: datetime) -> None:
    if due.what == "job-ends":
        assert due.thing is not None
        return end_job(door, due.thing, due.at, now)
    if due.what == "request-arrives":
        assert due.thing is not None
        return arrive_late(door, config, due.thing, due.at, now)
    assert due.server is not None
    return _DO[due.what](door, config, due.server, due.at, now)


def _hands_over(door: Door, config: LabConfig, server: ServerRow, at: datetime, now: datetime) -> None:
    """No job is pending: its agents are told to go, once."""
    change(door, server.id, handed_over_at=at)
    went = send_agents_away(
        door, config, server.id, at, server.algorithm or None, bool(config.ignore_maintenance_hosts)
    )
    if not went:
        arriving.back_to_up(door, config, server, at, now, "handing over its agents failed")


def _is_empty(door: Door, config: LabConfig, server: ServerRow, at: datetime, now: datetime) -> None:
    change(door, server.id, tasks_stopped_at=at)


def _arrives(door: Door, config: LabConfig, server: ServerRow, at: datetime, now: datetime) -> None:
    enter(
        door, server, S.MAINTENANCE, at, "no job is pending and no agent is left on it", window_ends_at=None
    )


def _window_ends(door: Door, config: LabConfig, server: ServerRow, at: datetime, now: datetime) -> None:
    if not server.is_forced:
        words = "the window of its maintenance ended before it was empty"
        arriving.back_to_up(door, config, server, at, now, words)
        return
    words = "the window of its maintenance ended, and it was forced"
    enter(door, server, S.MAINTENANCE, at, words, window_ends_at=None, tasks_stopped_at=at)
    cut_off_jobs(door, server, at, now, words)
    server_gone(door, config, server.id, at)


def _is_ready(door: Door, config: LabConfig, server: ServerRow, at: datetime, now: datetime) -> None:
    enter(door, server, S.READY_TO_SHUTDOWN, at, "no job is pending")


def _ends(door: Door, config: LabConfig, server: ServerRow, at: datetime, now: datetime) -> None:
    starts_at = None
    if config.server_autostart_s >= 0:
        starts_at = after(at, config.scaled(config.server_autostart_s))
    arriving.go_down(
        door, config, server, at, now, "no job is pending: its process ended", starts_at=starts_at
    )


def _starts(door: Door, config: LabConfig, server: ServerRow, at: datetime, now: datetime) -> None:
    arriving.come_back(door, config, server, at, now)


_DO = {
    "hands-over": _hands_over,
    "is-empty": _is_empty,
    "arrives": _arrives,
    "window-ends": _window_ends,
    "is-ready": _is_ready,
    "ends": _ends,
    "starts": _starts,
}
