"""The lab's agents: which management server each is connected to, which list it keeps, and how it moves.

A host's agent or a system VM's. Nothing ticks: a move has a moment of arrival, and whoever looks after that sees it.
"""

from maintenance.backends.lab.agents.listing import agent_count, agents_now
from maintenance.backends.lab.agents.moves import (
    send_agents_away,
    send_home,
    server_gone,
    server_is_back,
    stay,
)
from maintenance.backends.lab.agents.reading import balance_settings
from maintenance.backends.lab.agents.settings import change_settings
from maintenance.backends.lab.agents.settling import settle_agents
from maintenance.backends.lab.agents.waiting import AgentsLeft, agents_left, empty_at

__all__ = [
    "AgentsLeft",
    "agent_count",
    "agents_left",
    "agents_now",
    "balance_settings",
    "change_settings",
    "empty_at",
    "send_agents_away",
    "send_home",
    "server_gone",
    "server_is_back",
    "settle_agents",
    "stay",
]
