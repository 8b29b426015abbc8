"""The agents as a listing shows them, and as text for a person at a terminal."""

from collections.abc import Iterator
from uuid import UUID

from maintenance.backends.lab.agents.going import IS_UP, RESOURCE_STATE
from maintenance.backends.lab.outside import Door
from maintenance.backends.servers import AgentRead

SHOWN_MAX = 60


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


def show_agents(door: Door) -> Iterator[str]:
    """Line by line: the agent, its server, its preferred one, and what it keeps."""
    servers = dict(door.rows("SELECT id, name FROM lab_management_server"))
    addresses = dict(door.rows("SELECT address, name FROM lab_management_server WHERE address <> ''"))
    rows = door.rows(
        "SELECT a.name, coalesce(h.state, a.state), a.server_id, a.moves_to_id, a.is_direct, a.servers_listed,"
        " a.algorithm, a.check_interval_s, a.stuck FROM lab_agent a LEFT JOIN lab_host h ON h.id = a.host_id"
        " ORDER BY a.host_order"
    )
    for name, state, server_id, goes_to, is_direct, listed, algorithm, seconds, stuck in rows[:SHOWN_MAX]:
        preferred = listed.split(",")[0]
        parts = [
            f"{name:34} {state:12} {servers.get(server_id, 'no server'):28}",
            f"→ {servers[goes_to]}" if goes_to else "",
            "direct" if is_direct else f"prefers {addresses.get(preferred, preferred or 'none')}",
            f"{listed}@{algorithm}" if listed else "",
            f"every {seconds} s" if seconds else "",
            f"stuck: {stuck}" if stuck else "",
        ]
        yield "  ".join(part for part in parts if part)
    if len(rows) > SHOWN_MAX:
        yield f"… and {len(rows) - SHOWN_MAX} agents more"
