"""The way forward: a replacement is started, traffic is switched to it, it is verified, the old router is destroyed."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import transaction

from maintenance.backends.lab.router import ALIAS
from maintenance.backends.lab.routers.deploying import check_in, deploy, make_disk, still_well
from maintenance.backends.lab.routers.going_back import finish
from maintenance.backends.lab.routers.sides import (
    give_roles,
    probe_now,
    remove,
    services_answering,
    stop,
    wrong_with,
)
from maintenance.backends.lab.routers.tickets import (
    Before,
    Phase,
    Restart,
    alone,
    find,
    keep,
    known,
    left_open,
    move,
    onward,
)
from maintenance.backends.lab.system_vms.machines import on_a_host_that_answers, reach
from maintenance.backends.lab.system_vms.neighbours import learned, serving, tell
from maintenance.backends.lab.system_vms.rows import VmRow, find_vm, routers_beside
from maintenance.backends.lab.system_vms.rules import which_answer
from maintenance.backends.lab.world import World
from maintenance.backends.routers import Replacement
from maintenance.backends.system_vms import Probe, StepFailed, VmUnreachable

PRIMARY, BACKUP = "PRIMARY", "BACKUP"


def stop_router(world: World, vm_id: UUID, ticket: UUID) -> None:
    with _begun(world, vm_id, ticket) as (old, restart):
        if not restart.is_switched:
            stop(world, old)


def start_replacement(world: World, vm_id: UUID, ticket: UUID) -> Replacement:
    with _begun(world, vm_id, ticket) as (old, restart):
        new_id = restart.new_id
        if new_id is None:
            others = (router.host_id for router in routers_beside(world.door, old) if router.id != old.id)
            new_id = deploy(world, restart, old, "new_id", avoid=[host for host in others if host])
        new = find_vm(world.door, new_id)
        match restart.phase:
            case Phase.BEGUN:
                make_disk(new, old)
                new = check_in(world, new_id, ticket=ticket)
                move(world.door, restart, Phase.STARTED)
            case Phase.STARTED:
                new = still_well(world, new_id)
        return Replacement(new.id, new.name, probe_now(world, new).software_version)


def switch_traffic(world: World, vm_id: UUID, ticket: UUID, *, negotiated: bool) -> None:
    old = find_vm(world.door, vm_id)
    assert old.scope is not None, old.name
    with alone(old.scope):
        old = find_vm(world.door, vm_id)
        restart = onward(world.door, vm_id, ticket)
        if restart.is_switched:
            return
        if restart.phase is not Phase.STARTED or restart.new_id is None:
            raise StepFailed("no new router has checked in under this ticket")
        new = still_well(world, restart.new_id)
        takes_over, roles = _hand_over(world, restart, old, new, negotiated=negotiated)
        if negotiated:
            _tell(takes_over)
            give_roles(world.door, roles)
            stop(world, old)
        else:
            stop(world, old)
            _tell(takes_over)
            give_roles(world.door, roles)
        move(world.door, restart, Phase.SWITCHED)


def verify_replacement(world: World, vm_id: UUID, ticket: UUID) -> Probe:
    old = find_vm(world.door, vm_id)
    assert old.scope is not None, old.name
    with alone(old.scope):
        restart = onward(world.door, vm_id, ticket)
        if not restart.is_switched or restart.new_id is None:
            raise StepFailed("traffic was not switched under this ticket")
        new = still_well(world, restart.new_id)
        with_traffic = next(
            (r for r in routers_beside(world.door, old) if r.name == serving(world.door, new)), None
        )
        if with_traffic is None or with_traffic.state != "Running":
            raise StepFailed(f"customers' traffic of {old.name} goes nowhere")
        was_handed_it = with_traffic.name not in {new.name, restart.before.serving}
        if was_handed_it and (wrong := _wrong_with_other(world, with_traffic)):
            raise StepFailed(f"{with_traffic.name}, which has the traffic: {'; '.join(wrong)}")
        if restart.phase is Phase.SWITCHED:
            move(world.door, restart, Phase.VERIFIED)
        return probe_now(world, new)


def destroy_old(world: World, vm_id: UUID, ticket: UUID) -> None:
    """The row goes last, and its ticket with it: until then a second call finds what is left."""
    if world.door.row("SELECT 1 FROM lab_system_vm WHERE id = %s", vm_id) is None:
        return
    old = find_vm(world.door, vm_id)
    assert old.scope is not None, old.name
    with alone(old.scope):
        restart = known(world.door, vm_id, ticket)
        if restart.phase is not Phase.VERIFIED:
            raise StepFailed(f"{old.name} is kept: the router in its place was not verified")
        remove(world, old)
        with transaction.atomic(using=ALIAS):
            world.door.run("DELETE FROM lab_system_vm WHERE id = %s", vm_id)
            world.door.run("DELETE FROM lab_router_restart WHERE ticket = %s", ticket)


@contextmanager
def _begun(world: World, vm_id: UUID, ticket: UUID) -> Iterator[tuple[VmRow, Restart]]:
    """The old router, for ourselves, and how far its restart is; it is begun by whoever comes first. What an earlier
    restart has left on its way back is brought back first. Raises: NotRestored while that cannot be."""
    old = find_vm(world.door, vm_id)
    if not old.is_router or old.scope is None:
        raise StepFailed(f"{old.name} is no router of a network")
    with alone(old.scope):
        old = find_vm(world.door, vm_id)
        if find(world.door, ticket) is None:
            if (left := left_open(world.door, vm_id)) is not None:
                finish(world, left)
            keep(world.door, Restart(ticket, old.id, old.name, Phase.BEGUN, _before(world, old)))
        yield old, onward(world.door, vm_id, ticket)


def _before(world: World, old: VmRow) -> Before:
    """Raises: VmUnreachable: what it serves cannot be known."""
    assert old.scope is not None
    has_traffic = serving(world.door, old)
    if not old.is_virtual and not learned(old.scope):
        tell(old.scope, has_traffic)
    answered: tuple[str, ...] = old.rules
    active: tuple[str, ...] = ()
    if old.state not in {"Running", "Starting"}:
        answered = ()
    elif old.is_virtual:
        on_a_host_that_answers(world, old)
    else:
        reach(world, old)
        answered, active = which_answer(old.folder, old.rules), services_answering(old)
    redundant = world.door.row("SELECT is_redundant FROM lab_network WHERE id = %s", old.network_id)
    roles = {str(router.id): router.redundant_state for router in routers_beside(world.door, old)}
    return Before(has_traffic, roles, answered, active, bool(redundant and redundant[0]))


def _hand_over(
    world: World, restart: Restart, old: VmRow, new: VmRow, *, negotiated: bool
) -> tuple[VmRow, dict[UUID, str]]:
    """Who has the traffic afterwards, and everybody's role. A PRIMARY hands over to the other side where the two
    negotiate; a BACKUP has nothing to hand over, unless its PRIMARY does not run."""
    role = restart.before.roles.get(str(old.id), "")
    if not role:
        return new, {}
    others = [
        router
        for router in routers_beside(world.door, old)
        if router.id not in {old.id, new.id} and restart.before.roles.get(str(router.id))
    ]
    other = others[0] if others else None
    goes_to_other = other is not None and other.state == "Running"
    if role == PRIMARY:
        goes_to_other = goes_to_other and negotiated and other is not None and _is_well(world, other)
    if other is None or not goes_to_other:
        roles = {new.id: PRIMARY, old.id: ""} | ({other.id: BACKUP} if other else {})
        return new, roles
    return other, {other.id: PRIMARY, new.id: BACKUP, old.id: ""}


def _is_well(world: World, other: VmRow) -> bool:
    try:
        return not _wrong_with_other(world, other)
    except VmUnreachable:
        return False


def _wrong_with_other(world: World, other: VmRow) -> list[str]:
    """Of a router that was there before, and so is booted by whoever looks first. Raises: VmUnreachable."""
    if not other.is_virtual:
        reach(world, other)
    return wrong_with(on_a_host_that_answers(world, other))


def _tell(takes_over: VmRow) -> None:
    if not takes_over.is_virtual:
        assert takes_over.scope is not None
        tell(takes_over.scope, takes_over.name)
