"""`manage.py lab …`: look at the lab cloud and change it, from any shell that knows PITSTOP_VAR."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from maintenance.backends.base import CloudError
from maintenance.backends.lab import faults, guests, names, show, steering, typed_settings
from maintenance.backends.lab.config import BadValue, UnknownSetting
from maintenance.backends.lab.grow import TooMany, grow
from maintenance.backends.lab.outside import NoLab
from maintenance.backends.lab.seed import reset_lab
from maintenance.backends.lab.servers import typed
from maintenance.backends.lab.system_vms import host_payload
from maintenance.backends.lab.system_vms import typed as system_vms_typed
from maintenance.backends.lab.system_vms.grow import grow_system_vms
from maintenance.backends.lab.world import World, lab_world
from maintenance.domain.hook_stages import HookStage

REFUSALS = (
    CloudError,
    names.NoSuchThing,
    names.Ambiguous,
    guests.NoRoom,
    guests.NameTaken,
    steering.HasNoFolder,
    steering.NoSuchCall,
    UnknownSetting,
    BadValue,
    TooMany,
    NoLab,
    *typed.REFUSALS,
    *system_vms_typed.REFUSALS,
    host_payload.BadPayload,
    OSError,
)
type Act = Callable[[World, Namespace], Iterable[str]]


class Command(BaseCommand):
    help = "Look at the lab cloud and change it. HOST is a name, the end of one, or CLUSTER/END."

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        _show_arguments(actions)
        _hook_arguments(actions)
        _host_arguments(actions)
        typed.add_arguments(actions)
        system_vms_typed.add_arguments(actions)
        _vm_arguments(actions)
        _fault_arguments(actions)
        typed_settings.add_arguments(actions)
        actions.add_parser("reset", help="the lab as on the first day").set_defaults(act=None)
        add = actions.add_parser("grow", help="more hosts, in clusters of their own; more system VMs")
        add.add_argument("--hosts", type=int, default=0)
        add.add_argument("--clusters", type=int)
        add.add_argument("--instances", type=int, default=5, help="on each host")
        add.add_argument("--virtual", action="store_true", help="no folders; scripts are simulated")
        add.add_argument("--system-vms", type=int, default=0, metavar="N", help="N simulated routers more")
        add.set_defaults(act=_grow)

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = Namespace(**options)
        try:
            if wanted.act is None:
                reset_lab()
                self.stdout.write("the lab is as on the first day")
                return
            with lab_world() as world:
                for line in wanted.act(world, wanted):
                    self.stdout.write(line)
        except REFUSALS as refusal:
            raise CommandError(str(refusal)) from refusal


def _show_arguments(actions: Any) -> None:
    parser = actions.add_parser("show", help="everything, or one host")
    parser.add_argument("host", nargs="?")
    parser.set_defaults(act=_show)


def _show(world: World, wanted: Namespace) -> Iterable[str]:
    if wanted.host is None:
        return show.show_everything(world)
    return show.show_host(world, names.find_host(world.door, wanted.host)[0])


def _hook_arguments(actions: Any) -> None:
    hook = actions.add_parser(
        "hook", help="the host's script for a stage is FILE; every other variant is removed"
    )
    hook.add_argument("host")
    hook.add_argument("stage", choices=[str(stage) for stage in HookStage])
    hook.add_argument("file", nargs="?", help="- reads standard input; .sh and .py keep their ending")
    hook.add_argument("--remove", action="store_true", help="the host has no script for the stage")
    hook.set_defaults(act=_hook)
    fail = actions.add_parser("fail", help="the stage fails on this host from now on")
    fail.add_argument("host")
    fail.add_argument("stage", choices=[str(stage) for stage in HookStage])
    fail.add_argument("--exit", type=int, default=1, choices=range(1, 256), metavar="1…255")
    fail.set_defaults(act=_fail)


def _hook(world: World, wanted: Namespace) -> Iterable[str]:
    name, stage = names.find_host(world.door, wanted.host)[1], HookStage(wanted.stage)
    if wanted.remove:
        steering.remove_hook(name, stage)
        return [f"{name} has no {stage} script"]
    if wanted.file is None:
        raise CommandError("give FILE, - for standard input, or --remove")
    contents = sys.stdin.buffer.read() if wanted.file == "-" else Path(wanted.file).read_bytes()
    suffix = "" if wanted.file == "-" else Path(wanted.file).suffix
    return [f"{steering.install_hook(name, stage, suffix, contents)} is {name}'s {stage} script"]


def _fail(world: World, wanted: Namespace) -> Iterable[str]:
    name = names.find_host(world.door, wanted.host)[1]
    path = steering.make_fail(name, HookStage(wanted.stage), wanted.exit)
    return [f"{path} ends with exit status {wanted.exit}"]


def _host_arguments(actions: Any) -> None:
    parser = actions.add_parser("host", help="an agent's or a host's state, a reboot, an agent's restart")
    parser.add_argument("host")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--status", choices=steering.HOST_STATES)
    what.add_argument("--resource-state", choices=steering.RESOURCE_STATES)
    what.add_argument("--reboot", action="store_true")
    what.add_argument("--agent-restart", type=float, metavar="S", help="the agent is away for S seconds")
    what.add_argument(
        "--payload",
        metavar="VERSION",
        help="what system VMs run that are started there, or boot with the host",
    )
    back = parser.add_mutually_exclusive_group()
    back.add_argument(
        "--back-after", type=float, metavar="S", help="the rebooted host's agent is back after S seconds"
    )
    back.add_argument("--never", action="store_true", help="the rebooted host never comes back")
    parser.set_defaults(act=_host)


def _host(world: World, wanted: Namespace) -> Iterable[str]:
    host_id, name = names.find_host(world.door, wanted.host)
    if wanted.payload:
        host_payload.set_payload(name, wanted.payload)
        return [f"system VMs that are started on {name} run {host_payload.payload_of(name)}"]
    if wanted.status:
        steering.set_state(world, host_id, wanted.status)
    elif wanted.resource_state:
        steering.set_resource_state(world, host_id, wanted.resource_state)
    elif wanted.reboot:
        seconds = world.config.boot_back_s if wanted.back_after is None else wanted.back_after
        steering.reboot_host(world, host_id, None if wanted.never else seconds)
    else:
        steering.restart_agent(world, host_id, wanted.agent_restart)
    host = world.host(host_id).read
    return [f"{name} is {host.state}, {host.resource_state}"]


def _name(text: str) -> str:
    """Raises: ArgumentTypeError."""
    if not text.strip():
        raise ArgumentTypeError("an instance has a name; give one that can be seen")
    return text


def _vm_arguments(actions: Any) -> None:
    vm = actions.add_parser("vm", help="instances: add, remove, start, stop, move, set a state")
    vms = vm.add_subparsers(dest="vm_action", required=True)
    for name in ("add", "remove", "start", "stop", "move", "set"):
        parser: ArgumentParser = vms.add_parser(name)
        parser.add_argument("name", type=_name)
        if name in ("add", "start", "move"):
            parser.add_argument("--host", required=True)
        if name == "add":
            parser.add_argument("--memory", type=int, default=2048, help="MB")
            parser.add_argument("--cores", type=int, default=1)
            parser.add_argument("--account", default="admin")
            parser.add_argument("--domain", default="ROOT")
            parser.add_argument(
                "--tag", action="append", default=[], help="the host must have it; may be repeated"
            )
            parser.add_argument(
                "--affinity-group", action="append", default=[], help="members never share a host"
            )
            parser.add_argument("--local-storage", action="store_true", help="it cannot be moved")
        if name == "set":
            parser.add_argument("--state", choices=guests.STATES, required=True)
        parser.set_defaults(act=_vm)


def _vm(world: World, wanted: Namespace) -> Iterable[str]:
    name = wanted.name
    host_id = names.find_host(world.door, wanted.host)[0] if "host" in wanted else None
    match wanted.vm_action:
        case "add":
            assert host_id is not None
            guests.add_instance(
                world,
                name,
                host_id,
                memory_mb=wanted.memory,
                cpu_cores=wanted.cores,
                account=wanted.account,
                domain=wanted.domain,
                tags=tuple(wanted.tag),
                affinity_groups=tuple(wanted.affinity_group),
                uses_local_storage=wanted.local_storage,
            )
        case "remove":
            guests.remove_instance(world, name)
            return [f"{name} is gone"]
        case "start":
            assert host_id is not None
            guests.start_instance(world, name, host_id)
        case "stop":
            guests.stop_instance(world, name)
        case "move":
            assert host_id is not None
            guests.move_instance(world, name, host_id)
        case "set":
            guests.set_instance_state(world, name, wanted.state)
    return [f"{name} is {guests.find_instance(world.door, name).state}"]


def _fault_arguments(actions: Any) -> None:
    parser = actions.add_parser("fault", help="answer a call wrongly", description=faults.__doc__)
    parser.add_argument("call", nargs="?", help=f"* or one of {', '.join(faults.CALLS)}")
    kind = parser.add_mutually_exclusive_group()
    for name in ("lose-request", "lose-reply", "garble", "double"):
        kind.add_argument(f"--{name}", dest="kind", action="store_const", const=name)
    kind.add_argument("--delay", type=float, metavar="S")
    kind.add_argument("--late", type=float, metavar="S")
    kind.add_argument("--error", metavar="TEXT")
    kind.add_argument("--list", action="store_true")
    kind.add_argument("--clear", action="store_true")
    kind.add_argument(
        "--random", nargs=2, metavar=("SEED", "RATE"), help="any fault on any call with this probability"
    )
    parser.add_argument("--times", type=int)
    parser.add_argument("--probability", type=float, default=1)
    parser.add_argument("--host", help="only calls about this host")
    parser.set_defaults(act=_fault)


def _fault(world: World, wanted: Namespace) -> Iterable[str]:
    if wanted.clear:
        steering.clear_faults(world.door)
        return ["faults: none"]
    if wanted.random:
        steering.set_random_faults(world.door, *_seed_and_rate(*wanted.random))
        return [f"random faults, seed {wanted.random[0]}, rate {wanted.random[1]}"]
    if wanted.list or wanted.call is None:
        return show.show_faults(world)
    kind, seconds = wanted.kind, 0.0
    if wanted.delay is not None:
        kind, seconds = "delay", wanted.delay
    elif wanted.late is not None:
        kind, seconds = "late", wanted.late
    elif wanted.error is not None:
        kind = "error"
    if kind is None:
        raise CommandError(f"say which fault: --{', --'.join(faults.KINDS)}")
    steering.add_fault(
        world.door,
        wanted.call,
        kind,
        seconds=seconds,
        text=wanted.error or "",
        times=wanted.times,
        probability=wanted.probability,
        host_id=names.find_host(world.door, wanted.host)[0] if wanted.host else None,
    )
    return show.show_faults(world)


def _seed_and_rate(seed: str, rate: str) -> tuple[int, float]:
    try:
        return int(seed), float(rate)
    except ValueError:
        raise CommandError(
            f"SEED is a whole number and RATE a number from 0 to 1, not {seed} {rate}"
        ) from None


def _grow(world: World, wanted: Namespace) -> Iterable[str]:
    if wanted.hosts < 0 or wanted.system_vms < 0 or not (wanted.hosts or wanted.system_vms):
        raise CommandError("give --hosts N, --system-vms N, or both")
    if wanted.hosts:
        clusters = grow(
            world.door,
            hosts=wanted.hosts,
            is_virtual=wanted.virtual,
            clusters=wanted.clusters,
            instances_each=wanted.instances,
        )
        yield f"{wanted.hosts} hosts more, in {clusters} clusters"
    if wanted.system_vms:
        grow_system_vms(world.door, wanted.system_vms)
        yield f"{wanted.system_vms} simulated routers more"
