"""Agents of a server by name: those that are about to leave and where they go, and those that are connected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.marks import UNKNOWN, Mark, moving
from dashboard.screens.natural_order import natural_key
from dashboard.screens.places.asked import PAGE_ROWS
from dashboard.screens.servers.fleet import KnownServer
from maintenance.domain.servers import ServerState
from maintenance.models import Agent, ManagementServer

KINDS = {
    "host": gettext_lazy("KVM host"),
    "consoleproxy": gettext_lazy("Console proxy"),
    "secondarystoragevm": gettext_lazy("Secondary storage"),
}
_SHOWN_MAX = 50


@dataclass(frozen=True, slots=True)
class AgentRow:
    """`preferred` and `goes_to` are names of servers; empty: not known. `url`: of a host."""

    id: UUID
    name: str
    url: str
    kind: str
    zone: str
    preferred: str
    goes_to: str
    mark: Mark
    why: str = ""


@dataclass(frozen=True, slots=True)
class AgentsLeft:
    rows: Sequence[AgentRow]
    total: int
    stuck: int
    more: int


@dataclass(frozen=True, slots=True)
class Connected:
    """A page of the agents that are connected to a server."""

    rows: Sequence[AgentRow]
    total: int
    page: int
    pages: int
    previous: str
    next: str


def agents_left(known: KnownServer, movement: Mapping[str, Any], *, waits: bool) -> AgentsLeft:
    """By the run's last look where there is one; else what the last list says, and each goes to the first server of
    its list that is another one."""
    listed = movement.get("agents")
    found = _agents_of(known.server)
    if listed is not None:
        keys = [UUID(str(one["id"])) for one in listed]
        rows_by_id = {agent.id: agent for agent in Agent.objects.filter(id__in=keys).select_related("zone")}
        names = _names_of(known.server)
        rows = [_leaving(one, rows_by_id.get(UUID(str(one["id"]))), names, waits=waits) for one in listed]
        total = int(movement.get("agents_left", len(rows)))
        return AgentsLeft(rows, total, int(movement.get("agents_stuck", 0)), max(0, total - len(rows)))
    names, up = _names_of(known.server), _names_of(known.server, state=ServerState.UP)
    up.pop(known.server.address, None)
    rows = [_row(agent, names, _waiting(waits=waits), to=up) for agent in found[:_SHOWN_MAX]]
    return AgentsLeft(rows, known.agents, 0, max(0, known.agents - len(rows)))


def connected(server: ManagementServer, page: int, base: str) -> Connected:
    """In natural order, a page at a time."""
    found = _agents_of(server)
    total = found.count()
    pages = max(1, -(-total // PAGE_ROWS))
    page = min(max(1, page), pages)
    names = _names_of(server)
    rows = [_row(agent, names, _state(agent)) for agent in found[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]]
    return Connected(
        rows,
        total,
        page,
        pages,
        f"{base}&page={page - 1}" if page > 1 else "",
        f"{base}&page={page + 1}" if page < pages else "",
    )


def _agents_of(server: ManagementServer) -> QuerySet[Agent]:
    on_it = Agent.objects.filter(management_server=server, gone_at=None)
    return on_it.select_related("zone").order_by(natural_key("name"), "id")


def _names_of(server: ManagementServer, **only: str) -> dict[str, str]:
    """Address → name, of all servers of its cloud."""
    listed = ManagementServer.objects.filter(cloud=server.cloud_id, gone_at=None, **only)
    return dict(listed.exclude(address="").values_list("address", "name"))


def _row(
    agent: Agent, names: Mapping[str, str], drawn: Mark, *, to: Mapping[str, str] | None = None
) -> AgentRow:
    """`to`: the servers that it may go to, when it leaves."""
    addresses = agent.servers_listed or []
    return AgentRow(
        id=agent.id,
        name=agent.name,
        url=reverse("host", args=[agent.id]) if agent.kind == "host" else "",
        kind=_kind(agent.kind),
        zone=agent.zone.name,
        preferred=names.get(addresses[0], addresses[0]) if addresses else "",
        goes_to=next((to[address] for address in addresses if address in to), "") if to else "",
        mark=drawn,
    )


def _leaving(
    one: Mapping[str, Any], agent: Agent | None, names: Mapping[str, str], *, waits: bool
) -> AgentRow:
    stuck = str(one.get("stuck") or "")
    addresses = (agent.servers_listed if agent else None) or []
    kind = str(one.get("kind", ""))
    return AgentRow(
        id=UUID(str(one["id"])),
        name=str(one.get("name", "")),
        url=reverse("host", args=[one["id"]]) if kind == "host" else "",
        kind=_kind(kind),
        zone=agent.zone.name if agent else "",
        preferred=names.get(addresses[0], addresses[0]) if addresses else "",
        goes_to=_server_named(str(one.get("goes_to") or ""), names),
        mark=Mark("NeedsPerson", _("Stuck"), "paused") if stuck else _waiting(waits=waits),
        why=stuck,
    )


def _server_named(told: str, names: Mapping[str, str]) -> str:
    """A server's name, where the cloud told its name or address; nothing for an address that is no server."""
    return told if told in names.values() else names.get(told, "")


def _kind(kind: str) -> str:
    return str(KINDS.get(kind, kind))


def _waiting(*, waits: bool) -> Mark:
    return Mark("Waiting", _("Waiting for jobs"), "waiting") if waits else moving(_("Leaving"))


def _state(agent: Agent) -> Mark:
    """The agent's own state, in the cloud's words."""
    match agent.state:
        case "Up":
            return Mark("Up", agent.state, "done")
        case "Down" | "Alert" | "Disconnected" | "Error":
            return Mark("Down", agent.state, "failed")
        case "Connecting" | "Rebalancing" | "Creating":
            return moving(agent.state)
        case "":
            return UNKNOWN
        case _:
            return Mark("Unknown", agent.state, "unknown")
