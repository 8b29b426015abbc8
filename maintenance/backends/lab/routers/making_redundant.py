"""A second router beside the one that took the place of another; and applying rules again without any replacement."""

from uuid import UUID

from django.db import transaction

from maintenance.backends.lab.router import ALIAS
from maintenance.backends.lab.routers.deploying import check_in, deploy, make_disk
from maintenance.backends.lab.routers.replacing import BACKUP, PRIMARY
from maintenance.backends.lab.routers.sides import give_roles, probe_now, remove
from maintenance.backends.lab.routers.tickets import Phase, Restart, alone, onward
from maintenance.backends.lab.system_vms.machines import on_a_host_that_answers, reach
from maintenance.backends.lab.system_vms.patching import alone_in
from maintenance.backends.lab.system_vms.rows import VmRow, find_vm, routers_beside
from maintenance.backends.lab.system_vms.rules import answering, apply_rules
from maintenance.backends.lab.system_vms.services import ServiceFailed
from maintenance.backends.lab.world import World
from maintenance.backends.routers import Replacement
from maintenance.backends.system_vms import Probe, StepFailed
from maintenance.domain.system_vms import SystemVmType


def add_backup(world: World, vm_id: UUID, ticket: UUID) -> Replacement:
    old = find_vm(world.door, vm_id)
    assert old.scope is not None, old.name
    with alone(old.scope):
        restart = onward(world.door, vm_id, ticket)
        if restart.refused:
            raise StepFailed(restart.refused)
        if restart.phase is not Phase.VERIFIED or restart.new_id is None:
            raise StepFailed("there is no verified router yet that a second one could stand beside")
        if old.type is not SystemVmType.ROUTER:
            raise StepFailed(f"{old.name} is no virtual router: only these become pairs")
        new = find_vm(world.door, restart.new_id)
        second = _other_side(world, old, new) or _second(world, restart, old, new)
        return Replacement(second.id, second.name, probe_now(world, second).software_version)


def reapply_network_rules(world: World, vm_id: UUID) -> Probe:
    vm = on_a_host_that_answers(world, find_vm(world.door, vm_id))
    if vm.is_virtual:
        world.door.rest(world.config.scaled(world.config.virtual_patch_step_s))
        return probe_now(world, vm)
    with alone_in(reach(world, vm)):
        try:
            apply_rules(vm.folder, vm.rules)
        except ServiceFailed as failed:
            raise StepFailed(f"the rules could not be applied: {failed}") from failed
        missing = len(vm.rules) - answering(vm.folder, vm.rules)
    if missing:
        raise StepFailed(f"{missing} of {len(vm.rules)} rules and public IPs do not answer")
    return probe_now(world, vm)


def _other_side(world: World, old: VmRow, new: VmRow) -> VmRow | None:
    """One that the network has already, or that was made under this ticket and is in its role."""
    beside = routers_beside(world.door, old)
    return next((r for r in beside if r.id not in {old.id, new.id} and r.redundant_state), None)


def _second(world: World, restart: Restart, old: VmRow, new: VmRow) -> VmRow:
    second_id = restart.second_id
    if second_id is None:
        avoid = [] if new.host_id is None else [new.host_id]
        second_id = deploy(world, restart, old, "second_id", avoid=avoid)
    make_disk(find_vm(world.door, second_id))
    try:
        second = check_in(world, second_id, ticket=restart.ticket)
    except StepFailed as failed:
        _give_up(world, restart, second_id, str(failed))
        raise
    with transaction.atomic(using=ALIAS):
        give_roles(world.door, {new.id: PRIMARY, second_id: BACKUP})
        world.door.run("UPDATE lab_network SET is_redundant = true WHERE id = %s", old.network_id)
    return second


def _give_up(world: World, restart: Restart, second_id: UUID, words: str) -> None:
    """The network is as before; under this ticket it is not tried again."""
    remove(world, find_vm(world.door, second_id))
    with transaction.atomic(using=ALIAS):
        world.door.run("DELETE FROM lab_system_vm WHERE id = %s", second_id)
        world.door.run(
            "UPDATE lab_router_restart SET second_id = NULL, refused = %s WHERE ticket = %s",
            words,
            restart.ticket,
        )
