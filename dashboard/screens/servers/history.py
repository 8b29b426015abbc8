"""What happened to a management server: the runs that had it, and how its state has changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.screens.events.telling import Told, tell
from dashboard.screens.marks import Mark, mark
from maintenance.domain.states import RunKind
from maintenance.models import FeedEvent, Target

RUNS_MAX = 30
EVENTS_MAX = 30


@dataclass(frozen=True, slots=True)
class RunOfServer:
    number: int
    url: str
    name: str
    by: str
    mark: Mark
    detail: str
    began: datetime
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class ServerHistory:
    runs: Sequence[RunOfServer]
    more: int
    events: Sequence[Told]


def server_history(server_id: UUID) -> ServerHistory:
    targets = Target.objects.filter(server=server_id).select_related("run").order_by("-run__number")
    changes = FeedEvent.objects.filter(
        kind="server.changed", object__server=str(server_id), after__has_key="state"
    )
    return ServerHistory(
        [_run(target) for target in targets[:RUNS_MAX]],
        max(0, targets.count() - RUNS_MAX),
        [tell(event) for event in changes.order_by("-seq")[:EVENTS_MAX]],
    )


def _run(target: Target) -> RunOfServer:
    run = target.run
    names = {
        RunKind.SERVER_MAINTENANCE: _("Maintenance of a server"),
        RunKind.SERVER_SHUTDOWN: _("Shutdown of a server"),
        RunKind.SERVER_RESTART: _("Restart of servers"),
    }
    return RunOfServer(
        number=run.number,
        url=reverse("run", args=[run.id]),
        name=run.reason or names.get(RunKind(run.kind), run.kind),
        by=run.started_by,
        mark=mark(target.state),
        detail=target.detail or run.details,
        began=run.started_at or run.created_at,
        ended=target.finished_at,
    )
