"""What a server that prepares waits for: the agents that are still on it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door
from maintenance.backends.servers import LeavingAgent

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AgentsLeft:
    """`count` of agents hold the server, `stuck` of them will not go by themselves; `named` is bounded."""

    count: int
    stuck: int
    named: tuple[LeavingAgent, ...]


def agents_left(
    door: Door, config: LabConfig, server_id: UUID, *, ignore_maintenance_hosts: bool
) -> AgentsLeft:
    """The agents that hold the server, settled up to now."""
    return AgentsLeft(0, 0, ())


def empty_at(door: Door, server_id: UUID, *, ignore_maintenance_hosts: bool) -> datetime | None:
    """When the last agent leaves, or left; None while one does not go. Where none ever left it is long ago."""
    return LONG_AGO
