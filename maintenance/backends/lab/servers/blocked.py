"""The words with which a blocked management server refuses new asynchronous work (CloudStack: HTTP 503)."""

from collections.abc import Sequence
from datetime import datetime

from maintenance.backends.lab.servers.rows import ServerRow
from maintenance.domain.servers import ServerState as S

_WHAT = {
    S.PREPARING_FOR_MAINTENANCE: "is preparing for maintenance",
    S.MAINTENANCE: "is in maintenance",
    S.PREPARING_FOR_SHUTDOWN: "is preparing to shut down",
    S.READY_TO_SHUTDOWN: "is ready to shut down",
    S.SHUTTING_DOWN: "is shutting down",
    S.DOWN: "is down",
}
RETRY_UNKNOWN_S = 60.0  # nobody knows when a person ends a maintenance
RETRY_MIN_S = 1.0


def retry_after_s(servers: Sequence[ServerRow], now: datetime) -> float:
    """When one of them accepts work again at the latest, as far as that is known."""
    return max(RETRY_MIN_S, min(_seconds(server, now) for server in servers))


def _seconds(server: ServerRow, now: datetime) -> float:
    if server.state == S.PREPARING_FOR_MAINTENANCE and server.window_ends_at and not server.is_forced:
        return (server.window_ends_at - now).total_seconds()
    if server.starts_at is not None and not server.came_from_maintenance:
        return (server.starts_at - now).total_seconds()
    return RETRY_UNKNOWN_S


def blocked_words(servers: Sequence[ServerRow], now: datetime) -> str:
    """`mgmt1 is preparing for maintenance: new work is refused, try again in about 4 min`."""
    what = ", ".join(f"{server.name} {_what(server)}" for server in servers)
    return f"{what}: new work is refused, try again in about {_about(retry_after_s(servers, now))}"


def _what(server: ServerRow) -> str:
    return _WHAT.get(server.known_state or S.UP, f"is {server.state}")


def _about(seconds: float) -> str:
    return f"{round(seconds)} s" if seconds < 90 else f"{round(seconds / 60)} min"
