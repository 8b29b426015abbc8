"""The overview's management servers and the jobs that they still work on, as the cloud tells them."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Min
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from dashboard.screens.jobs.rows import LATE_S
from dashboard.screens.marks import Mark
from dashboard.screens.natural_order import natural_key
from dashboard.screens.servers.marks import server_mark
from dashboard.screens.words import count, figure, said
from maintenance.models import ManagementServer, PendingJob

SERVERS_MAX = 12
JOBS_MAX = 8


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    url: str
    mark: Mark
    facts: str


@dataclass(frozen=True, slots=True)
class Servers:
    shown: list[Server]
    total: int
    more: int


def servers() -> Servers:
    listed = ManagementServer.objects.filter(gone_at=None)
    total = listed.count()
    pending = PendingJob.objects.filter(gone_at=None).order_by()
    jobs = dict(pending.values_list("management_server").annotate(jobs=Count("id")))
    now = timezone.now()
    shown = [
        _server(server, jobs.get(server.id, 0), now)
        for server in listed.select_related("cloud").order_by(natural_key("name"), "id")[:SERVERS_MAX]
    ]
    return Servers(shown, total, max(0, total - len(shown)))


def _server(server: ManagementServer, jobs: int, now: datetime) -> Server:
    facts = " · ".join([count(server.agents, "agent"), count(jobs, "job"), server.version])
    return Server(server.name, reverse("server", args=[server.id]), server_mark(server, now), facts)


@dataclass(frozen=True, slots=True)
class Job:
    """One command at one server for one account. `times` of them; the oldest since `oldest`, the newest `newest`."""

    command: str
    times: str
    where: str
    oldest: datetime
    newest: datetime | None
    is_late: bool


@dataclass(frozen=True, slots=True)
class Jobs:
    shown: list[Job]
    total: int
    more: int


def jobs() -> Jobs:
    """Alike ones are one line; the oldest come first: what is stuck stands on top."""
    pending = PendingJob.objects.filter(gone_at=None)
    total = pending.count()
    alike = (
        pending.order_by()
        .values("name", "management_server__name", "account", "domain")
        .annotate(n=Count("id"), oldest=Min("created"), newest=Max("created"))
        .order_by("oldest")[:JOBS_MAX]
    )
    now = timezone.now()
    shown = []
    counted = 0
    for row in alike:
        counted += row["n"]
        server = said(row["management_server__name"]) if row["management_server__name"] else ""
        shown.append(
            Job(
                command=row["name"],
                times=_("× %(n)s") % {"n": figure(row["n"])} if row["n"] > 1 else "",
                where=" · ".join(part for part in (server, row["account"], row["domain"]) if part),
                oldest=row["oldest"],
                newest=row["newest"] if row["n"] > 1 else None,
                is_late=(now - row["oldest"]).total_seconds() > LATE_S,
            )
        )
    return Jobs(shown, total, total - counted)
