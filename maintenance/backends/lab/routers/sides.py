"""One router while routers are replaced: whether it is well, stopping it, removing it, and the roles of a pair.

Simulated ones have neither folder nor processes: for them it is all in the row.
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID

from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.system_vms import power, virtual
from maintenance.backends.lab.system_vms.asking import ask_service
from maintenance.backends.lab.system_vms.folder import VmFolder, vms_dir
from maintenance.backends.lab.system_vms.host_payload import alone_with_disk
from maintenance.backends.lab.system_vms.machines import on_a_host_that_answers, stop_vm
from maintenance.backends.lab.system_vms.patching import alone_in
from maintenance.backends.lab.system_vms.probing import probe
from maintenance.backends.lab.system_vms.rows import VmRow
from maintenance.backends.lab.system_vms.rules import answering
from maintenance.backends.lab.world import World
from maintenance.backends.system_vms import Probe, VmUnreachable
from maintenance.patching import layout


def wrong_with(vm: VmRow) -> list[str]:
    """What of a router does not answer as it is to; empty when all does."""
    if vm.is_virtual:
        return []
    if not power.is_on(vm.folder):
        return ["it has died: nothing of it runs"]
    wrong = [
        _words(vm.folder, service)
        for service in layout.enabled_services(vm.folder.root)
        if ask_service(vm.folder, service) is None
    ]
    missing = len(vm.rules) - answering(vm.folder, vm.rules)
    return [
        *wrong,
        *([f"{missing} of {len(vm.rules)} rules and public IPs do not answer"] if missing else []),
    ]


def services_answering(vm: VmRow) -> tuple[str, ...]:
    enabled = layout.enabled_services(vm.folder.root)
    return tuple(service for service in enabled if ask_service(vm.folder, service) is not None)


def probe_now(world: World, vm: VmRow) -> Probe:
    """Of one that runs."""
    return virtual.probe(world, vm) if vm.is_virtual else probe(world, vm, vm.folder)


def stop(world: World, vm: VmRow) -> None:
    """It is Stopped: nothing of it runs, nobody boots it again. Raises: VmUnreachable (nobody could tell it so), Later
    (a live patch is at work in it)."""
    if vm.state == "Running":
        vm = on_a_host_that_answers(world, vm)
    with _unpatched(vm):
        stop_vm(world, vm)
    _is_off(vm)


def remove(world: World, vm: VmRow) -> None:
    """Nothing of it runs, and its disk is gone; its row is left, and nobody boots it. Raises: VmUnreachable, Later,
    OSError."""
    world.door.run("UPDATE lab_system_vm SET state = 'Expunging', boots_at = NULL WHERE id = %s", vm.id)
    if vm.is_virtual:
        return
    with _unpatched(vm), alone_with_disk(vm.name):
        power.turn_off(vm.folder)
        _is_off(vm)
        going = vms_dir() / f".{vm.name}.going"
        if vm.folder.root.exists():
            shutil.rmtree(going, ignore_errors=True)
            vm.folder.root.rename(going)
        for left in vms_dir().glob(f".{vm.name}.*"):
            if left.is_dir():
                shutil.rmtree(left)
            else:
                left.unlink()


def give_roles(door: Door, roles: Mapping[UUID, str]) -> None:
    """Each has its role of a pair, all at once."""
    door.run(
        "UPDATE lab_system_vm v SET redundant_state = r.role FROM unnest(%s::uuid[], %s::text[]) AS r(id, role)"
        " WHERE v.id = r.id",
        list(roles),
        list(roles.values()),
    )


@contextmanager
def _unpatched(vm: VmRow) -> Iterator[None]:
    if vm.is_virtual or not vm.folder.run.is_dir():
        yield
        return
    with alone_in(vm.folder):
        yield


def _is_off(vm: VmRow) -> None:
    if not vm.is_virtual and power.is_on(vm.folder):
        raise VmUnreachable(f"{vm.name} was told to stop, and still runs")


def _words(folder: VmFolder, service: str) -> str:
    """Why the service does not answer: as it ended last, where its init noted that."""
    try:
        noted = (folder.run / "log").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        noted = []
    told = [line.partition(f"{service}: ")[2] for line in noted if f"{service}: " in line]
    if not told or told[-1] == "ok":
        return f"{service} does not answer"
    return f"{service} does not start: {told[-1]}"
