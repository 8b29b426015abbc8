"""Probing a system VM: every service is asked on its port, the signature is read, a router's rules are tried."""

from contextlib import suppress
from uuid import UUID

from maintenance.backends.base import CloudError
from maintenance.backends.lab.system_vms import power, virtual
from maintenance.backends.lab.system_vms.asking import KERNEL, ask_service
from maintenance.backends.lab.system_vms.folder import VmFolder
from maintenance.backends.lab.system_vms.machines import on_a_host_that_answers, reach
from maintenance.backends.lab.system_vms.neighbours import route, serving
from maintenance.backends.lab.system_vms.rows import VmRow, find_vm, routers_beside
from maintenance.backends.lab.system_vms.rules import answering, served_by
from maintenance.backends.lab.world import World
from maintenance.backends.system_vms import Probe, ProbePoint, ServiceRead
from maintenance.domain.system_vms import SERVICES, version_of
from maintenance.patching import layout


def probe_system_vm(world: World, vm_id: UUID) -> Probe:
    """What it runs now. Raises: VmUnreachable, Never."""
    vm = find_vm(world.door, vm_id)
    if vm.is_virtual:
        return virtual.probe(world, on_a_host_that_answers(world, vm))
    return probe(world, vm, reach(world, vm))


def probe_points(world: World, vm_id: UUID) -> tuple[ProbePoint, ...]:
    """Where customers' traffic of its network goes through, whichever router has it: one of its rules for each way. A
    simulated VM has none. Raises: Never (no such VM)."""
    vm = find_vm(world.door, vm_id)
    if vm.is_virtual or not vm.rules or vm.scope is None:
        return ()
    at = _serving(world, vm)
    wanted = {"ingress": "forward ", "load-balancer": "balance "}
    found = {
        way: next((line for line in vm.rules if line.startswith(kind)), None) for way, kind in wanted.items()
    }
    points = [
        _point(vm.scope, at, way, served_by(line), f"/{line.split(' ')[0]}/{line.split(' ')[1]}")
        for way, line in found.items()
        if line is not None
    ]
    return (*points, _point(vm.scope, at, "egress", KERNEL, "/egress"))


def _serving(world: World, vm: VmRow) -> str:
    """The router that has the traffic; it is booted where that is possible."""
    name = serving(world.door, vm)
    found = next((router for router in routers_beside(world.door, vm) if router.name == name), None)
    if found is not None:
        with suppress(CloudError):  # one that cannot be reached is probed all the same
            reach(world, found)
    return name


def _point(scope: UUID, serving: str, way: str, service: str, path: str) -> ProbePoint:
    via = route(scope, service, otherwise=serving)
    address, port = via() or ("127.0.0.1", 0)
    return ProbePoint(way, address, port, path, via)


def probe(world: World, vm: VmRow, folder: VmFolder) -> Probe:
    """Of one that is on. `software_version`: the oldest that a service says; what is installed where none answers."""
    enabled = layout.enabled_services(folder.root)
    running = power.running(folder)
    read = tuple(
        ServiceRead(
            name=name,
            is_enabled=name in enabled,
            is_active=name in running,
            version=ask_service(folder, name) or "",
        )
        for name in dict.fromkeys((*SERVICES[vm.type], *enabled))
    )
    said = {service.version for service in read if service.version}
    return Probe(
        at=world.door.now(),
        software_version=min(said, key=version_of) if said else layout.installed(folder.root).version,
        scripts_checksum=layout.signature(folder.root),
        services=read,
        rules=len(vm.rules),
        rules_answering=answering(folder, vm.rules) if vm.rules else 0,
    )
