"""A management server that is Up again, goes down, or comes back."""

from datetime import datetime

from maintenance.backends.lab.agents import server_gone, server_is_back, stay
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.servers.jobs import begin_waiting, cut_off_jobs
from maintenance.backends.lab.servers.rows import ServerRow, enter
from maintenance.backends.lab.settle import after
from maintenance.domain.servers import ServerState as S

# Out of these a process that starts again is in Maintenance: it promotes itself, jobs stay refused.
COMES_BACK_IN_MAINTENANCE = (S.PREPARING_FOR_MAINTENANCE, S.MAINTENANCE)


def back_to_up(
    door: Door, config: LabConfig, server: ServerRow, at: datetime, now: datetime, why: str
) -> None:
    """Accepts jobs and agents again. What had stopped in the background starts a moment later."""
    had_stopped = server.state == S.MAINTENANCE or server.tasks_stopped_at is not None
    enter(
        door,
        server,
        S.UP,
        at,
        why,
        algorithm="",
        is_forced=False,
        window_ends_at=None,
        handed_over_at=None,
        tasks_stopped_at=None,
        tasks_start_at=after(at, config.scaled(config.start_tasks_s)) if had_stopped else None,
        came_from_maintenance=False,
    )
    stay(door, server.id)
    if had_stopped:
        server_is_back(door, config, server.id, at)
    begin_waiting(door, at, now)


def go_down(
    door: Door,
    config: LabConfig,
    server: ServerRow,
    at: datetime,
    now: datetime,
    why: str,
    *,
    starts_at: datetime | None = None,
) -> None:
    """Its process has ended: jobs that were pending are cut off, its agents connect elsewhere."""
    returns_to_maintenance = server.came_from_maintenance or server.state in COMES_BACK_IN_MAINTENANCE
    enter(
        door,
        server,
        S.DOWN,
        at,
        why,
        stopped_at=at,
        starts_at=starts_at,
        algorithm="",
        is_forced=False,
        window_ends_at=None,
        handed_over_at=None,
        tasks_stopped_at=None,
        tasks_start_at=None,
        came_from_maintenance=returns_to_maintenance,
    )
    cut_off_jobs(door, server, at, now, f"{server.name} went down: {why}")
    server_gone(door, config, server.id, at)


def come_back(door: Door, config: LabConfig, server: ServerRow, at: datetime, now: datetime) -> None:
    """Its process runs again: in Maintenance when it was on its way there, in it, or shut down from it; else Up."""
    is_maintained = server.came_from_maintenance
    enter(
        door,
        server,
        S.MAINTENANCE if is_maintained else S.UP,
        at,
        "its process started",
        started_at=at,
        starts_at=None,
        process=server.process + 1,
        came_from_maintenance=False,
    )
    if not is_maintained:
        server_is_back(door, config, server.id, at)
        begin_waiting(door, at, now)
