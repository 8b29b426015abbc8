"""The list of a cloud's agents: search and filters in the address, a page at a time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.screens.agents.now import kept_as
from dashboard.screens.agents.words import interval
from dashboard.screens.natural_order import natural_key
from dashboard.screens.places.asked import PAGE_ROWS, Choice
from dashboard.screens.servers.agents import KINDS
from dashboard.screens.words import count, figure
from maintenance.agents_view import AgentsView
from maintenance.models import Agent, Cloud

DRIFTING = "yes"


@dataclass(frozen=True, slots=True)
class AskedAgents:
    search: str = ""
    server: UUID | None = None
    kind: str = ""
    drift: str = ""
    page: int = 1

    @property
    def is_filtered(self) -> bool:
        return bool(self.search or self.server or self.kind or self.drift)

    def address(self, cloud: Cloud, page: int) -> str:
        said = {
            "cloud": cloud.id,
            "search": self.search,
            "server": self.server,
            "kind": self.kind,
            "drift": self.drift,
            "page": page if page > 1 else "",
        }
        return "?" + urlencode({name: str(value) for name, value in said.items() if value})


@dataclass(frozen=True, slots=True)
class AgentRow:
    """`preferred`: the first of its list; the agent itself, not the settings, says it. Empty: not known."""

    name: str
    url: str
    kind: str
    zone: str
    server: str
    server_url: str
    preferred: str
    listed: str
    interval: str
    state: str
    is_drifting: bool


@dataclass(frozen=True, slots=True)
class AgentPages:
    page: int
    pages: int
    previous: str
    next: str


@dataclass(frozen=True, slots=True)
class AgentList:
    rows: Sequence[AgentRow]
    says: str
    asked: AskedAgents
    filters: Sequence[tuple[str, str, Sequence[Choice]]]
    pages: AgentPages


def agent_list(cloud: Cloud, view: AgentsView, asked: AskedAgents) -> AgentList:
    """As many queries for ten agents as for ten thousand."""
    drifting = {one.agent.key.id for one in view.spread.drifting}
    asked = replace(
        asked,
        kind=asked.kind if asked.kind in KINDS else "",
        drift=asked.drift if asked.drift == DRIFTING else "",
    )
    found = _narrowed(cloud, asked, drifting)
    matching = found.count()
    pages = max(1, -(-matching // PAGE_ROWS))
    page = min(max(1, asked.page), pages)
    shown = found.order_by(natural_key("name"), "id")[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    says = count(len(view.agents), "agent")
    if asked.is_filtered:
        says = _("%(n)s of %(all)s") % {"n": figure(matching), "all": says}
    return AgentList(
        rows=[_row(agent, view, drifting) for agent in shown],
        says=says,
        asked=asked,
        filters=_filters(view, asked),
        pages=AgentPages(
            page,
            pages,
            asked.address(cloud, page - 1) if page > 1 else "",
            asked.address(cloud, page + 1) if page < pages else "",
        ),
    )


def _narrowed(cloud: Cloud, asked: AskedAgents, drifting: set[UUID]) -> QuerySet[Agent]:
    found = Agent.objects.filter(cloud=cloud, gone_at=None).annotate(zone_name=F("zone__name"))
    if asked.search:
        found = found.filter(name__icontains=asked.search)
    if asked.server:
        found = found.filter(management_server_id=asked.server)
    if asked.kind:
        found = found.filter(kind=asked.kind)
    return found.filter(id__in=drifting) if asked.drift else found


def _row(agent: Agent, view: AgentsView, drifting: set[UUID]) -> AgentRow:
    server = view.servers.by_id.get(agent.management_server_id) if agent.management_server_id else None
    listed = agent.servers_listed or []
    first = view.servers.by_address.get(listed[0]) if listed else None
    direct = _("direct: keeps no list") if agent.is_direct else ""
    return AgentRow(
        name=agent.name,
        url=reverse("host", args=[agent.id]) if agent.kind == "host" else "",
        kind=str(KINDS.get(agent.kind, agent.kind)),
        zone=agent.zone_name or "",  # type: ignore[attr-defined]
        server=server.name if server else "",
        server_url=reverse("server", args=[server.id]) if server else "",
        preferred=(first.name if first else listed[0]) if listed else "",
        listed=kept_as(listed, agent.algorithm) if listed else direct,
        interval="" if agent.is_direct else interval(agent.check_interval_s),
        state=agent.state,
        is_drifting=agent.id in drifting,
    )


def _filters(view: AgentsView, asked: AskedAgents) -> list[tuple[str, str, Sequence[Choice]]]:
    servers = [Choice(str(s.id), s.name, s.id == asked.server) for s in view.servers.all]
    kinds = [Choice(kind, str(text), kind == asked.kind) for kind, text in KINDS.items()]
    drift = [Choice(DRIFTING, _("not as it should be"), asked.drift == DRIFTING)]
    return [("server", _("Server"), servers), ("kind", _("Kind"), kinds), ("drift", _("Drift"), drift)]
