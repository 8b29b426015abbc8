"""A server on its way: how far it is, what it waits for and why, and what is left on it by name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from dashboard.screens.jobs.rows import JobRow, job_rows, pending
from dashboard.screens.marks import Mark
from dashboard.screens.servers.agents import AgentsLeft, agents_left
from dashboard.screens.servers.bars import AgentBars, agent_bars
from dashboard.screens.servers.fleet import Fleet, KnownServer
from dashboard.screens.servers.stages import Left, ServerStep, steps
from dashboard.screens.words import listing
from maintenance.domain.servers import BLOCKED, ServerState
from maintenance.models import PendingJob

JOBS_MAX = 50
ENDED_MAX = 5
_SHOWN_IN = BLOCKED - {ServerState.MAINTENANCE, ServerState.SHUTTING_DOWN}


@dataclass(frozen=True, slots=True)
class Why:
    """One reason why it is not further, and what can be done about it."""

    words: str
    what_to_do: str


@dataclass(frozen=True, slots=True)
class Preparing:
    """`run_number` None: others have it prepared, in the cloud. `window_after`: what happens at the window's end."""

    id: UUID
    name: str
    url: str
    mark: Mark
    run_number: int | None
    run_url: str
    by: str
    since: datetime | None
    reason: str
    ticket: str
    algorithm: str
    window_ends_at: datetime | None
    window_after: str
    steps: Sequence[ServerStep]
    why: Sequence[Why]
    note: str
    jobs: Sequence[JobRow]
    jobs_total: int
    jobs_more: int
    jobs_url: str
    jobs_ended: str
    agents: AgentsLeft | None
    bars: AgentBars | None
    carried: bool  # another server of its cloud is Up


def is_shown(known: KnownServer) -> bool:
    """Whether it is on its way or waits there for a person."""
    return known.state in _SHOWN_IN


def preparing(fleet: Fleet, known: KnownServer) -> Preparing:
    """Drawn from the run's newest step where a run of ours does it, else from what was read."""
    server, target = known.server, known.target
    movement: Mapping[str, Any] = known.step.movement if known.step else {}
    for_maintenance = known.state is ServerState.PREPARING_FOR_MAINTENANCE
    since = _since(known)
    jobs = pending().filter(management_server=server)
    rows = job_rows(jobs[:JOBS_MAX])
    total, ended = known.jobs, _ended(server.id, since)
    left = Left(
        jobs=total,
        agents=int(movement.get("agents_left", known.agents)),
        tasks_running=sum(server.tasks.values()),
        tasks_known=bool(server.tasks),
        jobs_of=total + sum(ended.values()) if ended else None,
    )
    run = target.run if target else None
    ends_at = (server.window_ends_at or _moment(movement.get("window_ends_at"))) if for_maintenance else None
    assert known.state is not None
    return Preparing(
        id=server.id,
        name=server.name,
        url=reverse("server", args=[server.id]),
        mark=known.mark,
        run_number=run.number if run else None,
        run_url=reverse("run", args=[run.id]) if run else "",
        by=run.started_by if run else "",
        since=since,
        reason=run.reason if run else "",
        ticket=run.ticket if run else "",
        algorithm=_algorithm(known) if for_maintenance else "",
        window_ends_at=ends_at,
        window_after=window_after(known, ends_at),
        steps=steps(known.state, left, refusal=refusal_words(known, ends_at)),
        why=[
            Why(str(one.get("words", "")), str(one.get("what_to_do", ""))) for one in movement.get("why", ())
        ],
        note=known.step.note if known.step else "",
        jobs=rows,
        jobs_total=total,
        jobs_more=max(0, total - len(rows)),
        jobs_url=f"{reverse('jobs')}?server={server.id}",
        jobs_ended=_ended_words(ended),
        agents=agents_left(known, movement, waits=bool(total)) if for_maintenance else None,
        bars=agent_bars(fleet, known) if for_maintenance else None,
        carried=any(other.state is ServerState.UP for other in fleet.beside(known)),
    )


def window_after(known: KnownServer, ends_at: datetime | None) -> str:
    """What the cloud does by itself when the time is over."""
    if known.state is not ServerState.PREPARING_FOR_MAINTENANCE:
        return _("no window: it waits as long as it takes")
    if ends_at is None:
        return _("its window is not told")
    if is_forced(known):
        return _("then on to Maintenance, forced: jobs left are cut off")
    return _("then back to Up by itself; nothing is forced")


def is_forced(known: KnownServer) -> bool:
    return known.server.is_forced or bool(known.target and known.target.run.forced)


def refusal_words(known: KnownServer, ends_at: datetime | None) -> str:
    if ends_at is None or ends_at <= timezone.now():
        return _("new jobs get 503 here")
    minutes = max(1, -(-int((ends_at - timezone.now()).total_seconds()) // 60))
    return _("new jobs get 503, “try again in about %(n)s min”") % {"n": minutes}


def _since(known: KnownServer) -> datetime | None:
    if known.step and known.step.started:
        return known.step.started
    return known.target.run.started_at if known.target else None


def _algorithm(known: KnownServer) -> str:
    """By which algorithm its agents leave."""
    chosen = known.target.run.algorithm if known.target else ""
    return chosen or str((known.server.cloud.balance or {}).get("algorithm", ""))


def _moment(text: Any) -> datetime | None:
    return parse_datetime(text) if isinstance(text, str) else None


def _ended(server_id: UUID, since: datetime | None) -> dict[str, int]:
    """Jobs it had when it began that have ended since, by command."""
    if since is None:
        return {}
    a_moment = timedelta(seconds=1)  # the cloud's clock may be so much behind ours
    gone = PendingJob.objects.filter(management_server=server_id, gone_at__gte=since - a_moment).order_by()
    return dict(gone.values_list("name").annotate(n=Count("id")).order_by("-n"))


def _ended_words(ended: Mapping[str, int]) -> str:
    names = [name if n == 1 else _("%(name)s × %(n)s") % {"name": name, "n": n} for name, n in ended.items()]
    return _("Ended since: %(jobs)s.") % {"jobs": listing(names, most=ENDED_MAX)} if names else ""
