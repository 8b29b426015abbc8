"""The steps of a live patch of one VM: on its disk and its services, or simulated in its row."""

from typing import Protocol
from uuid import UUID

from maintenance.backends.lab.system_vms.machines import on_a_host_that_answers
from maintenance.backends.lab.system_vms.patching import DiskSteps
from maintenance.backends.lab.system_vms.rows import find_vm
from maintenance.backends.lab.system_vms.virtual import VirtualSteps
from maintenance.backends.lab.world import World
from maintenance.backends.system_vms import Backup, PayloadFiles, Probe, ServiceRead


class PatchSteps(Protocol):
    """What backends/system_vms.py promises of each, of this one VM."""

    def copy_payload(self, payload: PayloadFiles, *, ticket: UUID, forced: bool = False) -> None: ...

    def back_up(self, *, ticket: UUID) -> Backup: ...

    def apply_payload(self, *, ticket: UUID) -> None: ...

    def restart_services(self, *, ticket: UUID) -> tuple[ServiceRead, ...]: ...

    def verify_patch(self, *, ticket: UUID) -> Probe: ...

    def reapply_rules(self, *, ticket: UUID) -> Probe: ...

    def roll_back(self, *, ticket: UUID) -> Probe: ...

    def discard_backup(self, *, ticket: UUID) -> None: ...


def steps_of(world: World, vm_id: UUID) -> PatchSteps:
    """The VM is on a host that answers. Raises: VmUnreachable, Never (no such VM, or not Running)."""
    vm = on_a_host_that_answers(world, find_vm(world.door, vm_id))
    if vm.is_virtual:
        return VirtualSteps(world, vm)
    return DiskSteps(world, vm)
