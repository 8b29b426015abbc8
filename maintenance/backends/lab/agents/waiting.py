"""What a server that prepares waits for: the agents that are still on it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from maintenance.backends.lab.agents.going import BUSY, IN_MAINTENANCE, IS_UP, RESOURCE_STATE
from maintenance.backends.lab.agents.settling import settle_agents
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door
from maintenance.backends.servers import LeavingAgent, ServerLook

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

_HOLDERS = (
    f"FROM lab_agent a LEFT JOIN lab_host h ON h.id = a.host_id WHERE a.server_id = %s AND {IS_UP}"
    f" AND {RESOURCE_STATE} <> ALL(%s)"
)
# Stuck, and not because its own host empties.
_NOWHERE = f"a.stuck <> '' AND {RESOURCE_STATE} <> ALL(%s)"


@dataclass(frozen=True, slots=True)
class AgentsLeft:
    """`count` of agents hold the server, `stuck` of them will not go by themselves, `nowhere` of these for want of a
    server to go to; `named` is bounded."""

    count: int
    stuck: int
    nowhere: int
    named: tuple[LeavingAgent, ...]


def agents_left(
    door: Door,
    config: LabConfig,
    server_id: UUID,
    *,
    ignore_maintenance_hosts: bool,
    now: datetime | None = None,
) -> AgentsLeft:
    """The agents that hold the server, settled up to now; stuck ones first. One whose agent is not Up holds nothing."""
    settle_agents(door, config, now)
    left_out = list(IN_MAINTENANCE) if ignore_maintenance_hosts else []
    counts = door.row(
        f"SELECT count(*), count(*) FILTER (WHERE a.stuck <> ''), count(*) FILTER (WHERE {_NOWHERE}) {_HOLDERS}",
        list(BUSY),
        server_id,
        left_out,
    )
    assert counts is not None
    named = door.rows(
        "SELECT a.id, a.name, a.kind, coalesce((SELECT m.name FROM lab_management_server m"
        f"   WHERE m.id = a.moves_to_id), ''), a.stuck, {_NOWHERE} {_HOLDERS}"
        " ORDER BY a.stuck = '', a.kind = 'host', a.host_order LIMIT %s",
        list(BUSY),
        server_id,
        left_out,
        ServerLook.NAMED_MAX,
    )
    return AgentsLeft(counts[0], counts[1], counts[2], tuple(LeavingAgent(*row) for row in named))


def empty_at(door: Door, server_id: UUID, *, ignore_maintenance_hosts: bool) -> datetime | None:
    """When the last agent leaves, or left; None while one does not go. Where none ever left it is long ago."""
    left_out = list(IN_MAINTENANCE) if ignore_maintenance_hosts else []
    holders = door.row(
        f"SELECT count(*) FILTER (WHERE a.moves_at IS NULL), max(a.moves_at) {_HOLDERS}", server_id, left_out
    )
    last = door.row("SELECT max(moved_at) FROM lab_agent WHERE last_server_id = %s", server_id)
    assert holders is not None
    assert last is not None
    if holders[0]:
        return None
    return max(holders[1] or LONG_AGO, last[0] or LONG_AGO)
