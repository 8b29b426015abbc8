"""The way back: the old router runs and serves again, then what was to take its place is removed.

Whoever answers keeps the traffic until the old one does: it is booted first, told to the neighbours second.
"""

from contextlib import suppress
from uuid import UUID

from django.db import transaction

from maintenance.backends.base import Gone, Later
from maintenance.backends.lab.router import ALIAS
from maintenance.backends.lab.routers.sides import give_roles, probe_now, remove, services_answering
from maintenance.backends.lab.routers.tickets import Phase, Restart, alone, find, left_open, move
from maintenance.backends.lab.system_vms.machines import (
    begin_start,
    boots_for_s,
    on_a_host_that_answers,
    reach,
)
from maintenance.backends.lab.system_vms.neighbours import serving, tell
from maintenance.backends.lab.system_vms.rows import VmRow, find_vm, routers_beside
from maintenance.backends.lab.system_vms.rules import apply_rules, which_answer
from maintenance.backends.lab.system_vms.services import ServiceFailed
from maintenance.backends.lab.world import World
from maintenance.backends.system_vms import NotRestored, Probe, StepFailed, VmUnreachable


def switch_back(world: World, vm_id: UUID, ticket: UUID) -> Probe:
    old = find_vm(world.door, vm_id)
    assert old.scope is not None, old.name
    with alone(old.scope):
        restart = find(world.door, ticket) or left_open(world.door, vm_id)
        if restart is None:
            return _as_it_is(world, find_vm(world.door, vm_id))
        if restart.old_id != vm_id:
            raise StepFailed("the ticket is another router's")
        if restart.phase is Phase.BACK:
            return _as_it_is(world, find_vm(world.door, vm_id), restart)
        return finish(world, restart)


def finish(world: World, restart: Restart) -> Probe:
    """The way back to its end; the caller has the network alone. Raises: as RouterRestarting.switch_back."""
    restart = move(world.door, restart, Phase.GOING_BACK)
    old = _running(world, restart.old_id)
    if not old.is_virtual:
        reach(world, old)
        _judge(world, restart, old)
        tell(old.scope or old.id, _who_served(world, restart, old))
    roles = {UUID(vm): role for vm, role in restart.before.roles.items()}
    give_roles(world.door, roles | dict.fromkeys(restart.coming, ""))
    _remove_new(world, restart)
    return probe_now(world, old)


def _running(world: World, vm_id: UUID) -> VmRow:
    """It was stopped under this ticket, or by somebody else: it is to run. Raises: Later (it boots), VmUnreachable."""
    begin_start(world, find_vm(world.door, vm_id))
    old = find_vm(world.door, vm_id)
    left_s = boots_for_s(world, old)
    if left_s > 0:
        raise Later(f"{old.name} boots, for {left_s:.1f} s more")
    return on_a_host_that_answers(world, old)


def _judge(world: World, restart: Restart, old: VmRow) -> None:
    """Everything answers that did before. Raises: NotRestored; then the traffic is where more answers."""
    if not _missing(restart, old):
        return
    with suppress(ServiceFailed):
        apply_rules(old.folder, old.rules)
    wrong = _missing(restart, old)
    if not wrong:
        return
    kept = next((r for r in routers_beside(world.door, old) if r.name == serving(world.door, old)), old)
    if len(which_answer(kept.folder, old.rules)) < len(which_answer(old.folder, old.rules)):
        assert old.scope is not None
        tell(old.scope, old.name)
        kept = old
    what, place = ("network", old.network_id) if old.network_id else ("vpc", old.vpc_id)
    down = [service for service in restart.before.active if service not in services_answering(old)]
    commands = [f"systemctl restart {' '.join(down)}   # in {old.name}, as root"] if down else []
    commands.append(f"cmk restart {what} id={place} cleanup=false   # applies its rules again")
    raise NotRestored(
        f"{old.name} runs, but {'; '.join(wrong)}. Traffic goes to {kept.name}. By hand:\n"
        + "\n".join(commands)
    )


def _missing(restart: Restart, old: VmRow) -> list[str]:
    down = [service for service in restart.before.active if service not in services_answering(old)]
    due = restart.before.answered
    missing = len(due) - len(which_answer(old.folder, due))
    words = [f"{service} does not answer" for service in down]
    return [*words, *([f"{missing} of {len(due)} rules and public IPs do not answer"] if missing else [])]


def _who_served(world: World, restart: Restart, old: VmRow) -> str:
    """As it was before, when that one runs."""
    running = {router.name for router in routers_beside(world.door, old) if router.state == "Running"}
    return restart.before.serving if restart.before.serving in running else old.name


def _remove_new(world: World, restart: Restart) -> None:
    """Rows last. Raises: VmUnreachable: nobody knows whether it still runs on a host that is away."""
    going = []
    for vm_id in restart.coming:
        with suppress(Gone):  # somebody else has had it removed
            going.append(find_vm(world.door, vm_id))
    for vm in going:
        host = world.host(vm.host_id).read if vm.host_id else None
        if host is not None and host.state != "Up":
            raise VmUnreachable(
                f"{restart.old_name} serves again; {vm.name} cannot be removed: its host {host.name} is {host.state}"
            )
        remove(world, vm)
    with transaction.atomic(using=ALIAS):
        world.door.run("DELETE FROM lab_system_vm WHERE id = ANY(%s::uuid[])", [vm.id for vm in going])
        world.door.run(
            "UPDATE lab_network SET is_redundant = %s WHERE id = (SELECT network_id FROM lab_system_vm WHERE id = %s)"
            " AND is_redundant <> %s",
            restart.before.is_redundant,
            restart.old_id,
            restart.before.is_redundant,
        )
        world.door.run(
            "UPDATE lab_router_restart SET phase = %s, new_id = NULL, second_id = NULL WHERE ticket = %s",
            Phase.BACK,
            restart.ticket,
        )


def _as_it_is(world: World, old: VmRow, restart: Restart | None = None) -> Probe:
    """Nothing was done under the ticket, or all of it is undone: then it still serves as it did before the restart.
    Raises: NotRestored, VmUnreachable."""
    if old.state not in {"Running", "Starting"}:
        raise NotRestored(
            f"{old.name} is {old.state}, but not by this restart. By hand:\ncmk start router id={old.id}"
        )
    old = on_a_host_that_answers(world, old)
    if not old.is_virtual:
        reach(world, old)
        if restart is not None:
            _judge(world, restart, old)
    return probe_now(world, old)
