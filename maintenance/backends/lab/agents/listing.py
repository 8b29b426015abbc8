"""The agents as a listing shows them."""

from uuid import UUID

from maintenance.backends.lab.agents.going import IS_UP, RESOURCE_STATE
from maintenance.backends.lab.outside import Door
from maintenance.backends.servers import AgentRead


def agents_now(door: Door) -> tuple[AgentRead, ...]:
    """Every agent, as its row stands."""
    rows = door.rows(
        f"SELECT a.id, a.name, a.kind, a.host_order, a.zone_id, a.cluster_id, coalesce(h.state, a.state),"
        f" {RESOURCE_STATE}, a.server_id, a.is_direct, a.servers_listed, a.algorithm,"
        " CASE WHEN a.check_interval_s > 0 THEN a.check_interval_s END"
        " FROM lab_agent a LEFT JOIN lab_host h ON h.id = a.host_id ORDER BY a.host_order"
    )
    return tuple(AgentRead(*[*row[:10], None if row[9] else _addresses(row[10]), *row[11:]]) for row in rows)


def _addresses(listed: str) -> tuple[str, ...]:
    return tuple(listed.split(",")) if listed else ()


def agent_count(door: Door, server_id: UUID) -> int:
    """How many agents are connected to the server."""
    found = door.row(
        "SELECT count(*) FROM lab_agent a LEFT JOIN lab_host h ON h.id = a.host_id"
        f" WHERE a.server_id = %s AND {IS_UP}",
        server_id,
    )
    assert found is not None
    return int(found[0])
