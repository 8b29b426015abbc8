"""What runs inside a management server besides its API: background tasks and listeners, by name (CloudStack §1.7)."""

from collections.abc import Mapping
from datetime import datetime

from maintenance.backends.lab.servers.rows import ServerRow
from maintenance.domain.servers import ServerState

# In the order in which they stop.
NAMES = (
    "agent monitor",
    "new-connection monitor",
    "transfer scan",
    "agent listener (port 8250)",
    "connect executor",
)


def tasks_of(server: ServerRow, now: datetime) -> Mapping[str, bool]:
    """Each by name, and whether it runs: none in Maintenance or while Down; after that a moment later than Up."""
    if server.state in (ServerState.MAINTENANCE, ServerState.DOWN) or server.tasks_stopped_at is not None:
        return dict.fromkeys(NAMES, False)
    return dict.fromkeys(NAMES, server.tasks_start_at is None or server.tasks_start_at <= now)
