"""A system VM that is to run, runs: booted by whoever looks first, and anew after it was off.

One that is started, and one whose host was rebooted, first loads its host's payload.
"""

from contextlib import suppress
from dataclasses import replace

from maintenance.backends.base import CloudError, Never
from maintenance.backends.lab.system_vms import power
from maintenance.backends.lab.system_vms.folder import VmFolder
from maintenance.backends.lab.system_vms.host_payload import (
    alone_with_disk,
    load,
    payload_of,
    scripts_checksum,
)
from maintenance.backends.lab.system_vms.install import Deployed, install
from maintenance.backends.lab.system_vms.rows import (
    VmRow,
    end_due_boots,
    find_vm,
    move_from_drained_hosts,
)
from maintenance.backends.lab.world import World
from maintenance.backends.system_vms import VmUnreachable


def reach(world: World, vm: VmRow) -> VmFolder:
    """The VM as it runs now, on a host that can be reached. Raises: Never (not Running), VmUnreachable."""
    vm = on_a_host_that_answers(world, vm)
    if power.is_on(vm.folder):
        power.boot(vm.folder)
        return vm.folder
    try:
        with alone_with_disk(vm.name):
            vm = find_vm(world.door, vm.id)
            if vm.state != "Running":  # it was stopped, or removed, meanwhile
                raise Never(f"{vm.name} is {vm.state}")
            power.boot(disk(vm))
    except OSError as problem:
        raise VmUnreachable(f"the disk of {vm.name} cannot be made: {problem}") from problem
    return vm.folder


def disk(vm: VmRow) -> VmFolder:
    """The VM's folder, made with what it was deployed with where it is missing. Raises: VmUnreachable."""
    try:
        install(Deployed(vm.name, vm.type, vm.version, vm.rules))
    except OSError as problem:
        raise VmUnreachable(f"the disk of {vm.name} cannot be made: {problem}") from problem
    return vm.folder


def on_a_host_that_answers(world: World, vm: VmRow) -> VmRow:
    """The row as it is once its host's time is caught up, with the payload that it is to have. Raises: Never,
    VmUnreachable (also while it boots)."""
    vm = _booted(world, vm)
    if vm.state != "Running":
        raise Never(f"{vm.name} is {vm.state}")
    vm, host_name, host_boot = _host_that_answers(world, vm)
    if str(vm.host_boot) != host_boot:  # seen for the first time, or it went down with its host
        world.door.run(
            "UPDATE lab_system_vm SET host_boot = %s, loads_payload = loads_payload OR host_boot IS NOT NULL"
            " WHERE id = %s AND host_boot IS DISTINCT FROM %s",
            host_boot,
            vm.id,
            host_boot,
        )
        vm = find_vm(world.door, vm.id)
    if vm.loads_payload:
        _load(world, vm, payload_of(host_name))
        vm = replace(vm, loads_payload=False)
    return vm


def boots_for_s(world: World, vm: VmRow) -> float:
    """How much longer one that is Starting takes; 0 for any other."""
    if vm.state != "Starting" or vm.boots_at is None:
        return 0.0
    return max(0.0, (vm.boots_at - world.door.now()).total_seconds())


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


def begin_start(world: World, vm: VmRow) -> None:
    """It is Starting, on the host it had or on any that takes it; nothing happens when it runs, or starts."""
    world.door.run(
        "UPDATE lab_system_vm v SET state = 'Starting', loads_payload = true,"
        " boots_at = clock_timestamp() + %s * interval '1 second', host_id = coalesce(v.host_id, (SELECT h.id"
        " FROM lab_host h JOIN lab_cluster c ON c.id = h.cluster_id JOIN lab_pod p ON p.id = c.pod_id"
        " WHERE p.zone_id = v.zone_id AND h.state = 'Up' AND h.resource_state = 'Enabled' AND h.hypervisor = 'KVM'"
        " ORDER BY h.name LIMIT 1)) WHERE v.id = %s AND v.state NOT IN ('Running', 'Starting')",
        boot_s(world, is_virtual=vm.is_virtual),
        vm.id,
    )


def boot_s(world: World, *, is_virtual: bool) -> float:
    """From the order to start a VM until it runs."""
    config = world.config
    return config.scaled(config.virtual_patch_step_s if is_virtual else config.system_vm_boot_s)


def start_vm(world: World, vm: VmRow) -> None:
    """It has booted, and is Running. Raises: VmUnreachable."""
    begin_start(world, vm)
    world.door.rest(boots_for_s(world, find_vm(world.door, vm.id)))
    vm = on_a_host_that_answers(world, find_vm(world.door, vm.id))
    if not vm.is_virtual:
        reach(world, vm)


def stop_vm(world: World, vm: VmRow) -> None:
    """It is Stopped, and nothing of it runs."""
    world.door.run("UPDATE lab_system_vm SET state = 'Stopped', boots_at = NULL WHERE id = %s", vm.id)
    if not vm.is_virtual and vm.folder.root.exists():
        with alone_with_disk(vm.name):
            power.turn_off(vm.folder)


def _booted(world: World, vm: VmRow) -> VmRow:
    if vm.state != "Starting":
        return vm
    end_due_boots(world.door)
    vm = find_vm(world.door, vm.id)
    if vm.state == "Starting":
        raise VmUnreachable(f"{vm.name} boots, for {boots_for_s(world, vm):.1f} s more")
    return vm


def _host_that_answers(world: World, vm: VmRow) -> tuple[VmRow, str, str]:
    """With the name and the boot of its host."""
    if vm.host_id is None:
        raise VmUnreachable(f"{vm.name} has no host")
    host = world.host(vm.host_id).read
    if host.resource_state == "Maintenance" and move_from_drained_hosts(world.door):
        vm = find_vm(world.door, vm.id)
        assert vm.host_id is not None
        host = world.host(vm.host_id).read
    if host.state != "Up":
        raise VmUnreachable(f"{vm.name} cannot be reached: its host {host.name} is {host.state}")
    return vm, host.name, host.boot_id


def _load(world: World, vm: VmRow, version: str) -> None:
    """It runs what its host's payload holds, once it is booted. Two at once: the second finds it done."""
    if vm.is_virtual:
        world.door.run(
            "UPDATE lab_system_vm SET software_version = %s, scripts_checksum = %s, loads_payload = false"
            " WHERE id = %s AND loads_payload",
            version,
            scripts_checksum(version),
            vm.id,
        )
        return
    try:
        with alone_with_disk(vm.name):
            vm = find_vm(world.door, vm.id)
            if vm.state == "Running" and vm.loads_payload:
                power.turn_off(disk(vm))
                load(vm.folder, version)
                world.door.run("UPDATE lab_system_vm SET loads_payload = false WHERE id = %s", vm.id)
    except OSError as problem:
        raise VmUnreachable(f"{vm.name} cannot load its host's payload: {problem}") from problem
