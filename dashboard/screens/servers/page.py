"""The page of one management server, put together from its parts; the same parts are pushed live."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Count
from django.urls import reverse
from django.utils.translation import gettext_lazy

from dashboard.screens.jobs.rows import JobRow, job_rows, pending
from dashboard.screens.servers.agents import Connected, connected
from dashboard.screens.servers.fleet import Fleet, KnownServer
from dashboard.screens.servers.head import peers
from dashboard.screens.servers.history import server_history
from dashboard.screens.servers.preparing import Preparing, is_shown, preparing

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

SECTIONS: "Mapping[str, StrPromise]" = {
    "jobs": gettext_lazy("Pending jobs"),
    "agents": gettext_lazy("Connected agents"),
    "peers": gettext_lazy("Peers"),
    "history": gettext_lazy("History"),
}
JOBS_MAX = 50


@dataclass(frozen=True, slots=True)
class Tab:
    """One of the sections. `count`: how many are in it; None: not counted."""

    name: str
    text: str
    url: str
    count: int | None
    is_current: bool


@dataclass(frozen=True, slots=True)
class ServerJobs:
    rows: list[JobRow]
    total: int
    more: int
    all_url: str


def tabs(known: KnownServer, section: str) -> list[Tab]:
    url = reverse("server", args=[known.server.id])
    counts = {"jobs": known.jobs, "agents": known.agents, "peers": len(known.server.peers)}
    return [
        Tab(name, str(text), f"{url}?show={name}", counts.get(name), name == section)
        for name, text in SECTIONS.items()
    ]


def server_jobs(server_id: UUID) -> ServerJobs:
    found = pending().filter(management_server=server_id)
    total = found.aggregate(n=Count("id"))["n"]
    rows = job_rows(found[:JOBS_MAX])
    return ServerJobs(rows, total, max(0, total - len(rows)), f"{reverse('jobs')}?server={server_id}")


def of_section(section: str, fleet: Fleet, known: KnownServer, page: int) -> dict[str, Any]:
    """What the section that is shown needs."""
    match section:
        case "agents":
            return {"agents": first_agents(known) if page == 1 else _agents(known, page)}
        case "peers":
            return {"peers": peers(fleet, known)}
        case "history":
            return {"history": server_history(known.server.id)}
        case _:
            return {"jobs": server_jobs(known.server.id)}


def first_agents(known: KnownServer) -> Connected:
    return _agents(known, 1)


def _agents(known: KnownServer, page: int) -> Connected:
    return connected(known.server, page, f"{reverse('server', args=[known.server.id])}?show=agents")


def on_its_way(fleet: Fleet, known: KnownServer) -> Preparing | None:
    return preparing(fleet, known) if is_shown(known) else None
