"""All management servers with what belongs to each: its jobs, its agents now and preferred, the run that has it.

The number of queries is the same for any number of servers, jobs and agents.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count
from django.db.models.fields.json import KT
from django.utils import timezone

from dashboard.screens.marks import Mark
from dashboard.screens.natural_order import natural_key
from dashboard.screens.servers.marks import server_mark
from maintenance.domain.servers import PREPARING, ServerState, ServersView, server_state
from maintenance.domain.states import StepState
from maintenance.models import Agent, ManagementServer, PendingJob, Step, Target
from maintenance.servers_view import servers_view


@dataclass(frozen=True, slots=True)
class KnownServer:
    """One server as it is now. `state` is None while it is unknown. `preferred`: agents that have it first in their
    list; None: no agent's list is known. `target`: its open target, if a run of ours has one."""

    server: ManagementServer
    state: ServerState | None
    mark: Mark
    jobs: int
    agents: int
    preferred: int | None
    target: Target | None
    step: Step | None

    @property
    def is_preparing(self) -> bool:
        return self.state in PREPARING


@dataclass(frozen=True, slots=True)
class Fleet:
    """In natural order of clouds and names."""

    servers: Sequence[KnownServer]
    views: Mapping[UUID, ServersView]  # by cloud
    now: datetime

    @property
    def up(self) -> list[KnownServer]:
        return [known for known in self.servers if known.state is ServerState.UP]

    @property
    def preparing(self) -> list[KnownServer]:
        return [known for known in self.servers if known.is_preparing]

    def find(self, server_id: UUID) -> KnownServer | None:
        return next((known for known in self.servers if known.server.id == server_id), None)

    def beside(self, known: KnownServer) -> list[KnownServer]:
        """The others of its cloud."""
        return [o for o in self.servers if o.server.cloud_id == known.server.cloud_id and o is not known]


def fleet() -> Fleet:
    """Every server that a cloud lists."""
    now = timezone.now()
    listed = list(
        ManagementServer.objects.filter(gone_at=None)
        .select_related("cloud")
        .order_by("cloud__name", natural_key("name"), "id")
    )
    jobs = _jobs()
    preferred = _preferred()
    targets = {target.server_id: target for target in _targets()}
    steps = {step.target_id: step for step in _steps(list(targets.values()))}
    servers = []
    for server in listed:
        target = targets.get(server.id)
        by_address = preferred.get(server.cloud_id)
        servers.append(
            KnownServer(
                server=server,
                state=server_state(server.state) if server.is_known(now) else None,
                mark=server_mark(server, now),
                jobs=jobs.get(server.id, 0),
                agents=server.agents,
                preferred=None if by_address is None else by_address.get(server.address, 0),
                target=target,
                step=steps.get(target.id) if target else None,
            )
        )
    return Fleet(servers, _views(servers), now)


def _jobs() -> dict[UUID | None, int]:
    """As many as are listed: the server's own count may hold internal ones, too."""
    pending = PendingJob.objects.filter(gone_at=None).order_by()
    return dict(pending.values_list("management_server").annotate(n=Count("id")))


def _preferred() -> dict[UUID, dict[str, int]]:
    """By cloud and address: how many agents would rather be there."""
    found: dict[UUID, dict[str, int]] = defaultdict(dict)
    listed = Agent.objects.filter(gone_at=None, is_direct=False, servers_listed__isnull=False).order_by()
    rows = (
        listed.annotate(first=KT("servers_listed__0")).values_list("cloud", "first").annotate(n=Count("id"))
    )
    for cloud, first, agents in rows:
        found[cloud][first or ""] = agents
    return found


def _targets() -> list[Target]:
    return list(Target.objects.filter(is_open=True, server__isnull=False).select_related("run"))


def _steps(targets: Sequence[Target]) -> list[Step]:
    """Of each target the one that is not over: there is one at most."""
    return list(Step.objects.filter(target__in=targets).exclude(state=StepState.ENDED))


def _views(servers: Sequence[KnownServer]) -> dict[UUID, ServersView]:
    """What the rules look at, of each cloud."""
    by_cloud: dict[UUID, list[ManagementServer]] = defaultdict(list)
    for known in servers:
        by_cloud[known.server.cloud_id].append(known.server)
    return {cloud: servers_view(found[0].cloud, found) for cloud, found in by_cloud.items()}
