"""A small inventory, as if a cloud had just been read: rows only, no cloud behind them."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

from django.utils import timezone

from maintenance.domain.hook_stages import STAGES
from maintenance.models import Cloud, Cluster, Host, Instance, ManagementServer, Pod, Zone


@dataclass
class Inventory:
    """One zone, one pod, clusters c1 and c2 with hosts kvm1 … kvm3 and kvm4 … kvm6, one instance on each."""

    cloud: Cloud
    zone: Zone
    pod: Pod
    server: ManagementServer
    clusters: dict[str, Cluster] = field(default_factory=dict)
    hosts: dict[str, Host] = field(default_factory=dict)

    def id(self, host: str) -> str:
        return str(self.hosts[host].id)

    def ids(self, *hosts: str) -> list[str]:
        return [self.id(host) for host in hosts]

    def was_last_read(self, ago: timedelta) -> None:
        """The cloud could not be read since."""
        self.cloud.read_at = self.cloud.servers_read_at = timezone.now() - ago
        self.cloud.save()


def make_inventory() -> Inventory:
    now = timezone.now()
    cloud = Cloud.objects.create(
        name="lab", kind="lab", read_at=now, as_of=now, servers_read_at=now, servers_as_of=now
    )
    zone = Zone.objects.create(**_listed(cloud, "zone1"))
    pod = Pod.objects.create(zone=zone, **_listed(cloud, "pod1"))
    server = ManagementServer.objects.create(state="Up", version="4.21", agents=6, **_listed(cloud, "mgmt1"))
    found = Inventory(cloud, zone, pod, server)
    for name in ("c1", "c2"):
        add_cluster(found, name)
    return found


def add_cluster(found: Inventory, name: str) -> Cluster:
    """Three hosts more, in a cluster of this name."""
    cluster = Cluster.objects.create(
        pod=found.pod, hypervisor="KVM", allocation_state="Enabled", **_listed(found.cloud, name)
    )
    found.clusters[name] = cluster
    for _ in range(3):
        host = _make_host(found.cloud, cluster, found.server, f"kvm{len(found.hosts) + 1}")
        found.hosts[host.name] = host
    return cluster


def _make_host(cloud: Cloud, cluster: Cluster, server: ManagementServer, name: str) -> Host:
    host = Host.objects.create(
        cluster=cluster,
        state="Up",
        resource_state="Enabled",
        hypervisor="KVM",
        management_server=server,
        cpu_cores=16,
        memory_mb=65_536,
        tags=["ssd", "gpu"],
        hooks={stage: {"present": stage != "PreMaintenance"} for stage in STAGES},
        **_listed(cloud, name),
    )
    Instance.objects.create(
        host=host,
        state="Running",
        account="shop",
        domain="ROOT/retail",
        cpu_cores=2,
        memory_mb=2048,
        **_listed(cloud, f"i-{name}"),
    )
    return host


def _listed(cloud: Cloud, name: str) -> dict[str, object]:
    return {"id": uuid4(), "cloud": cloud, "name": name, "changed_at": timezone.now()}


def an_id() -> UUID:
    """An id that nothing has."""
    return uuid4()
