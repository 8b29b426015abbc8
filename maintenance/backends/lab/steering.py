"""What a person changes in the lab from outside: hosts, scripts, settings, faults."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import UUID

from maintenance.backends.lab import faults, folders, hosts
from maintenance.backends.lab.config import kept_name, parse_setting
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.started import end_cut_off_scripts
from maintenance.backends.lab.world import World
from maintenance.domain.hook_stages import HookStage

HOST_STATES = ("Up", "Down", "Disconnected", "Alert", "Connecting", "Rebalancing", "Error", "Removed")
RESOURCE_STATES = (
    "Creating",
    "Enabled",
    "Disabled",
    "PrepareForMaintenance",
    "ErrorInPrepareForMaintenance",
    "Maintenance",
    "ErrorInMaintenance",
    "Degraded",
    "Error",
)


class HasNoFolder(Exception):
    """A virtual host, or one of another hypervisor, has no folder for scripts."""


class NoSuchCall(Exception):
    """Faults are set on the calls of the cloud protocols; the text names them."""


def set_state(world: World, host_id: UUID, state: str) -> None:
    """The agent's state is this one from now on."""
    with world.locked(host_id):
        hosts.set_agent_state(world.door, host_id, state)


def set_resource_state(world: World, host_id: UUID, state: str) -> None:
    """As if another administrator had done it: a drain of ours that was going on ends."""
    with world.locked(host_id):
        world.door.run(
            "UPDATE lab_host SET resource_state = %s, drain_job = NULL, drain_tries = 0 WHERE id = %s",
            state,
            host_id,
        )


def reboot_host(world: World, host_id: UUID, back_after_s: float | None) -> None:
    """The host reboots now; None: it never comes back."""
    with world.locked(host_id):
        hosts.reboot(world.door, world.config, hosts.host_now(world.door, host_id), back_after_s)


def restart_agent(world: World, host_id: UUID, back_after_s: float) -> None:
    """The agent alone restarts; what it ran itself is gone."""
    with world.locked(host_id):
        hosts.restart_agent(world.door, world.config, hosts.host_now(world.door, host_id), back_after_s)
    host = hosts.host_now(world.door, host_id)
    if not host.is_virtual:
        end_cut_off_scripts(world.door, host)


def install_hook(name: str, stage: HookStage, suffix: str, contents: bytes) -> Path:
    """The host's one script for the stage. Raises: HasNoFolder."""
    _check_folder(name)
    return folders.install_script(name, stage, suffix, contents)


def remove_hook(name: str, stage: HookStage) -> None:
    """The host has no script for the stage. Raises: HasNoFolder."""
    _check_folder(name)
    folders.remove_scripts(name, stage)


def make_fail(name: str, stage: HookStage, exit_status: int) -> Path:
    """The stage fails on this host from now on. Raises: HasNoFolder."""
    script = f'#!/bin/sh\necho "{stage} on $LAB_HOST fails on purpose" >&2\nexit {exit_status}\n'
    return install_hook(name, stage, ".sh", script.encode())


def change_setting(door: Door, name: str, text: str) -> float | int:
    """One setting of the lab, for every process at once. Raises: UnknownSetting, BadValue."""
    value = parse_setting(name, text)
    change_settings(door, {kept_name(name): value})
    return value


def change_settings(door: Door, changes: Mapping[str, Any]) -> None:
    """Several settings at once, already checked."""
    door.run("UPDATE lab_world SET settings = settings || %s::jsonb WHERE id = 1", json.dumps(dict(changes)))


def add_fault(
    door: Door,
    call: str,
    kind: str,
    *,
    seconds: float = 0,
    text: str = "",
    times: int | None = None,
    probability: float = 1,
    host_id: UUID | None = None,
) -> None:
    """From now on calls of this name meet the fault. Raises: NoSuchCall."""
    if call not in (*faults.CALLS, "*"):
        raise NoSuchCall(f"no call {call!r}; there are {', '.join(faults.CALLS)} and * for all")
    assert kind in faults.KINDS, kind
    door.run(
        "INSERT INTO lab_fault (call, kind, seconds, text, times_left, probability, host_id)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        call,
        kind,
        seconds,
        text,
        times,
        probability,
        host_id,
    )


def set_random_faults(door: Door, seed: int, rate: float) -> None:
    """Every call meets a fault with this probability, drawn from the seed; rate 0 ends it."""
    door.rows("SELECT setval('lab_fault_draw', 1, false)")
    change_settings(door, {"random_fault_seed": seed, "random_fault_rate": rate})


def clear_faults(door: Door) -> None:
    """The lab answers rightly again."""
    door.run("DELETE FROM lab_fault")
    set_random_faults(door, 0, 0)


def _check_folder(name: str) -> None:
    if not folders.properties_path(name).exists():
        raise HasNoFolder(f"{name} has no folder: it is virtual, or no KVM host")
