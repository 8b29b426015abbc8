"""A cloud of which management servers, agents and settings of balance were just read: rows only."""

from dataclasses import dataclass, field
from uuid import UUID

from django.utils import timezone

from maintenance.models import Agent, Cloud, Cluster, ManagementServer, Pod, Zone

ADDRESSES = {"ms1": "10.0.0.1", "ms2": "10.0.0.2", "ms3": "10.0.0.3"}
HOSTS = tuple(ADDRESSES.values())


@dataclass
class Balanced:
    """Servers ms1 … ms3; hosts' agents kvm1 … in one zone, with round robin's lists, each on its preferred server."""

    cloud: Cloud
    zone: Zone
    cluster: Cluster
    servers: dict[str, ManagementServer]
    agents: dict[str, Agent] = field(default_factory=dict)

    def settings(self, **values: object) -> None:
        """The cloud's settings as read."""
        self.cloud.refresh_from_db()
        assert self.cloud.balance is not None
        self.cloud.balance |= values
        self.cloud.save()

    def server(self, name: str, **values: object) -> None:
        ManagementServer.objects.filter(id=self.servers[name].id).update(**values)

    def agent(self, name: str, **values: object) -> None:
        Agent.objects.filter(id=self.agents[name].id).update(**values)

    def gather(self, name: str = "ms1") -> None:
        """All agents are on this server, as after an outage of the others."""
        Agent.objects.filter(cloud=self.cloud).update(management_server=self.servers[name])

    def on(self) -> dict[str, int]:
        """How many agents each server has."""
        rows = Agent.objects.filter(cloud=self.cloud)
        return {name: rows.filter(management_server=server).count() for name, server in self.servers.items()}


def make_balanced(agents: int = 6, cloud: Cloud | None = None) -> Balanced:
    now = timezone.now()
    cloud = cloud or Cloud.objects.create(name="lab", kind="lab", as_of=now)
    cloud.read_at = cloud.servers_read_at = now
    cloud.balance = {
        "hosts": list(HOSTS),
        "algorithm": "roundrobin",
        "check_interval_s": 60,
        "check_interval_of_cluster_s": {},
        "maintenance_timeout_min": 60,
        "ignore_maintenance_hosts": False,
    }
    cloud.save()
    listed = {"cloud": cloud, "changed_at": now}
    zone = Zone.objects.create(id=UUID(int=0xA1), name="east", **listed)
    pod = Pod.objects.create(id=UUID(int=0xA2), name="east-p1", zone=zone, **listed)
    cluster = Cluster.objects.create(
        id=UUID(int=0xA3), name="east-c1", pod=pod, hypervisor="KVM", allocation_state="Enabled", **listed
    )
    servers = {
        name: ManagementServer.objects.create(
            id=UUID(int=0xB0 + n), name=name, address=address, state="Up", version="4.21", agents=0, **listed
        )
        for n, (name, address) in enumerate(ADDRESSES.items())
    }
    found = Balanced(cloud, zone, cluster, servers)
    add_agents(found, agents)
    return found


def add_agents(found: Balanced, count: int) -> None:
    """More of the zone's hosts, each home."""
    first = len(found.agents)
    servers = list(found.servers.values())
    read_at = found.cloud.read_at
    assert read_at is not None
    made = [
        Agent(
            id=UUID(int=0x1000 + n),
            cloud=found.cloud,
            name=f"kvm{n + 1}",
            changed_at=read_at,
            kind="host",
            host_order=n + 1,
            zone=found.zone,
            cluster=found.cluster,
            state="Up",
            resource_state="Enabled",
            management_server=servers[n % len(servers)],
            servers_listed=[*HOSTS[n % 3 :], *HOSTS[: n % 3]],
            algorithm="roundrobin",
            check_interval_s=60,
        )
        for n in range(first, first + count)
    ]
    Agent.objects.bulk_create(made)
    found.agents |= {agent.name: agent for agent in made}
