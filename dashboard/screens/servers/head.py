"""One management server: the sentence it begins with, who has it and why, its machine, its tasks, its peers."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.marks import Mark, moving
from dashboard.screens.servers.fleet import Fleet, KnownServer
from dashboard.screens.servers.marks import state_mark
from dashboard.screens.servers.preparing import is_shown, window_after
from dashboard.screens.servers.stages import LISTENER
from dashboard.screens.words import count, figure, said, spelled
from maintenance.domain.servers import ServerState


@dataclass(frozen=True, slots=True)
class ServerFact:
    """`at` is a moment, said instead of the value; `form`: as a clock or as an age."""

    name: str
    value: str
    more: str = ""
    at: datetime | None = None
    form: str = ""


@dataclass(frozen=True, slots=True)
class ServerHead:
    id: UUID
    name: str
    title: str
    says: str
    then: str
    mark: Mark
    read_at: datetime | None
    facts: Sequence[ServerFact]
    run_number: int | None
    run_url: str
    by: str
    since: datetime | None
    reason: str
    ticket: str
    detail: str
    window_ends_at: datetime | None
    window_after: str


@dataclass(frozen=True, slots=True)
class Task:
    """A listener, a monitor or an executor of the server."""

    name: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class Peer:
    name: str
    url: str
    address: str
    mark: Mark
    disagrees: str


def server_head(fleet: Fleet, known: KnownServer) -> ServerHead:
    server, run = known.server, known.target.run if known.target else None
    name = said(server.name)
    return ServerHead(
        id=server.id,
        name=server.name,
        title=f"{name} · {known.mark.word}",
        says=_says(known) % {"name": name},
        then=_then(fleet, known),
        mark=known.mark,
        read_at=server.cloud.servers_read_at,
        facts=_facts(known),
        run_number=run.number if run else None,
        run_url=reverse("run", args=[run.id]) if run else "",
        by=run.started_by if run else "",
        since=(run.started_at or run.created_at) if run else None,
        reason=run.reason if run else "",
        ticket=run.ticket if run else "",
        detail=known.target.detail if known.target else "",
        window_ends_at=server.window_ends_at
        if known.state is ServerState.PREPARING_FOR_MAINTENANCE
        else None,
        window_after=window_after(known, server.window_ends_at),
    )


def _says(known: KnownServer) -> str:
    texts = {
        ServerState.UP: _("%(name)s is Up."),
        ServerState.PREPARING_FOR_MAINTENANCE: _("%(name)s is preparing for maintenance."),
        ServerState.MAINTENANCE: _("%(name)s is in maintenance."),
        ServerState.PREPARING_FOR_SHUTDOWN: _("%(name)s is preparing to shut down."),
        ServerState.READY_TO_SHUTDOWN: _("%(name)s is ready to shut down."),
        ServerState.SHUTTING_DOWN: _("%(name)s is shutting down."),
        ServerState.DOWN: _("%(name)s is down."),
    }
    return texts[known.state] if known.state else _("How %(name)s is now is not known.")


def _then(fleet: Fleet, known: KnownServer) -> str:
    if known.state is None:
        return _("Below is the last that was read.")
    if known.state is ServerState.UP:
        return _("%(agents)s, %(jobs)s pending.") % {
            "agents": count(known.agents, "agent"),
            "jobs": count(known.jobs, "job"),
        }
    up = sum(other.state is ServerState.UP for other in fleet.beside(known))
    if not up:
        return _("No other one is Up: new work is refused.")
    return ngettext("%(n)s other one carries the cloud.", "%(n)s others carry the cloud.", up) % {
        "n": spelled(up)
    }


def _facts(known: KnownServer) -> list[ServerFact]:
    server = known.server
    jobs = ServerFact(_("Pending jobs"), figure(known.jobs))
    if server.pending_jobs != known.jobs:
        jobs = ServerFact(
            _("Pending jobs"),
            figure(known.jobs),
            _("it counts %(n)s, internal ones included") % {"n": figure(server.pending_jobs)},
        )
    preferred = "" if known.preferred is None else _("%(n)s prefer it") % {"n": figure(known.preferred)}
    found = [
        ServerFact(_("Address"), server.address or _("not told")),
        ServerFact(_("Version"), server.version or _("not told")),
        jobs,
        ServerFact(_("Agents"), figure(known.agents), preferred),
        ServerFact(_("Its process"), "", at=server.started_at, form="up"),
        ServerFact(_("Its machine"), "", at=server.booted_at, form="booted"),
        ServerFact(_("Distribution"), server.os_distribution),
        ServerFact(_("Kernel"), server.kernel_version),
        ServerFact(_("Java"), server.java_version),
    ]
    if server.stopped_at is not None and known.state is ServerState.DOWN:
        found[4] = ServerFact(_("Its process"), "", at=server.stopped_at, form="ended")
    return [fact for fact in found if fact.value or fact.at]


def tasks(known: KnownServer) -> list[Task]:
    """What runs in it by name. Stopped is as it should be while it is in maintenance, and a warning while it is Up."""
    told = known.server.tasks.items() if isinstance(known.server.tasks, dict) else ()
    return [
        Task(str(name), _task_mark(known, is_running=bool(runs), listens=LISTENER in str(name)))
        for name, runs in sorted(told)
    ]


def _task_mark(known: KnownServer, *, is_running: bool, listens: bool) -> Mark:
    if is_running and listens and known.state is ServerState.PREPARING_FOR_MAINTENANCE:
        return moving(_("runs, refuses new agents"))
    if is_running:
        return Mark("Done", _("running"), "done") if not is_shown(known) else moving(_("running"))
    if known.state is ServerState.UP:
        return Mark("NeedsPerson", _("stopped, though it is Up"), "paused")
    return Mark("Waiting", _("stopped"), "waiting")


def peers(fleet: Fleet, known: KnownServer) -> list[Peer]:
    """How it sees the others, and where the cloud's list says something else."""
    by_name = {other.server.name: other for other in fleet.beside(known)}
    found = []
    for peer in known.server.peers:
        name, state = str(peer.get("name", "")), str(peer.get("state", ""))
        other = by_name.get(name)
        disagrees = ""
        if other is not None and other.server.state != state:
            disagrees = _("the cloud lists it as %(state)s") % {"state": other.server.state}
        url = reverse("server", args=[other.server.id]) if other else ""
        found.append(Peer(name, url, str(peer.get("address", "")), state_mark(state), disagrees))
    return found
