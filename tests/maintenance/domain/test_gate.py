"""What the gate says where a host is held: a headline, not a list."""

from uuid import UUID

from maintenance.domain.capacity import Guest
from maintenance.domain.gate import GateHost, GateInstance, Hold, host_verdict


def host(number, memory_mb, cores=64):
    name = f"ref-trl-711-k-M7-apanic-kvm{number}"
    return GateHost(UUID(int=number), name, "Up", "Enabled", memory_mb, cores, None, frozenset())


def instances(count, memory_mb, cores=1):
    return [
        GateInstance(Guest(UUID(int=100 + n), f"vm-{n}", memory_mb, cores), "Running", UUID(int=1))
        for n in range(count)
    ]


def held(hosts, on_it) -> str:
    verdict = host_verdict(UUID(int=1), hosts, on_it, ours_out=[], limit=1)
    assert isinstance(verdict, Hold)
    assert verdict.code == "no-room"
    return verdict.reason


def test_a_full_cluster_names_three_instances_and_how_much_memory_is_missing_in_all():
    hosts = [host(1, 65_536), host(2, 4_096), host(3, 4_096)]

    assert held(hosts, instances(10, 4_096)) == (
        "no room in the cluster for vm-2, vm-3, vm-4 and 5 more: 32.0 GB of memory missing in all"
    )


def test_where_it_is_not_memory_that_is_missing_the_nearest_reason_is_told():
    hosts = [host(1, 65_536), host(2, 65_536, cores=1)]

    assert held(hosts, instances(1, 1_024, cores=2)) == (
        "no room in the cluster for vm-0: ref-trl-711-k-M7-apanic-kvm2: host has 1 core left, 2 needed"
    )
