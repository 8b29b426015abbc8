"""A new router: its row, its place, its disk; and whether it has come up."""

import random
from collections.abc import Sequence
from uuid import UUID, uuid4

from django.db import transaction

from maintenance.backends.base import Later
from maintenance.backends.lab.router import ALIAS
from maintenance.backends.lab.routers.sides import wrong_with
from maintenance.backends.lab.routers.tickets import Restart
from maintenance.backends.lab.system_vms import breaking, demo
from maintenance.backends.lab.system_vms.host_payload import payload_of, scripts_checksum
from maintenance.backends.lab.system_vms.install import Deployed, install
from maintenance.backends.lab.system_vms.machines import (
    boot_s,
    boots_for_s,
    on_a_host_that_answers,
    reach,
)
from maintenance.backends.lab.system_vms.rows import VmRow, find_vm
from maintenance.backends.lab.world import World
from maintenance.backends.system_vms import StepFailed

PLACE = (
    "SELECT h.id, h.name FROM lab_host h JOIN lab_cluster c ON c.id = h.cluster_id JOIN lab_pod p ON p.id = c.pod_id"
    " WHERE p.zone_id = %s AND h.state = 'Up' AND h.resource_state = 'Enabled' AND h.hypervisor = 'KVM'"
    " ORDER BY h.id = ANY(%s::uuid[]), (SELECT count(*) FROM lab_system_vm o WHERE o.host_id = h.id), h.name LIMIT 1"
)
# Never a number that a router had before, also when that one is gone.
NUMBER = (
    "SELECT setval('lab_system_vm_number', greatest(nextval('lab_system_vm_number'),"
    " (SELECT coalesce(max(substring(name from '^[a-z]-([0-9]+)-VM$')::bigint), 0) + 1 FROM lab_system_vm)))"
)
INSERT = (
    "INSERT INTO lab_system_vm (id, name, type, state, zone_id, host_id, network_id, vpc_id, account, domain,"
    " redundant_state, template_version, base_image, public_ips, rules, is_virtual, software_version,"
    " scripts_checksum, boots_at) SELECT %s, %s, type, 'Starting', zone_id, %s, network_id, vpc_id, account, domain,"
    " '', %s, %s, public_ips, rules, is_virtual, %s, %s, clock_timestamp() + %s * interval '1 second'"
    " FROM lab_system_vm WHERE id = %s"
)


def deploy(world: World, restart: Restart, old: VmRow, column: str, *, avoid: Sequence[UUID]) -> UUID:
    """A router like the old one is Starting, of the zone's image and its host's payload; the ticket names it in
    `column`. Raises: StepFailed (there is no place for it)."""
    world.settle_everywhere()
    place = world.door.row(PLACE, old.zone_id, list(avoid))
    number = world.door.row(NUMBER)
    if place is None:
        raise StepFailed("no host of the zone can take a new router: none is Up and Enabled")
    assert number is not None
    vm_id, version = uuid4(), payload_of(place[1])
    with transaction.atomic(using=ALIAS):
        world.door.run(
            INSERT,
            vm_id,
            f"{old.name.partition('-')[0]}-{number[0]}-VM",
            place[0],
            demo.TEMPLATE,
            demo.BASE_IMAGE,
            version,
            scripts_checksum(version) if old.is_virtual else "",
            boot_s(world, is_virtual=old.is_virtual),
            old.id,
        )
        world.door.run(
            f"UPDATE lab_router_restart SET {column} = %s WHERE ticket = %s", vm_id, restart.ticket
        )
    return vm_id


def make_disk(new: VmRow, old: VmRow | None = None) -> None:
    """It has its disk; with what was set to go wrong in the router that takes the place of `old`."""
    if new.is_virtual:
        return
    wrong = breaking.broken(old.folder, of_next=True) if old else {}
    lines = {service: "".join(f"{line}\n" for line in ways) for service, ways in wrong.items()}
    install(Deployed(new.name, new.type, new.version, new.rules, lines))


def check_in(world: World, vm_id: UUID, *, ticket: UUID) -> VmRow:
    """It has booted, its services answer, its rules are loaded. Raises: Later (it boots), VmUnreachable, StepFailed."""
    vm = find_vm(world.door, vm_id)
    left_s = boots_for_s(world, vm)
    if left_s > 0:
        raise Later(f"{vm.name} boots, for {left_s:.1f} s more")
    vm = on_a_host_that_answers(world, vm)
    if not vm.is_virtual:
        reach(world, vm)
    elif random.Random(ticket.int).random() < world.config.virtual_failure_rate:
        raise StepFailed(f"{vm.name} does not come up: haproxy does not start: exit status 1")
    if wrong := wrong_with(vm):
        raise StepFailed(f"{vm.name} does not come up: {'; '.join(wrong)}")
    return vm


def still_well(world: World, vm_id: UUID) -> VmRow:
    """One that has checked in before. Raises: VmUnreachable, StepFailed."""
    vm = on_a_host_that_answers(world, find_vm(world.door, vm_id))
    if wrong := wrong_with(vm):
        raise StepFailed(f"{vm.name}: {'; '.join(wrong)}")
    return vm
