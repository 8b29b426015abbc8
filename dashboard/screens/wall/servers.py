"""The wall's fourth band: management servers – state, jobs, agents left. Where there are many, the worst first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext

from dashboard.screens.marks import UNKNOWN, Mark
from dashboard.screens.servers.marks import server_mark
from dashboard.screens.wall.names import Named
from dashboard.screens.wall.now import Now
from dashboard.screens.words import count, figure
from maintenance.domain.order import natural
from maintenance.domain.servers import ServerState, server_state
from maintenance.models import ManagementServer, PendingJob

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

SHOWN_MAX = 3

# CloudStack's own words are too long to be read across a room.
_WORDS: "Mapping[ServerState, StrPromise]" = {
    ServerState.UP: gettext_lazy("Up"),
    ServerState.PREPARING_FOR_MAINTENANCE: gettext_lazy("Preparing"),
    ServerState.MAINTENANCE: gettext_lazy("Maintenance"),
    ServerState.PREPARING_FOR_SHUTDOWN: gettext_lazy("Preparing"),
    ServerState.READY_TO_SHUTDOWN: gettext_lazy("Ready"),
    ServerState.SHUTTING_DOWN: gettext_lazy("Stopping"),
    ServerState.DOWN: gettext_lazy("Down"),
}
_WORST = ("Down", "Unknown", "Stopping", "Preparing", "Skipped", "Up")


@dataclass(frozen=True, slots=True)
class WallServer:
    name: Named
    mark: Mark
    facts: str


@dataclass(frozen=True, slots=True)
class WallServers:
    shown: list[WallServer]
    more: str
    rest: str
    is_quiet: bool


def servers(now: Now) -> WallServers:
    marks = {server.id: _mark(server, now) for server in now.servers}
    listed = sorted(now.servers, key=lambda server: natural(server.name))
    if len(listed) > SHOWN_MAX:
        listed.sort(key=lambda server: _WORST.index(marks[server.id].state))
    shown = listed if len(listed) <= SHOWN_MAX else listed[: SHOWN_MAX - 1]
    pending = PendingJob.objects.filter(gone_at=None, management_server__in=shown).order_by()
    jobs = dict(pending.values_list("management_server").annotate(n=Count("id")))
    left = listed[len(shown) :]
    up = sum(marks[server.id].state == "Up" for server in left)
    return WallServers(
        [_server(server, marks[server.id], jobs.get(server.id, 0), now) for server in shown],
        _("+ %(n)s more") % {"n": figure(len(left))} if left else "",
        _of_rest(up, len(left)),
        now.is_quiet,
    )


def _server(server: ManagementServer, drawn: Mark, jobs: int, now: Now) -> WallServer:
    is_leaving = drawn.state not in {"Up", "Unknown"}
    agents = ngettext("%(n)s agent left", "%(n)s agents left", server.agents) % {"n": figure(server.agents)}
    said = [count(jobs, "job"), agents if is_leaving else count(server.agents, "agent")]
    return WallServer(
        now.profile.server(server.id, server.name), drawn, pgettext("between names", ", ").join(said)
    )


def _mark(server: ManagementServer, now: Now) -> Mark:
    drawn = server_mark(server, now.at)
    state = server_state(server.state)
    if drawn.state == "Unknown" or state is None:
        return UNKNOWN
    return Mark(drawn.state, _WORDS[state], drawn.glyph)


def _of_rest(up: int, left: int) -> str:
    if up == left:
        return _("all Up")
    return pgettext("between names", ", ").join(
        [
            *([_("%(n)s Up") % {"n": figure(up)}] if up else []),
            ngettext("%(n)s not Up", "%(n)s not Up", left - up) % {"n": figure(left - up)},
        ]
    )
