"""A host's agent and machine: away, back, restarted, rebooted; and reading a host as it is."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from maintenance.backends.base import HostRead, Never
from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.record import note_effect, note_harm
from maintenance.backends.lab.room import RUNNING_ISH
from maintenance.backends.lab.settle import Aftermath, Due, after, applies, schedule

COLUMNS = (
    "h.id, h.cluster_id, h.name, h.state, h.resource_state, h.hypervisor,"
    " (SELECT a.server_id FROM lab_agent a WHERE a.host_id = h.id), h.cpu_cores,"
    " h.memory_mb, h.tags, h.agent_version, h.kernel_version, h.boot_id, h.guests_max"
)


@dataclass(frozen=True, slots=True)
class HostNow:
    """A host with what only the lab knows about it. `is_behind`: something is due in its cluster."""

    read: HostRead
    is_virtual: bool
    agent_session: int
    now: datetime
    is_behind: bool

    @property
    def agent_answers(self) -> bool:
        return self.read.state == "Up"


def host_read(row: tuple[Any, ...]) -> HostRead:
    """A row of COLUMNS as the protocol's value."""
    return HostRead(*[*row[:9], tuple(row[9]), *row[10:12], str(row[12]), row[13]])


def host_now(door: Door, host_id: UUID) -> HostNow:
    """The host as its row stands, not settled. Raises: Never."""
    row = door.row(
        f"SELECT {COLUMNS}, h.is_virtual, h.agent_session, clock_timestamp(), EXISTS (SELECT 1 FROM lab_due d"
        " WHERE d.cluster_id = h.cluster_id AND d.at <= clock_timestamp()) FROM lab_host h WHERE h.id = %s",
        host_id,
    )
    if row is None:
        raise Never(f"there is no host {host_id}")
    return HostNow(host_read(row[:14]), *row[14:])


def set_agent_state(door: Door, host_id: UUID, state: str) -> None:
    """The agent is Up, Down, Disconnected, Alert … until somebody says otherwise."""
    door.run("DELETE FROM lab_due WHERE host_id = %s AND kind = 'agent_back'", host_id)
    door.run("UPDATE lab_host SET state = %s WHERE id = %s", state, host_id)


def restart_agent(door: Door, config: LabConfig, host: HostNow, back_after_s: float) -> None:
    """The agent goes away and comes back as a new one. What ran under it is gone; services of the host live on."""
    door.run(
        "UPDATE lab_host SET state = 'Disconnected', agent_session = agent_session + 1 WHERE id = %s",
        host.read.id,
    )
    door.run("DELETE FROM lab_due WHERE host_id = %s AND kind = 'agent_back'", host.read.id)
    note_effect(door, "agent_restart", host.read.id)
    back = after(door.now(), config.scaled(back_after_s))
    schedule(door, "agent_back", host.read.cluster_id, host.read.id, back)


def reboot(door: Door, config: LabConfig, host: HostNow, back_after_s: float | None, token: str = "") -> None:
    """The host reboots: agent gone now, everything on it killed after a moment, back later (None: never).

    `token` names the request, so that one request found by two processes reboots the host once.
    """
    if token and door.row("SELECT 1 FROM lab_effect WHERE kind = 'reboot' AND note = %s", token):
        return
    set_agent_state(door, host.read.id, "Disconnected")
    note_effect(door, "reboot", host.read.id, token)
    schedule(
        door,
        "boot",
        host.read.cluster_id,
        host.read.id,
        after(door.now(), config.scaled(config.boot_grace_s)),
        {"back_after_s": back_after_s},
    )


@applies("boot")
def boot(door: Door, config: LabConfig, due: Due, aftermath: Aftermath) -> None:
    """Everything on the host has ended. A drained host had no instances; any that were left have stopped."""
    door.run(
        "UPDATE lab_host SET boot_id = %s, agent_session = agent_session + 1 WHERE id = %s",
        uuid4(),
        due.host_id,
    )
    door.run("UPDATE lab_ticket SET ends = NULL WHERE host_id = %s AND ends > %s", due.host_id, due.at)
    stopped = door.rows(
        "UPDATE lab_instance SET state = 'Stopped', host_id = NULL, goes_to_id = NULL"
        " WHERE host_id = %s AND state = ANY(%s) RETURNING id",
        due.host_id,
        list(RUNNING_ISH),
    )
    for (instance_id,) in stopped:
        note_harm(door, "stopped_by_reboot", due.host_id, instance_id)
    aftermath.interrupted.add(due.host_id)
    if due.details["back_after_s"] is not None:
        back = after(due.at, config.scaled(due.details["back_after_s"]))
        schedule(door, "agent_back", due.cluster_id, due.host_id, back)


@applies("agent_back")
def agent_back(door: Door, config: LabConfig, due: Due, aftermath: Aftermath) -> None:
    """The agent answers again, unless somebody declared the host something worse meanwhile."""
    door.run("UPDATE lab_host SET state = 'Up' WHERE id = %s AND state = 'Disconnected'", due.host_id)


@dataclass(frozen=True, slots=True)
class RebootWish:
    """A request to reboot that a script left as a file: seconds until the host is back, or never."""

    path: Path
    host_name: str
    back_after_s: float | None
    token: str


def reboot_wishes(folder: Path, default_s: float) -> list[RebootWish]:
    """The requests that lie in the folder; unreadable ones ask for the default."""
    wishes = []
    try:
        paths = [path for path in folder.iterdir() if not path.name.startswith(".")]
    except FileNotFoundError:
        return []
    for path in sorted(paths):
        try:
            text, stamp = path.read_text(errors="replace").strip(), path.stat()
        except FileNotFoundError:
            continue  # another process was quicker
        wishes.append(
            RebootWish(
                path, path.name, _seconds(text, default_s), f"{path.name} {stamp.st_mtime_ns} {stamp.st_ino}"
            )
        )
    return wishes


def _seconds(text: str, default_s: float) -> float | None:
    if text == "never":
        return None
    try:
        seconds = float(text)
    except ValueError:
        return default_s
    return seconds if 0 <= seconds <= 86_400 else default_s
