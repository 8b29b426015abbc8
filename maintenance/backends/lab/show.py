"""The lab as text, for a person at a terminal."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any
from uuid import UUID

from maintenance.backends.lab import folders
from maintenance.backends.lab.config import LabConfig, as_typed
from maintenance.backends.lab.looks import look_at_drain
from maintenance.backends.lab.record import harms
from maintenance.backends.lab.servers.typed import show_servers
from maintenance.backends.lab.system_vms.host_payload import payload_of
from maintenance.backends.lab.system_vms.typed import show_system_vms
from maintenance.backends.lab.world import World
from maintenance.domain.hook_stages import STAGES
from maintenance.hooks.find import candidate_names

HOSTS_SHOWN_MAX = 60


def show_everything(world: World) -> Iterator[str]:
    """Line by line: servers, hosts by cluster, system VMs, faults, harm."""
    world.settle_everywhere()
    yield from show_servers(world)
    yield ""
    rows = world.door.rows(
        "SELECT z.name, c.name, h.name, h.state, h.resource_state, h.memory_mb, count(i.id),"
        " coalesce(sum(i.memory_mb), 0)"
        " FROM lab_host h JOIN lab_cluster c ON c.id = h.cluster_id JOIN lab_pod p ON p.id = c.pod_id"
        " JOIN lab_zone z ON z.id = p.zone_id LEFT JOIN lab_instance i ON i.host_id = h.id"
        " GROUP BY z.name, c.name, h.id ORDER BY z.name, c.name, h.name"
    )
    shown = ""
    for row in rows[:HOSTS_SHOWN_MAX]:
        where = f"{row[0]} · {row[1]}"
        if where != shown:
            yield (shown := where)
        yield _host_line(row)
    if len(rows) > HOSTS_SHOWN_MAX:
        yield f"  … and {len(rows) - HOSTS_SHOWN_MAX} hosts more"
    yield ""
    yield from show_system_vms(world)
    yield ""
    yield from show_faults(world)
    broken = harms()
    yield f"harm: {len(broken) or 'none'}"
    yield from (f"  {line}" for line in broken[-10:])


def _host_line(row: tuple[Any, ...]) -> str:
    _, _, name, state, resource_state, memory_mb, instances, used_mb = row
    return (
        f"  {name:34} {state:12} {resource_state:22} {instances:3} instances {used_mb // 1024:4}/{memory_mb // 1024} GB"
        f"  hooks {hooks_letters(name)}"
    )


def hooks_letters(name: str) -> str:
    """F P M V for the stages that have a script, a dash for those that have none."""
    hooks = folders.host_dir(name) / "hooks"
    letters = zip(STAGES, "FPMV", strict=True)
    return "".join(
        letter if any((hooks / variant).exists() for variant in candidate_names(stage)) else "-"
        for stage, letter in letters
    )


def show_host(world: World, host_id: UUID) -> Iterator[str]:
    """One host: its states, what runs on it, how far its drain is, its folder."""
    host = world.host(host_id).read
    yield f"{host.name}  {host.state}, {host.resource_state}  boot {host.boot_id}"
    yield f"  {host.memory_mb // 1024} GB, {host.cpu_cores} cores, tags {', '.join(host.tags) or 'none'}"
    yield f"  folder {folders.host_dir(host.name)}, hooks {hooks_letters(host.name)}"
    yield f"  payload of its system VMs {payload_of(host.name)}"
    drain = look_at_drain(world, host_id)
    if host.resource_state != "Enabled":
        yield f"  drain: {drain.moved} moved, {drain.left} left{f', moving {drain.moving}' if drain.moving else ''}"
    why = dict(drain.stuck)
    for name, state, memory_mb, account in world.door.rows(
        "SELECT name, state, memory_mb, account FROM lab_instance WHERE host_id = %s ORDER BY name", host_id
    ):
        stuck = f"  stuck: {why[name]}" if name in why else ""
        yield f"  {name:24} {state:10} {memory_mb // 1024:4} GB  {account}{stuck}"


def show_faults(world: World) -> Iterator[str]:
    """The faults that are set."""
    rows = world.door.rows(
        "SELECT f.call, f.kind, f.seconds, f.text, f.times_left, f.probability, h.name FROM lab_fault f"
        " LEFT JOIN lab_host h ON h.id = f.host_id ORDER BY f.id"
    )
    for call, kind, seconds, text, times, probability, host in rows:
        parts = [
            f"fault: {call} {kind}",
            f"{seconds:g} s" if seconds else "",
            repr(text) if text else "",
            f"{times} times" if times is not None else "",
            f"with probability {probability:g}" if probability < 1 else "",
            f"on {host}" if host else "",
        ]
        yield " ".join(part for part in parts if part)
    if world.config.random_fault_rate:
        yield f"fault: random, seed {world.config.random_fault_seed}, rate {world.config.random_fault_rate:g}"
    elif not rows:
        yield "faults: none"


def show_settings(config: LabConfig) -> Iterator[str]:
    """Every setting with its value, and the default where it differs."""
    defaults = LabConfig()
    for field in fields(LabConfig):
        value, default = getattr(config, field.name), getattr(defaults, field.name)
        text = as_typed(field.name, value)
        yield f"{field.name} = {text}" + (f"  (default {default:g})" if value != default else "")
