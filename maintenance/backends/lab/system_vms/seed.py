"""Makes the rows of the demo's networks and system VMs. Their disks are made when they are first booted."""

from uuid import UUID

from django.db import transaction

from maintenance.backends.lab import tenants, topology
from maintenance.backends.lab.agents.adding import add_agents
from maintenance.backends.lab.agents.lock import agents_locked
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.router import ALIAS
from maintenance.backends.lab.system_vm_models import Network, SystemVm, Vpc
from maintenance.backends.lab.system_vms import demo
from maintenance.backends.lab.system_vms.grow import add_those_of_zones
from maintenance.backends.lab.topology import ZONES, lab_id
from maintenance.domain.system_vms import SystemVmType


def add_system_vms(door: Door) -> None:
    """The demo's rows are there; a lab that has any system VM has had them before, and is left as it is."""
    zones = door.row("SELECT count(*) FROM lab_zone WHERE id = ANY(%s)", list(ZONES.values()))
    if door.row("SELECT 1 FROM lab_system_vm LIMIT 1") or zones != (len(ZONES),):
        return
    hosts = dict(door.rows("SELECT name, id FROM lab_host"))
    with transaction.atomic(using=ALIAS):
        Vpc.objects.bulk_create(_vpc_row(vpc) for vpc in demo.VPCS)
        Network.objects.bulk_create(_network_row(network) for network in demo.NETWORKS)
        SystemVm.objects.bulk_create(_router_row(router, hosts) for router in demo.ROUTERS)
        _add_those_of_demo_zones(door, hosts)
        add_those_of_zones(door)  # a lab that was grown before it had system VMs


def _vpc_row(vpc: demo.DemoVpc) -> Vpc:
    return Vpc(
        id=lab_id("vpc", vpc.name),
        zone_id=ZONES[vpc.zone],
        name=vpc.name,
        account=vpc.account,
        domain=tenants.ACCOUNTS[vpc.account],
    )


def _network_row(network: demo.DemoNetwork) -> Network:
    return Network(
        id=lab_id("network", network.name),
        zone_id=ZONES[network.zone],
        vpc_id=lab_id("vpc", network.vpc) if network.vpc else None,
        name=network.name,
        account=network.account,
        domain=tenants.ACCOUNTS[network.account],
        state=network.state,
        is_redundant=network.is_redundant,
    )


def _router_row(router: demo.DemoRouter, hosts: dict[str, UUID]) -> SystemVm:
    """It belongs to whom its network, or its VPC, does."""
    owned = {one.name: one for one in (*demo.NETWORKS, *demo.VPCS)}[router.network or router.vpc]
    return SystemVm(
        id=lab_id("system-vm", router.name),
        name=router.name,
        type=router.type,
        state=router.state,
        zone_id=ZONES[owned.zone],
        host_id=_host(router.host, hosts) if router.state == "Running" else None,
        network_id=lab_id("network", router.network) if router.network else None,
        vpc_id=lab_id("vpc", router.vpc) if router.vpc else None,
        account=owned.account,
        domain=tenants.ACCOUNTS[owned.account],
        redundant_state=router.redundant_state,
        template_version=router.template,
        base_image=router.base_image,
        software_version=router.version,
        public_ips=[router.ip],
        rules=list(router.rules),
    )


def _add_those_of_demo_zones(door: Door, hosts: dict[str, UUID]) -> None:
    """Secondary storage and console proxies, with the ids and names of their agents."""
    with agents_locked(door):
        add_agents(door)
    zone_names = {id_: name for name, id_ in ZONES.items()}
    agents = door.rows(
        "SELECT id, name, kind, zone_id FROM lab_agent WHERE kind <> 'host' AND zone_id = ANY(%s)",
        list(zone_names),
    )
    SystemVm.objects.bulk_create(
        SystemVm(
            id=agent_id,
            name=name,
            type=kind,
            zone_id=zone_id,
            host_id=_host(demo.SYSTEM_VM_HOSTS[zone_names[zone_id], SystemVmType(kind)], hosts),
            domain="ROOT",
            account="system",
            template_version=demo.TEMPLATE,
            base_image=demo.BASE_IMAGE,
            software_version=demo.VERSION,
        )
        for agent_id, name, kind, zone_id in agents
    )


def _host(end: str, hosts: dict[str, UUID]) -> UUID | None:
    """A host that was removed since is none."""
    (name,) = (host.name for host in topology.HOSTS if host.name.endswith(end))
    return hosts.get(name)
