"""The table of management servers, and the restart of all of them, one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.actions import too_low_to_administer
from dashboard.screens.marks import Mark
from dashboard.screens.servers.fleet import Fleet, KnownServer
from dashboard.screens.servers.moves import ALGORITHM_TEXTS, RESTART_WORD, RowMove, row_move, why_not
from dashboard.screens.servers.preparing import Preparing, is_forced, is_shown, preparing
from dashboard.screens.words import spelled
from maintenance.domain.servers import ServerMove, ServerState

PREPARING_MAX = 4  # shown whole; more can only be where others prepared them
SETTLE_S = 30


@dataclass(frozen=True, slots=True)
class ServerRow:
    id: UUID
    name: str
    url: str
    address: str
    cloud: str
    started_at: datetime | None
    stopped_at: datetime | None
    is_down: bool
    mark: Mark
    version: str
    jobs: int
    jobs_url: str
    agents: int
    preferred: int | None
    window_ends_at: datetime | None
    window_after: str
    is_selected: bool
    run_number: int | None
    run_url: str
    move: RowMove


def server_rows(fleet: Fleet, role: str) -> list[ServerRow]:
    clouds = {known.server.cloud_id for known in fleet.servers}
    return [_row(fleet, known, role, names_cloud=len(clouds) > 1) for known in fleet.servers]


def _row(fleet: Fleet, known: KnownServer, role: str, *, names_cloud: bool) -> ServerRow:
    server, run = known.server, known.target.run if known.target else None
    return ServerRow(
        id=server.id,
        name=server.name,
        url=reverse("server", args=[server.id]),
        address=server.address,
        cloud=server.cloud.name if names_cloud else "",
        started_at=server.started_at,
        stopped_at=server.stopped_at,
        is_down=known.state is ServerState.DOWN,
        mark=known.mark,
        version=server.version,
        jobs=known.jobs,
        jobs_url=f"{reverse('jobs')}?server={server.id}",
        agents=known.agents,
        preferred=known.preferred,
        window_ends_at=server.window_ends_at
        if known.state is ServerState.PREPARING_FOR_MAINTENANCE
        else None,
        window_after=_("then on to Maintenance") if is_forced(known) else _("then back to Up"),
        is_selected=is_shown(known),
        run_number=run.number if run else None,
        run_url=reverse("run", args=[run.id]) if run else "",
        move=row_move(fleet, known, role),
    )


def shown_preparing(fleet: Fleet) -> list[Preparing]:
    """The servers on their way, each with all that it waits for."""
    return [preparing(fleet, known) for known in fleet.servers if is_shown(known)][:PREPARING_MAX]


# ---- all of them, one by one ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RestartAll:
    """The form. `servers`: in the order in which they would be restarted; `why_not`: why none can be."""

    servers: Sequence[tuple[UUID, str, str, bool]]  # id, name, why not, whether it is ticked
    says: str
    steps: Sequence[str]
    why_not: str
    word: str
    settle_s: int
    algorithms: Sequence[tuple[str, str]]
    ticks: Sequence[int]


def restart_all(fleet: Fleet, role: str) -> RestartAll:
    refused = {k.server.id: why_not(fleet, k, ServerMove.PREPARE) for k in fleet.servers}
    # One cloud at a time: those of the first one that can.
    cloud = next((k.server.cloud_id for k in fleet.servers if not refused[k.server.id]), None)
    servers = [
        (
            k.server.id,
            k.server.name,
            refused[k.server.id],
            not refused[k.server.id] and k.server.cloud_id == cloud,
        )
        for k in fleet.servers
    ]
    return RestartAll(
        servers=servers,
        says=ngettext(
            "%(n)s management server, one after another; the others carry its work meanwhile.",
            "%(n)s management servers, one after another; the others carry the work meanwhile.",
            len(servers),
        )
        % {"n": spelled(len(servers))},
        steps=[
            _("Maintenance: new jobs are refused there, jobs that run may end, its agents go to the others."),
            _("Shutdown: its process ends. It comes back when its machine starts it."),
            _("Back: maintenance is cancelled, its agents come home, it is seen Up."),
            _("Settling: it is watched for a while. Only then it is the next one's turn."),
            _("Where anything is in doubt the run stops and asks a person: no further server is touched."),
        ],
        why_not=too_low_to_administer(role) or _why_none(fleet),
        word=RESTART_WORD,
        settle_s=SETTLE_S,
        algorithms=[(value, str(text)) for value, text in ALGORITHM_TEXTS],
        ticks=range(1, len(servers) + 1),
    )


def _why_none(fleet: Fleet) -> str:
    if len(fleet.servers) < 2:
        return _("There is no second server that would carry the work.")
    refused = [why for known in fleet.servers if (why := why_not(fleet, known, ServerMove.PREPARE))]
    return refused[0] if len(refused) == len(fleet.servers) else ""
