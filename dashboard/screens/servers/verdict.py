"""The sentence about all management servers: which is not Up and why, and how many carry the cloud."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.marks import UNKNOWN, Mark
from dashboard.screens.servers.fleet import Fleet, KnownServer
from dashboard.screens.words import count, listing, said, spelled
from maintenance.domain.servers import ServerState

# The most urgent first.
_SENTENCES: Mapping[ServerState, Callable[[int], str]] = {
    ServerState.DOWN: lambda n: ngettext("%(names)s is down.", "%(names)s are down.", n),
    ServerState.PREPARING_FOR_MAINTENANCE: lambda n: ngettext(
        "%(names)s is preparing.", "%(names)s are preparing.", n
    ),
    ServerState.PREPARING_FOR_SHUTDOWN: lambda n: ngettext(
        "%(names)s is preparing to shut down.", "%(names)s are preparing to shut down.", n
    ),
    ServerState.SHUTTING_DOWN: lambda n: ngettext(
        "%(names)s is shutting down.", "%(names)s are shutting down.", n
    ),
    ServerState.READY_TO_SHUTDOWN: lambda n: ngettext(
        "%(names)s is ready to shut down.", "%(names)s are ready to shut down.", n
    ),
    ServerState.MAINTENANCE: lambda n: ngettext(
        "%(names)s is in maintenance.", "%(names)s are in maintenance.", n
    ),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    says: str
    then: str
    title: str
    mark: Mark


def verdict(fleet: Fleet) -> Verdict:
    title = _("Management servers")
    if not fleet.servers:
        return Verdict(_("No management server is listed."), "", title, Mark("Waiting", "", "waiting"))
    unknown = [known for known in fleet.servers if known.state is None]
    if len(unknown) == len(fleet.servers):
        then = _("Their cloud cannot be read; below is the last that was known.")
        return Verdict(_("How the management servers are is not known."), then, title, UNKNOWN)
    sentences = [
        text(len(found)) % {"names": _names(found)}
        for state, text in _SENTENCES.items()
        if (found := [known for known in fleet.servers if known.state is state])
    ]
    if unknown:
        text = ngettext(
            "%(names)s is in an unknown state.", "%(names)s are in an unknown state.", len(unknown)
        )
        sentences.append(text % {"names": _names(unknown)})
    says = " ".join(sentences) or ngettext(
        "%(n)s management server is Up.", "All %(n)s management servers are Up.", len(fleet.servers)
    ) % {"n": len(fleet.servers)}
    return Verdict(says, _carriers(fleet, is_all=not sentences), title, worst(fleet))


def worst(fleet: Fleet) -> Mark:
    """What the rail and the tab show: down before preparing, preparing before unknown, unknown before Up."""
    order = [*_SENTENCES, None, ServerState.UP]
    return min(fleet.servers, key=lambda known: order.index(known.state)).mark if fleet.servers else UNKNOWN


def _names(servers: list[KnownServer]) -> str:
    return listing([said(known.server.name) for known in servers], most=4)


def _carriers(fleet: Fleet, *, is_all: bool) -> str:
    if is_all:
        jobs, agents = sum(k.jobs for k in fleet.servers), sum(k.agents for k in fleet.servers)
        return _("%(agents)s, %(jobs)s pending.") % {
            "agents": count(agents, "agent"),
            "jobs": count(jobs, "job"),
        }
    up = len(fleet.up)
    if not up:
        return _("None is Up: new work is refused.")
    return ngettext("%(n)s server carries the cloud.", "%(n)s servers carry the cloud.", up) % {
        "n": spelled(up)
    }
