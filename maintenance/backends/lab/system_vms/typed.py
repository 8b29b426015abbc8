"""`manage.py lab sysvm …`: what a person types about system VMs and their services."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from maintenance.backends.base import CloudError
from maintenance.backends.lab.names import NoSuchThing
from maintenance.backends.lab.system_vms import breaking, power, services
from maintenance.backends.lab.system_vms.folder import VmFolder
from maintenance.backends.lab.system_vms.machines import disk, reach, start_vm, stop_vm
from maintenance.backends.lab.system_vms.neighbours import serving
from maintenance.backends.lab.system_vms.probing import probe_system_vm
from maintenance.backends.lab.system_vms.rows import (
    VmRow,
    end_due_boots,
    find_vm,
    move_from_drained_hosts,
    replacements,
)
from maintenance.backends.lab.world import World

SHOWN_MAX = 60


class IsVirtual(Exception):
    """The VM is simulated: it has neither a folder nor services."""


REFUSALS = (IsVirtual, breaking.NoSuchService, breaking.BadLie, services.ServiceFailed)


def add_arguments(actions: Any) -> None:
    """`sysvm` is an action."""
    parser: ArgumentParser = actions.add_parser("sysvm", help="a system VM or router: lab sysvm r-5-VM show")
    parser.add_argument("vm", help="its name")
    whats = parser.add_subparsers(dest="sysvm_action", required=True)
    acts: dict[str, tuple[Callable[[World, Namespace], Iterable[str]], str]] = {
        "show": (_show, "what it says when it is probed, its services, its folder"),
        "break": (_break, "a service misbehaves from its next start on"),
        "kill": (_kill, "a service is killed; nobody starts it again"),
        "start": (_start, "the VM, or one of its services"),
        "stop": (_stop, "the VM, or one of its services"),
    }
    for name, (act, help_) in acts.items():
        what: ArgumentParser = whats.add_parser(name, help=help_)
        what.set_defaults(act=act)
        if name in ("break", "kill"):
            what.add_argument("service")
        if name in ("start", "stop"):
            what.add_argument("service", nargs="?")
        if name == "break":
            _ways(what)


def _ways(parser: ArgumentParser) -> None:
    ways = parser.add_mutually_exclusive_group(required=True)
    ways.add_argument(
        "--fail-start", action="store_true", help="it does not start with another version than it runs now"
    )
    ways.add_argument("--never-start", action="store_true", help="it does not start, whatever is installed")
    ways.add_argument("--die-after", type=float, metavar="S", help="it dies S seconds after its start")
    ways.add_argument("--dead", action="store_true", help="it is dead, now and after each boot")
    ways.add_argument(
        "--lie",
        nargs="?",
        const="",
        metavar="VERSION",
        help="it answers with VERSION, by default with what it runs now, whatever is installed",
    )
    ways.add_argument("--mend", action="store_true", help="it behaves again")
    parser.add_argument(
        "--next", action="store_true", help="not its own: that of the router that takes its place"
    )


def show_system_vms(world: World) -> Iterator[str]:
    """A line for each."""
    move_from_drained_hosts(world.door)
    end_due_boots(world.door)
    rows = world.door.rows(
        "SELECT v.name, v.type, v.state, coalesce(n.name, p.name, ''), v.account, v.redundant_state,"
        " coalesce(h.name, ''), v.is_virtual, v.id FROM lab_system_vm v LEFT JOIN lab_host h ON h.id = v.host_id"
        " LEFT JOIN lab_network n ON n.id = v.network_id LEFT JOIN lab_vpc p ON p.id = v.vpc_id"
        " ORDER BY v.is_virtual, v.name"
    )
    why = replacements(world.door)
    for name, kind, state, network, account, redundant, host, is_virtual, vm_id in rows[:SHOWN_MAX]:
        of_whom = f"{network} of {account}" if network else ""
        simulated = "simulated" if is_virtual else ""
        parts = [f"{name:9} {kind:24} {state:9}", redundant, of_whom, host, simulated, why.get(vm_id, "")]
        yield "  ".join(part for part in parts if part)
    if len(rows) > SHOWN_MAX:
        yield f"… and {len(rows) - SHOWN_MAX} system VMs more"


def _find(world: World, wanted: Namespace) -> VmRow:
    found = world.door.row("SELECT id FROM lab_system_vm WHERE name = %s OR id::text = %s", *[wanted.vm] * 2)
    if found is None:
        raise NoSuchThing(f"no system VM of the lab is called {wanted.vm!r}; `lab show` lists them")
    return find_vm(world.door, found[0])


def _disk(vm: VmRow) -> VmFolder:
    if vm.is_virtual:
        raise IsVirtual(f"{vm.name} is simulated: it has neither a folder nor services")
    return disk(vm)


def _show(world: World, wanted: Namespace) -> Iterator[str]:
    vm = _find(world, wanted)
    yield f"{vm.name}  {vm.type}  {vm.state}{'  simulated' if vm.is_virtual else f'  {vm.folder.root}'}"
    if words := replacements(world.door).get(vm.id):
        yield f"  {words}"
    if vm.is_router and vm.scope is not None:
        yield f"  customers' traffic goes to {serving(world.door, vm)}"
    try:
        probe = probe_system_vm(world, vm.id)
    except CloudError as reason:
        yield f"  cannot be probed: {reason}"
        return
    yield f"  runs {probe.software_version}, scripts {probe.scripts_checksum}"
    pids, ways = power.running(vm.folder), breaking.broken(vm.folder)
    for service in probe.services:
        parts = [
            f"  {service.name:9}",
            f"answers {service.version}" if service.version else "does not answer",
            f"process {pids[service.name]}" if service.name in pids else "",
            f"to {', '.join(ways[service.name])}" if service.name in ways else "",
        ]
        yield "  ".join(part for part in parts if part)
    if vm.is_router:
        yield f"  {probe.rules_answering} of {probe.rules} rules and public IPs answer"
        yield from (f"    {line}" for line in vm.rules)


def _break(world: World, wanted: Namespace) -> Iterable[str]:
    vm, service, of_next = _disk(_find(world, wanted)), wanted.service, wanted.next
    of_whom = f"the router that takes the place of {vm.name}" if of_next else vm.name
    if wanted.mend:
        breaking.mend(vm, service, of_next=of_next)
        return [f"{service} of {of_whom} behaves from its next start on"]
    if wanted.fail_start or wanted.never_start:
        breaking.fail_start(vm, service, with_any=wanted.never_start, of_next=of_next)
        return [f"{service} of {of_whom} will not start{'' if of_next else ' again'}"]
    if wanted.dead:
        breaking.dead(vm, service, of_next=of_next)
        return [f"{service} of {of_whom} is dead"]
    if wanted.die_after is not None:
        breaking.die_after(vm, service, wanted.die_after, of_next=of_next)
        return [f"{service} of {of_whom} dies {wanted.die_after:g} s after each start"]
    said = breaking.lie(vm, service, wanted.lie, of_next=of_next)
    return [f"{service} of {of_whom} says that it runs {said}"]


def _kill(world: World, wanted: Namespace) -> Iterable[str]:
    vm = _disk(_find(world, wanted))
    was_running = power.kill(vm, wanted.service)
    return [f"{wanted.service} of {vm.name} {'is killed' if was_running else 'did not run'}"]


def _start(world: World, wanted: Namespace) -> Iterable[str]:
    vm = _find(world, wanted)
    if wanted.service is None:
        start_vm(world, vm)
        return [f"{vm.name} is Running"]
    _disk(vm)
    services.start(reach(world, vm), wanted.service)
    return [f"{wanted.service} of {vm.name} runs"]


def _stop(world: World, wanted: Namespace) -> Iterable[str]:
    vm = _find(world, wanted)
    if wanted.service is None:
        stop_vm(world, vm)
        return [f"{vm.name} is Stopped"]
    services.stop(_disk(vm), wanted.service)
    return [f"{wanted.service} of {vm.name} does not run"]
