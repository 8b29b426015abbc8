"""Parts of the pages of management servers."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.urls import reverse

from dashboard.live.drawings.drawing import CALM_S, Context, Drawing, Key, simple
from dashboard.live.drawn_once import once
from dashboard.screens.jobs.cut_off import cut_off
from dashboard.screens.servers.fleet import Fleet, KnownServer, fleet
from dashboard.screens.servers.head import peers, server_head, tasks
from dashboard.screens.servers.history import server_history
from dashboard.screens.servers.list import restart_all, server_rows, shown_preparing
from dashboard.screens.servers.moves import moves
from dashboard.screens.servers.page import first_agents, on_its_way, server_jobs, tabs
from dashboard.screens.servers.verdict import verdict

SOON_S = 0.3  # a job that ended leaves within a second

type Build = Callable[[str, str, str], Context]


def _of_server(name: str, build: Callable[[Fleet, KnownServer, str], Any]) -> Build:
    """Drawn from the topic's server; None once no cloud lists it."""

    def context(server_id: str, _one: str, role: str) -> Context:
        all_of_them = once(fleet)
        known = all_of_them.find(UUID(server_id))
        return None if known is None else {name: build(all_of_them, known, role)}

    return context


def _moves(all_of_them: Fleet, known: KnownServer, role: str) -> Any:
    return moves(all_of_them, known, role, reverse("server", args=[known.server.id]))


def _page(part: str, name: str, build: Callable[[Fleet, KnownServer, str], Any], **more: Any) -> Drawing:
    return Drawing(
        f"servers/server.html#{name}", f"server-{part}", _of_server(name, build), **{"every_s": SOON_S} | more
    )


def _count(section: str) -> Drawing:
    """The figure in a section's tab: which section is open is each reader's own."""

    def tab(_all: Fleet, known: KnownServer, _role: str) -> Any:
        return next(one for one in tabs(known, "") if one.name == section)

    return Drawing(
        f"servers/server.html#{section}_count",
        f"server-{section}-count",
        _of_server("tab", tab),
        every_s=SOON_S,
    )


DRAWINGS: Mapping[Key, Drawing] = {
    ("servers", "verdict"): Drawing(
        "servers/list.html#verdict",
        "servers-verdict",
        simple("verdict", lambda: verdict(once(fleet))),
        every_s=SOON_S,
    ),
    ("servers", "table"): Drawing(
        "servers/list.html#table",
        "servers-table",
        lambda _topic, _one, role: {"rows": server_rows(once(fleet), role)},
        by_role=True,
        every_s=SOON_S,
    ),
    ("servers", "preparing"): Drawing(
        "servers/list.html#on_their_way",
        "servers-preparing",
        simple("preparing", lambda: shown_preparing(once(fleet))),
        every_s=SOON_S,
    ),
    ("servers", "restart"): Drawing(
        "servers/list.html#restart_all",
        "servers-restart",
        lambda _topic, _one, role: {"restart": restart_all(once(fleet), role)},
        by_role=True,
    ),
    ("server", "head"): _page("head", "head", lambda f, k, _role: server_head(f, k)),
    ("server", "preparing"): _page("preparing", "preparing", lambda f, k, _role: on_its_way(f, k)),
    ("server", "left"): Drawing(
        "servers/server.html#left",
        "server-left",
        _of_server("preparing", lambda f, k, _role: on_its_way(f, k)),
        every_s=SOON_S,
    ),
    ("server", "moves"): _page("moves", "moves", _moves, by_role=True),
    ("server", "tasks"): _page("tasks", "tasks", lambda _f, k, _role: tasks(k)),
    ("server", "jobs-count"): _count("jobs"),
    ("server", "agents-count"): _count("agents"),
    ("server", "jobs"): _page("jobs", "jobs", lambda _f, k, _role: server_jobs(k.server.id)),
    ("server", "agents"): _page("agents", "agents", lambda _f, k, _role: first_agents(k), every_s=CALM_S),
    ("server", "peers"): _page("peers", "peers", lambda f, k, _role: peers(f, k)),
    ("server", "history"): _page("history", "history", lambda _f, k, _role: server_history(k.server.id)),
    ("server", "cut-off"): Drawing(
        "jobs/list.html#cut",
        "cut-off",
        lambda server_id, _one, role: {"cut": cut_off(role, UUID(server_id))},
        by_role=True,
    ),
}
