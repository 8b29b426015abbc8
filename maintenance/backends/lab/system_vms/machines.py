"""A system VM that is to run, runs: booted by whoever looks first, and anew after its host was rebooted."""

from contextlib import suppress

from maintenance.backends.base import CloudError, Never
from maintenance.backends.lab.system_vms import power
from maintenance.backends.lab.system_vms.folder import VmFolder
from maintenance.backends.lab.system_vms.install import Deployed, install
from maintenance.backends.lab.system_vms.rows import VmRow, find_vm, move_from_drained_hosts
from maintenance.backends.lab.world import World
from maintenance.backends.system_vms import VmUnreachable


def reach(world: World, vm: VmRow) -> VmFolder:
    """The VM as it runs now, on a host that can be reached. Raises: Never (not Running), VmUnreachable."""
    vm = on_a_host_that_answers(world, vm)
    boot_id = _boot_of_host(world, vm)
    if vm.host_boot != boot_id and world.door.run(
        "UPDATE lab_system_vm SET host_boot = %s WHERE id = %s AND host_boot IS DISTINCT FROM %s",
        boot_id,
        vm.id,
        boot_id,
    ):
        power.turn_off(vm.folder)  # it went down with its host
    power.boot(disk(vm))
    return vm.folder


def disk(vm: VmRow) -> VmFolder:
    """The VM's folder, made with what it was deployed with where it is missing. Raises: VmUnreachable."""
    try:
        install(Deployed(vm.name, vm.type, vm.version, vm.rules))
    except OSError as problem:
        raise VmUnreachable(f"the disk of {vm.name} cannot be made: {problem}") from problem
    return vm.folder


def on_a_host_that_answers(world: World, vm: VmRow) -> VmRow:
    """The row as it is once its host's time is caught up. Raises: Never, VmUnreachable."""
    if vm.state != "Running":
        raise Never(f"{vm.name} is {vm.state}")
    if vm.host_id is None:
        raise VmUnreachable(f"{vm.name} has no host")
    host = world.host(vm.host_id).read
    if host.resource_state == "Maintenance" and move_from_drained_hosts(world.door):
        vm = find_vm(world.door, vm.id)
        assert vm.host_id is not None
        host = world.host(vm.host_id).read
    if host.state != "Up":
        raise VmUnreachable(f"{vm.name} cannot be reached: its host {host.name} is {host.state}")
    return vm


def boot_all(world: World) -> int:
    """Every VM that is to run and can be reached does. Returns how many."""
    booted = 0
    for (vm_id,) in world.door.rows(
        "SELECT id FROM lab_system_vm WHERE NOT is_virtual AND state = 'Running' ORDER BY name"
    ):
        with suppress(CloudError):
            reach(world, find_vm(world.door, vm_id))
            booted += 1
    return booted


def start_vm(world: World, vm: VmRow) -> None:
    """It is Running, on the host it had or on any that takes it, and booted. Raises: VmUnreachable."""
    world.door.run(
        "UPDATE lab_system_vm v SET state = 'Running', host_id = coalesce(v.host_id, (SELECT h.id FROM lab_host h"
        " JOIN lab_cluster c ON c.id = h.cluster_id JOIN lab_pod p ON p.id = c.pod_id WHERE p.zone_id = v.zone_id"
        " AND h.state = 'Up' AND h.resource_state = 'Enabled' AND h.hypervisor = 'KVM' ORDER BY h.name LIMIT 1))"
        " WHERE v.id = %s",
        vm.id,
    )
    if not vm.is_virtual:
        reach(world, find_vm(world.door, vm.id))


def stop_vm(world: World, vm: VmRow) -> None:
    """It is Stopped, and nothing of it runs."""
    world.door.run("UPDATE lab_system_vm SET state = 'Stopped' WHERE id = %s", vm.id)
    if not vm.is_virtual:
        power.turn_off(vm.folder)


def _boot_of_host(world: World, vm: VmRow) -> object:
    found = world.door.row("SELECT boot_id FROM lab_host WHERE id = %s", vm.host_id)
    assert found is not None
    return found[0]
