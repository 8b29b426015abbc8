"""Agents now and then: how many each server has, and how many it will have when one of them is empty."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Count

from dashboard.screens.servers.fleet import Fleet, KnownServer
from dashboard.screens.words import said
from maintenance.domain.servers import ServerState
from maintenance.models import Agent

LISTS_MAX = 1_000  # different lists of one server's agents; with more it is not said where they go


@dataclass(frozen=True, slots=True)
class AgentBar:
    """Widths are of the bar's hundred; `then` None: not known."""

    name: str  # the part that people say
    now: int
    then: int | None
    now_width: float
    gain_width: float
    is_leaving: bool


@dataclass(frozen=True, slots=True)
class AgentBars:
    bars: Sequence[AgentBar]
    total: int
    home: str  # the numbers when all are where they prefer to be; empty: not known


def agent_bars(fleet: Fleet, leaving: KnownServer) -> AgentBars:
    """Two queries at most, whatever the number of agents: alike lists are counted together."""
    servers = [k for k in fleet.servers if k.server.cloud_id == leaving.server.cloud_id]
    total = sum(k.agents for k in servers)
    gains = agents_to(fleet, leaving)
    then = {k.server.id: None if gains is None else _then(k, leaving, gains) for k in servers}
    widest = max([1, *(k.agents for k in servers), *(n for n in then.values() if n)])
    bars = []
    for known in servers:
        after = then[known.server.id]
        gain = max(0, (after or 0) - known.agents)
        bars.append(
            AgentBar(
                name=said(known.server.name),
                now=known.agents,
                then=after,
                now_width=round(100 * known.agents / widest, 1),
                gain_width=round(100 * gain / widest, 1),
                is_leaving=known is leaving,
            )
        )
    preferred = [k.preferred for k in servers]
    home = ", ".join(str(n) for n in preferred) if None not in preferred else ""
    return AgentBars(bars, total, home)


def _then(known: KnownServer, leaving: KnownServer, gains: Counter[str]) -> int:
    return 0 if known is leaving else known.agents + gains[known.server.address]


def agents_to(fleet: Fleet, leaving: KnownServer) -> Counter[str] | None:
    """How many go to which address; None where that is not known: a list of another algorithm is made when they go."""
    chosen = leaving.target.run.algorithm if leaving.target else ""
    if chosen and chosen != (leaving.server.cloud.balance or {}).get("algorithm"):
        return None
    up = {k.server.address for k in fleet.beside(leaving) if k.state is ServerState.UP}
    on_it = Agent.objects.filter(management_server=leaving.server, gone_at=None, servers_listed__isnull=False)
    lists = list(on_it.order_by().values_list("servers_listed").annotate(n=Count("id"))[: LISTS_MAX + 1])
    if len(lists) > LISTS_MAX or (leaving.agents and not lists):
        return None
    gains: Counter[str] = Counter()
    for addresses, agents in lists:
        gains[next((address for address in addresses if address in up), "")] += agents
    return gains
