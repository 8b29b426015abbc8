"""Agents, servers and settings of agent balance as they were last read, ready for the rules of balance."""

from dataclasses import dataclass, replace
from functools import cached_property
from uuid import UUID

from maintenance.backends.servers import BalanceChange, BalanceSettings
from maintenance.balance_settings import balance_from_json
from maintenance.domain.agent_balance import AgentFacts, Balance, Servers, Spread, spread_of
from maintenance.domain.agent_lists import AgentKey
from maintenance.domain.balance_lint import Finding, lint
from maintenance.domain.balance_preview import Fewest, Preview, fewest_of, preview_of
from maintenance.domain.servers import ServerFacts, server_state
from maintenance.models import Agent, Cloud, ManagementServer

COLUMNS = (
    "id", "host_order", "zone_id", "resource_state", "kind", "name", "management_server_id", "servers_listed",
    "algorithm", "cluster_id", "is_direct", "check_interval_s",
)  # fmt: skip


@dataclass(frozen=True)
class AgentsView:
    """What the cloud's rows say, with three queries whatever the number of agents. Call once, ask often."""

    settings: BalanceSettings
    servers: Servers
    agents: tuple[AgentFacts, ...]

    @cached_property
    def spread(self) -> Spread:
        return spread_of(self.agents, self.servers, rules_of(self.settings))

    def lint(self) -> tuple[Finding, ...]:
        return lint(rules_of(self.settings), self.servers)

    def fewest(self) -> Fewest:
        """How few agents would have to move for servers to hold equally many."""
        return fewest_of(self.agents, self.servers)

    def preview(self, change: BalanceChange) -> Preview:
        """Who would move by this change."""
        now, then = self.settings, changed(self.settings, change)
        besides = [*_of_maintenance(now), *_of_maintenance(then)]
        return preview_of(self.agents, self.servers, rules_of(now), rules_of(then), besides=besides)

    def preview_home(self) -> Preview:
        """Who would move if every agent were sent to its preferred server now."""
        rules = rules_of(self.settings)
        return preview_of(self.agents, self.servers, rules, rules, at_once=True)


def agents_view(cloud: Cloud) -> AgentsView | None:
    """As last read; None while the cloud's settings were never read, or it has none."""
    if cloud.balance is None:
        return None
    return AgentsView(balance_from_json(cloud.balance), servers_of(cloud), agents_of(cloud))


def servers_of(cloud: Cloud) -> Servers:
    rows = ManagementServer.objects.filter(cloud=cloud, gone_at=None).order_by("name")
    return Servers([ServerFacts(row.id, row.name, row.address, server_state(row.state)) for row in rows])


def agents_of(cloud: Cloud) -> tuple[AgentFacts, ...]:
    rows = Agent.objects.filter(cloud=cloud, gone_at=None).order_by().values_list(*COLUMNS)
    return tuple(
        AgentFacts(
            key=AgentKey(id, host_order, zone_id, resource_state, kind),
            name=name,
            server=server_id,
            listed=None if listed is None else tuple(listed),
            algorithm=algorithm,
            cluster=cluster_id,
            is_direct=is_direct,
            interval_s=interval_s,
        )
        for (
            id, host_order, zone_id, resource_state, kind, name, server_id, listed, algorithm, cluster_id, is_direct,
            interval_s,
        ) in rows.iterator(chunk_size=5000)
    )  # fmt: skip


def rules_of(settings: BalanceSettings) -> Balance:
    """What of the settings decides where agents go."""
    return Balance(
        settings.hosts,
        settings.algorithm,
        settings.check_interval_s,
        dict(settings.check_interval_of_cluster_s),
    )


def _of_maintenance(settings: BalanceSettings) -> tuple[int, bool]:
    """What of the settings decides about servers that prepare, and not where agents go."""
    return settings.maintenance_timeout_min, settings.ignore_maintenance_hosts


def changed(settings: BalanceSettings, change: BalanceChange) -> BalanceSettings:
    """The settings after the change."""
    of_cluster: dict[UUID, int | None] = {
        **settings.check_interval_of_cluster_s,
        **change.check_interval_of_cluster_s,
    }
    given = {
        name: value
        for name in (
            "hosts",
            "algorithm",
            "check_interval_s",
            "maintenance_timeout_min",
            "ignore_maintenance_hosts",
        )
        if (value := getattr(change, name)) is not None
    }
    kept = {cluster: seconds for cluster, seconds in of_cluster.items() if seconds is not None}
    return replace(settings, **given, check_interval_of_cluster_s=kept)
