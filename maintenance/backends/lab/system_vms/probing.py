"""Probing a system VM: every service is asked on its port, the signature is read, a router's rules are tried."""

from uuid import UUID

from maintenance.backends.lab.system_vms import power, virtual
from maintenance.backends.lab.system_vms.asking import KERNEL, ask_service, port_of
from maintenance.backends.lab.system_vms.folder import VmFolder
from maintenance.backends.lab.system_vms.machines import on_a_host_that_answers, reach
from maintenance.backends.lab.system_vms.rows import VmRow, find_vm
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
    """Where customers' traffic goes through it: one of its rules for each way. A simulated VM has none.

    Raises: VmUnreachable, Never.
    """
    vm = find_vm(world.door, vm_id)
    if vm.is_virtual or not vm.rules:
        return ()
    folder = reach(world, vm)
    wanted = {"ingress": "forward ", "load-balancer": "balance "}
    found = {
        way: next((line for line in vm.rules if line.startswith(kind)), None) for way, kind in wanted.items()
    }
    points = [
        _point(folder, way, served_by(line), f"/{line.split(' ')[0]}/{line.split(' ')[1]}")
        for way, line in found.items()
        if line is not None
    ]
    points.append(_point(folder, "egress", KERNEL, "/egress"))
    return tuple(point for point in points if point is not None)


def _point(folder: VmFolder, way: str, service: str, path: str) -> ProbePoint | None:
    port = port_of(folder.run, service)
    return None if port is None else ProbePoint(way, "127.0.0.1", port, path)


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
