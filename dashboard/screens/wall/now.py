"""What all bands of a wall are drawn from, read once for all of them."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from dashboard.live.drawn_once import once
from dashboard.screens.fleet import Service, with_service
from dashboard.screens.needs.seen import Seen, engine_silence, unread
from dashboard.screens.needs.waiting import open_needs
from dashboard.screens.wall.causes import FAILED
from dashboard.screens.wall.profile import Profile
from maintenance.domain.servers import ServerState
from maintenance.domain.states import OVER_SERVERS, RUN_ACTIVE, RunState
from maintenance.engine.attention import Cause
from maintenance.models import Attention, Cloud, Host, ManagementServer, Run

type ByCluster = dict[UUID, Counter[str]]


@dataclass(frozen=True, slots=True)
class Now:
    """`runs`: begun, or about to; `planned`: those that wait for their hour. `services`: hosts by how they serve."""

    profile: Profile
    at: datetime
    clouds: list[Cloud]
    silent: Seen | None
    unread: list[Seen]
    runs: list[Run]
    planned: list[Run]
    needs: int
    failed: int
    servers: list[ManagementServer]
    is_no_server_up: bool
    services: ByCluster

    @property
    def problems(self) -> int:
        return self.needs + len(self.seen)

    @property
    def seen(self) -> list[Seen]:
        """While no engine answers the clouds are not read either: that is one cause, not many."""
        return [self.silent] if self.silent is not None else self.unread

    @property
    def hosts(self) -> Counter[str]:
        return sum(self.services.values(), Counter())

    @property
    def host_runs(self) -> list[Run]:
        return [run for run in self.runs if run.kind not in OVER_SERVERS]

    @property
    def is_quiet(self) -> bool:
        """Nothing runs, nobody is needed, everything serves."""
        hosts = self.hosts
        return not (
            self.problems
            or self.runs
            or self.is_no_server_up
            or not self.clouds
            or hosts.total() != hosts[Service.IN]
            or any(not is_up(server, self.at) for server in self.servers)
        )


def now_of(profile: Profile) -> Now:
    """Read once for all bands that are drawn together."""
    return once(_Reading(profile))


@dataclass(frozen=True)
class _Reading:
    profile: Profile

    def __call__(self) -> Now:
        profile, at = self.profile, timezone.now()
        clouds = list(Cloud.objects.filter(profile.of("id")).order_by("name"))
        unread_clouds = [cloud for cloud in clouds if not cloud.is_known(at)]
        active = list(
            Run.objects.filter(profile.of(), state__in=RUN_ACTIVE).select_related("cloud").order_by("number")
        )
        planned = [
            run for run in active if run.state == RunState.QUEUED and run.not_before and run.not_before > at
        ]
        needs = needs_of(profile).aggregate(all=Count("id"), failed=Count("id", filter=Q(cause__in=FAILED)))
        listed = ManagementServer.objects.filter(profile.of(), gone_at=None).select_related("cloud")
        servers = list(listed)
        return Now(
            profile=profile,
            at=at,
            clouds=clouds,
            silent=engine_silence(),
            unread=[unread(cloud) for cloud in unread_clouds if cloud.read_at or cloud.read_error],
            runs=[run for run in active if run not in planned],
            planned=sorted(planned, key=lambda run: run.not_before or at),
            needs=needs["all"],
            failed=needs["failed"],
            servers=servers,
            is_no_server_up=_is_no_server_up(profile, servers, at),
            services=_services(profile),
        )


def needs_of(profile: Profile) -> QuerySet[Attention]:
    """What is open within the profile's clouds."""
    of_servers = Q(run=None) & profile.of("server__cloud")
    return open_needs().filter(profile.of("run__cloud") | of_servers if profile.cloud_ids else Q())


def is_up(server: ManagementServer, at: datetime) -> bool:
    return server.is_known(at) and server.state == ServerState.UP


def _is_no_server_up(profile: Profile, servers: list[ManagementServer], at: datetime) -> bool:
    """Of some cloud: as an engine found, or as it was read."""
    if needs_of(profile).filter(cause=Cause.NO_SERVER_UP).exists():
        return True
    known = [server for server in servers if server.is_known(at)]
    return {server.cloud_id for server in known} != {
        server.cloud_id for server in known if server.state == ServerState.UP
    }


def _services(profile: Profile) -> ByCluster:
    listed = with_service(Host.objects.filter(profile.of(), gone_at=None)).order_by()
    found: ByCluster = {}
    for cluster, service, n in listed.values_list("cluster", F("service")).annotate(n=Count("id")):
        found.setdefault(cluster, Counter())[service] = n
    return found
