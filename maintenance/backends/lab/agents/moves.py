"""How agents come from one management server to another."""

from datetime import datetime
from uuid import UUID

from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door


def send_agents_away(
    door: Door,
    config: LabConfig,
    server_id: UUID,
    at: datetime,
    algorithm: str | None,
    ignore_maintenance_hosts: bool,
) -> bool:
    """The server's agents are on their way to others, from `at` on. False: the hand-over failed as a whole, nobody
    else is Up: the server goes back to Up."""
    return True


def settle_agents(door: Door, config: LabConfig, now: datetime | None = None) -> None:
    """Everything that was due of agents has happened: arrivals, checks for preferred servers, reconnections."""


def stay(door: Door, server_id: UUID) -> None:
    """The server's agents that had not left yet stay."""


def send_home(door: Door, config: LabConfig, at: datetime) -> None:
    """Every agent was sent its list, and goes to its preferred server at once, where that is Up."""


def server_gone(door: Door, config: LabConfig, server_id: UUID, at: datetime) -> None:
    """The server listens no more since `at` (died, went down, or entered maintenance with agents left): its agents
    connect to the next server of their list that is Up. Its own state has been written before."""


def server_is_back(door: Door, config: LabConfig, server_id: UUID, at: datetime) -> None:
    """The server is Up and listens since `at`: agents without a server connect to it, where their list names it."""
