"""The overview: what is so, what runs, what needs a person, and how every cluster stands."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Q
from django.urls import reverse
from django.utils import timezone

from dashboard.screens.actions import Action, for_role
from dashboard.screens.census import RUNNING, Census, census
from dashboard.screens.fleet import DrawnHost, drawn_hosts, service_counts
from dashboard.screens.marks import DOWN, TAKEN, UNKNOWN, Mark, mark, moving
from dashboard.screens.run_head import finished_of, run_mark, run_name, run_url
from dashboard.screens.run_now import AtWork, run_now
from dashboard.screens.run_outlook import run_ends
from dashboard.screens.run_problems import attention_actions
from dashboard.screens.strip import Strip, counts_of, strip
from dashboard.screens.usual import Ends
from dashboard.screens.words import count, said, spelled
from maintenance.domain.order import natural
from maintenance.domain.states import RUN_ACTIVE, TARGET_BEGUN, RunKind
from maintenance.models import (
    Attention,
    Cloud,
    Cluster,
    Host,
    HostOut,
    Instance,
    ManagementServer,
    PendingJob,
    Run,
    Target,
)

RUNS_MAX = 8
NEEDS_MAX = 12
CLUSTERS_MAX = 40
CELLS_MAX = 24  # hosts drawn in one cluster's line
JOBS_MAX = 8
LATE_JOB_S = 600


# ---- the sentence ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Verdict:
    says: str
    then: str
    title: str
    mark: Mark
    censuses: list[Census]


def verdict() -> Verdict:
    clouds = list(Cloud.objects.all())
    now = timezone.now()
    unknown = [cloud for cloud in clouds if not cloud.is_known(now)]
    needs = Attention.objects.filter(resolved_at=None).count()
    at_work = Target.objects.filter(is_open=True, state__in=TARGET_BEGUN).count()
    active = list(Run.objects.filter(state__in=RUN_ACTIVE).values_list("id", flat=True))
    says, then, drawn = _says(clouds, unknown, at_work, len(active), needs)
    censuses = [census(cloud, active) for cloud in clouds if cloud.read_at]
    return Verdict(says, then, f"{drawn.word}: {says}", drawn, censuses)


def _says(
    clouds: list[Cloud], unknown: list[Cloud], at_work: int, runs: int, needs: int
) -> tuple[str, str, Mark]:
    people = f"{spelled(needs)} {'thing needs' if needs == 1 else 'things need'} a person." if needs else ""
    if not clouds:
        return "No cloud is connected yet.", "Nothing can be shown before one is.", UNKNOWN
    if unknown:
        names = ", ".join(cloud.name for cloud in unknown[:3])
        never = all(cloud.read_at is None for cloud in unknown)
        says = f"{names} has not been read yet." if never else f"{names} cannot be read."
        return says, people or "What is shown is the last that was known.", UNKNOWN
    drawn = mark("NeedsPerson") if needs else moving("At work") if runs else Mark("Done", "Quiet", "done")
    if at_work:
        says = f"{spelled(at_work)} {'host is' if at_work == 1 else 'hosts are'} at work."
        return says, people or "Nothing needs a person.", drawn
    if runs:
        says = f"{spelled(runs)} {'run is' if runs == 1 else 'runs are'} in progress."
        return says, people or "No host is at work just now.", drawn
    if needs:
        return people, "No run is in progress.", drawn
    return _at_rest()


def _at_rest() -> tuple[str, str, Mark]:
    """No run, nothing that needs a person: quiet only when every host is in service."""
    total, good, down = service_counts()
    if good == total:
        words = f"{count(total, 'host')} in service." if total else "No host is listed."
        return "All quiet.", words, Mark("Done", "Quiet", "done")
    away = total - good
    says = f"{spelled(away)} {'host is' if away == 1 else 'hosts are'} not in service."
    return (
        says,
        f"{spelled(down)} of them down." if down and away > 1 else "No run is in progress.",
        DOWN if down else TAKEN,
    )


# ---- runs --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RunCard:
    id: UUID
    name: str
    url: str
    number: int
    kind: str
    scope: str
    mark: Mark
    began: datetime
    by: str
    ticket: str
    finished: str
    ends: Ends | None
    strip: Strip
    at_work: list[AtWork]
    more_at_work: int


@dataclass(frozen=True, slots=True)
class RunCards:
    cards: list[RunCard]
    more: int


def run_cards() -> RunCards:
    active = Run.objects.filter(state__in=RUN_ACTIVE).order_by("-number")
    return RunCards([run_card(run) for run in active[:RUNS_MAX]], max(0, active.count() - RUNS_MAX))


def run_card(run: Run) -> RunCard:
    counts = counts_of(run)
    now = run_now(run)
    return RunCard(
        id=run.id,
        name=run_name(run),
        url=run_url(run),
        number=run.number,
        kind="rolling maintenance" if run.kind == RunKind.ROLLING else "one host by hand",
        scope=run.scope_words,
        mark=run_mark(run),
        began=run.started_at or run.created_at,
        by=run.started_by,
        ticket=run.ticket,
        finished=f"{finished_of(counts):,} of {sum(counts.values()):,}",
        ends=run_ends(run),
        strip=strip(run, counts),
        at_work=[*now.opened, *now.others][:3],
        more_at_work=max(0, len(now.opened) + len(now.others) - 3) + now.more,
    )


# ---- needs a person ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Need:
    mark: Mark
    title: str
    url: str
    message: str
    since: datetime
    taken_by: str
    take: Action | None


@dataclass(frozen=True, slots=True)
class Needs:
    shown: list[Need]
    summary: str
    more: int


def needs(role: str) -> Needs:
    open_now = Attention.objects.filter(resolved_at=None).order_by("since")
    total = open_now.count()
    causes = open_now.order_by().values("cause").distinct().count()
    summary = (
        f"{total:,} from {count(causes, 'cause')}"
        if total > causes
        else count(causes, "cause")
        if total
        else ""
    )
    return Needs(
        [_need(attention, role) for attention in open_now[:NEEDS_MAX]], summary, max(0, total - NEEDS_MAX)
    )


def _need(attention: Attention, role: str) -> Need:
    if attention.run_id:
        url = reverse("run", args=[attention.run_id])
    else:
        url = reverse("host", args=[attention.host_id]) if attention.host_id else ""
    take = next((a for a in for_role(attention_actions(attention), role) if not a.confirm), None)
    return Need(
        mark("NeedsPerson"),
        attention.title,
        url,
        attention.message,
        attention.since,
        attention.taken_by,
        take if take and not take.disabled else None,
    )


# ---- hosts by cluster ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ClusterLine:
    id: UUID
    name: str
    zone: str
    url: str
    hosts: list[DrawnHost]
    more: int
    instances: int


@dataclass(frozen=True, slots=True)
class Clusters:
    summary: str
    lines: list[ClusterLine]
    more: int


def clusters_summary() -> str:
    listed = Host.objects.filter(gone_at=None)
    numbers = listed.aggregate(
        total=Count("id"), good=Count("id", filter=Q(state="Up", resource_state="Enabled"))
    )
    out = HostOut.objects.filter(closed_at=None).count()
    others = numbers["total"] - numbers["good"] - out
    words = [count(numbers["total"], "host"), f"{numbers['good']:,} in service"]
    words += [f"{out:,} out by us"] if out else []
    words += [f"{others:,} not in service otherwise"] if others > 0 else []
    return " · ".join(words)


def clusters() -> Clusters:
    listed = sorted(
        Cluster.objects.filter(gone_at=None).select_related("pod__zone"),
        key=lambda c: (natural(c.pod.zone.name), natural(c.name)),
    )
    return Clusters(
        clusters_summary(), _cluster_lines(listed[:CLUSTERS_MAX]), max(0, len(listed) - CLUSTERS_MAX)
    )


def cluster_line(cluster_id: UUID) -> ClusterLine | None:
    """One line alone, as it is pushed: its cost does not grow with the fleet."""
    found = list(Cluster.objects.filter(id=cluster_id, gone_at=None).select_related("pod__zone"))
    return _cluster_lines(found)[0] if found else None


def _cluster_lines(found: list[Cluster]) -> list[ClusterLine]:
    ids = [cluster.id for cluster in found]
    by_cluster: dict[UUID, list[Host]] = {key: [] for key in ids}
    for host in Host.objects.filter(cluster__in=ids, gone_at=None).select_related("cloud"):
        by_cluster[host.cluster_id].append(host)
    for hosts in by_cluster.values():
        hosts.sort(key=lambda host: natural(host.name))
    drawn = {
        d.host.id: d
        for d in drawn_hosts([host for hosts in by_cluster.values() for host in hosts[:CELLS_MAX]])
    }
    running = Instance.objects.filter(host__cluster__in=ids, gone_at=None, state__in=RUNNING).order_by()
    instances = dict(running.values_list("host__cluster").annotate(instances=Count("id")))
    return [
        ClusterLine(
            cluster.id,
            cluster.name,
            cluster.pod.zone.name,
            f"{reverse('hosts')}?cluster={cluster.id}",
            [drawn[host.id] for host in by_cluster[cluster.id][:CELLS_MAX]],
            max(0, len(by_cluster[cluster.id]) - CELLS_MAX),
            instances.get(cluster.id, 0),
        )
        for cluster in found
    ]


# ---- management servers and their jobs -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    mark: Mark
    facts: str


def servers() -> list[Server]:
    listed = ManagementServer.objects.filter(gone_at=None).select_related("cloud").order_by("name")
    jobs = dict(
        PendingJob.objects.filter(gone_at=None)
        .order_by()
        .values_list("management_server")
        .annotate(jobs=Count("id"))
    )
    now = timezone.now()
    return [_server(server, jobs.get(server.id, 0), now) for server in listed]


def _server(server: ManagementServer, jobs: int, now: datetime) -> Server:
    words = {
        "Up": Mark("Up", "Up", "done"),
        "Down": Mark("Down", "Down", "failed"),
        "PreparingForMaintenance": moving("Preparing"),
        "PreparingForShutDown": moving("Preparing"),
        "Maintenance": Mark("Taken", "Maintenance", "skipped"),
        "ReadyToShutDown": Mark("Taken", "ReadyToShutDown", "skipped"),
    }
    drawn = (
        words.get(server.state, Mark("Unknown", server.state, "unknown")) if server.is_known(now) else UNKNOWN
    )
    return Server(
        server.name, drawn, f"{count(server.agents, 'agent')} · {count(jobs, 'job')} · {server.version}"
    )


@dataclass(frozen=True, slots=True)
class Job:
    command: str
    where: str
    created: datetime
    is_late: bool


@dataclass(frozen=True, slots=True)
class Jobs:
    shown: list[Job]
    total: int


def jobs() -> Jobs:
    pending = PendingJob.objects.filter(gone_at=None).select_related("management_server").order_by("created")
    now = timezone.now()
    shown = [
        Job(
            job.name,
            " · ".join(
                part
                for part in (
                    said(job.management_server.name) if job.management_server else "",
                    job.account,
                    job.domain,
                )
                if part
            ),
            job.created,
            (now - job.created).total_seconds() > LATE_JOB_S,
        )
        for job in pending[:JOBS_MAX]
    ]
    return Jobs(shown, pending.count())
