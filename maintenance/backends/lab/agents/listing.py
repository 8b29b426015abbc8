"""The agents as a listing shows them."""

from uuid import UUID

from maintenance.backends.lab.outside import Door
from maintenance.backends.servers import AgentRead


def agents_now(door: Door) -> tuple[AgentRead, ...]:
    """Every agent, as its row stands."""
    return ()


def agent_count(door: Door, server_id: UUID) -> int:
    """How many agents are connected to the server."""
    return 0
