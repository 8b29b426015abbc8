"""The kinds of things a cloud's snapshot lists, and how each becomes a row."""

from maintenance.backends.base import Snapshot
from maintenance.following import Kind, named
from maintenance.models import Agent, Cluster, Host, Instance, Network, Pod, SystemVm, Vpc, Zone


def _about_host(row: Host) -> dict[str, str]:
    return {"host": str(row.id), "host_name": row.name, "cluster": str(row.cluster_id)}


def _about_instance(row: Instance) -> dict[str, str]:
    return {"instance": str(row.id), "name": row.name, "host": str(row.host_id or "")}


KINDS: tuple[Kind[Snapshot], ...] = (
    Kind(Zone, "zone.changed", lambda s: ((z.id, {"name": z.name}) for z in s.zones), named("zone")),
    Kind(
        Pod,
        "pod.changed",
        lambda s: ((p.id, {"name": p.name, "zone_id": p.zone_id}) for p in s.pods),
        named("pod"),
    ),
    Kind(
        Cluster,
        "cluster.changed",
        lambda s: (
            (
                c.id,
                {
                    "name": c.name,
                    "pod_id": c.pod_id,
                    "hypervisor": c.hypervisor,
                    "allocation_state": c.allocation_state,
                },
            )
            for c in s.clusters
        ),
        named("cluster"),
    ),
    Kind(
        Host,
        "host.changed",
        lambda s: (
            (
                h.id,
                {
                    "name": h.name,
                    "cluster_id": h.cluster_id,
                    "state": h.state,
                    "resource_state": h.resource_state,
                    "hypervisor": h.hypervisor,
                    "management_server_id": h.management_server_id,
                    "cpu_cores": h.cpu_cores,
                    "memory_mb": h.memory_mb,
                    "tags": list(h.tags),
                    "guests_max": h.guests_max,
                    "agent_version": h.agent_version,
                    "kernel_version": h.kernel_version,
                    "boot_id": h.boot_id,
                },
            )
            for h in s.hosts
        ),
        _about_host,
    ),
    Kind(
        Instance,
        "instance.changed",
        lambda s: (
            (
                i.id,
                {
                    "name": i.name,
                    "host_id": i.host_id,
                    "state": i.state,
                    "account": i.account,
                    "domain": i.domain,
                    "cpu_cores": i.cpu_cores,
                    "memory_mb": i.memory_mb,
                    "tags": list(i.tags),
                    "affinity_groups": list(i.affinity_groups),
                },
            )
            for i in s.instances
        ),
        _about_instance,
    ),
    Kind(
        Agent,
        "agent.changed",
        lambda s: (
            (
                a.id,
                {
                    "name": a.name,
                    "kind": a.kind,
                    "host_order": a.host_order,
                    "zone_id": a.zone_id,
                    "cluster_id": a.cluster_id,
                    "is_direct": a.is_direct,
                    "state": a.state,
                    "resource_state": a.resource_state,
                    "management_server_id": a.management_server_id,
                    "servers_listed": None if a.servers_listed is None else list(a.servers_listed),
                    "algorithm": a.algorithm,
                    "check_interval_s": a.check_interval_s,
                },
            )
            for a in s.agents
        ),
        named("agent"),
    ),
    Kind(
        Vpc,
        "vpc.changed",
        lambda s: (
            (
                v.id,
                {
                    "name": v.name,
                    "zone_id": v.zone_id,
                    "account": v.account,
                    "domain": v.domain,
                    "new_router_version": v.new_router_version,
                },
            )
            for v in s.vpcs
        ),
        named("vpc"),
    ),
    Kind(
        Network,
        "network.changed",
        lambda s: (
            (
                n.id,
                {
                    "name": n.name,
                    "zone_id": n.zone_id,
                    "vpc_id": n.vpc_id,
                    "account": n.account,
                    "domain": n.domain,
                    "state": n.state,
                    "is_redundant": n.is_redundant,
                    "new_router_version": n.new_router_version,
                },
            )
            for n in s.networks
        ),
        named("network"),
    ),
    Kind(
        SystemVm,
        "system_vm.changed",
        lambda s: (
            (
                v.id,
                {
                    "name": v.name,
                    "type": v.type,
                    "state": v.state,
                    "zone_id": v.zone_id,
                    "host_id": v.host_id,
                    "network_id": v.network_id,
                    "vpc_id": v.vpc_id,
                    "account": v.account,
                    "domain": v.domain,
                    "redundant_state": v.redundant_state,
                    "template_version": v.template_version,
                    "base_image": v.base_image,
                    "public_ips": list(v.public_ips),
                    "rules": {
                        "firewall": v.firewall_rules,
                        "port_forwarding": v.port_forwarding_rules,
                        "load_balancing": v.load_balancing_rules,
                    },
                },
            )
            for v in s.system_vms
        ),
        named("system_vm"),
    ),
)
