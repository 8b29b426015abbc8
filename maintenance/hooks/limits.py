"""What bounds a hook script: processes, memory, files, and the account it runs as."""

import contextlib
import os
import pwd
import resource
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

MEGABYTE = 1024 * 1024
# Without a control group the kernel counts an account's processes all together, ours included: be generous.
PROCESSES_OF_ACCOUNT = 4096
OPEN_FILES = 4096
CGROUP_MOUNT = Path("/sys/fs/cgroup")


class AccountUnknown(Exception):
    """PITSTOP_HOOK_USER names an account that this machine does not have."""


class LimitMalformed(Exception):
    """A limit for hook scripts is a whole number above 0."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whom a script runs as."""

    name: str
    home: str
    user_id: int
    group_ids: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds of one script. No `user`: the engine's own account. `cgroup`: auto, off, or a folder of ours."""

    processes_max: int = 512
    memory_mb: int = 2048
    file_mb: int = 16384
    user: str = ""
    cgroup: str = "auto"

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Limits":
        """PITSTOP_HOOK_PROCESSES, _MEMORY_MB, _FILE_MB, _USER and _CGROUP, each with a safe default.

        Raises: LimitMalformed.
        """
        return cls(
            processes_max=_number(environment, "PITSTOP_HOOK_PROCESSES", cls.processes_max),
            memory_mb=_number(environment, "PITSTOP_HOOK_MEMORY_MB", cls.memory_mb),
            file_mb=_number(environment, "PITSTOP_HOOK_FILE_MB", cls.file_mb),
            user=environment.get("PITSTOP_HOOK_USER", ""),
            cgroup=environment.get("PITSTOP_HOOK_CGROUP", "auto"),
        )

    def account(self) -> Account:
        """Whom scripts run as here. Only root can give rights away: otherwise it is the engine's own account.

        Raises: AccountUnknown.
        """
        if self.drops_rights():
            try:
                entry = pwd.getpwnam(self.user)
            except KeyError:
                raise AccountUnknown(
                    f"PITSTOP_HOOK_USER names {self.user}, which is no account here."
                ) from None
            groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
            return Account(entry.pw_name, entry.pw_dir, entry.pw_uid, (entry.pw_gid, *groups))
        try:
            entry = pwd.getpwuid(os.geteuid())
        except KeyError:
            return Account(str(os.geteuid()), "/", os.geteuid(), ())
        return Account(entry.pw_name, entry.pw_dir, entry.pw_uid, ())

    def drops_rights(self) -> bool:
        """Whether scripts run with fewer rights than the engine."""
        return bool(self.user) and os.geteuid() == 0

    def cgroups(self) -> tuple[Path, ...]:
        """The folders in which a group per script can be made; empty when none is ours to use."""
        if self.cgroup == "off":
            return ()
        return _find_cgroups() if self.cgroup == "auto" else (Path(self.cgroup),)

    def groups_of(self, root: Path, ticket: str) -> tuple[Path, ...]:
        """The groups of one ticket; the same ticket in another folder of tickets has others."""
        where = sha256(os.fsencode(root)).hexdigest()[:12]
        return tuple(place / f"hook-{ticket}-{where}" for place in self.cgroups())

    def warm_up(self) -> None:
        """Make the next move of a process into a group cheap; to be called when a runner is about to start.

        The first move after a quiet while waits some 12 ms for all processors (RCU), the next one does not. So
        this process moves to where it is already, beside its other work. Where it may not, starts are only slower.
        """
        if self.cgroups():
            threading.Thread(target=_move_in_place, name="hook-warm-up", daemon=True).start()

    def cgroup_files(self) -> dict[str, int]:
        """Limit files of both versions of control groups; the kernel has those of one."""
        memory = self.memory_mb * MEGABYTE
        return {
            "pids.max": self.processes_max,
            "memory.max": memory,
            "memory.oom.group": 1,
            "memory.limit_in_bytes": memory,
        }

    def rlimits(self) -> dict[int, int]:
        """Limits per process; with no control group they also stand in for its bounds, as far as they can."""
        limits = {
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_FSIZE: self.file_mb * MEGABYTE,
            resource.RLIMIT_NOFILE: OPEN_FILES,
        }
        if not self.cgroups():
            limits |= {
                resource.RLIMIT_NPROC: PROCESSES_OF_ACCOUNT,
                resource.RLIMIT_DATA: self.memory_mb * MEGABYTE,
            }
        return limits


def limits_in_force(limits: Limits | None = None) -> str:
    """One sentence for the host's page: what bounds its hook scripts here, and by which means."""
    limits = limits or Limits.from_environment()
    files = f"no core dumps, files up to {limits.file_mb} MB, {OPEN_FILES} open files"
    if limits.cgroups():
        bounds = (
            f"control group: {limits.processes_max} processes and {limits.memory_mb} MB of memory per script"
        )
    elif os.geteuid() == 0 and not limits.drops_rights():
        bounds = f"rlimits only: {limits.memory_mb} MB of memory per process, processes not bounded for root"
    else:
        bounds = (
            f"rlimits only: {limits.memory_mb} MB of memory per process,"
            f" {PROCESSES_OF_ACCOUNT} processes of the account together"
        )
    return f"{bounds}; {files}; runs as {limits.account().name}"


def _number(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise LimitMalformed(f"{name} is {text!r}: give a whole number above 0.")
    return int(text)


@lru_cache(maxsize=1)
def _find_cgroups() -> tuple[Path, ...]:
    """Where a group may be made, tried out: version 2 first, else pids and memory of version 1."""
    own = _own_cgroups()
    if "" in own:
        for place in (own[""], own[""].parent):
            if _is_delegated(place) and _can_make_group(place, "pids.max", "memory.max"):
                return (place,)
    old = tuple(own[name] for name in ("pids", "memory") if name in own)
    if (
        len(old) == 2
        and _can_make_group(old[0], "pids.max")
        and _can_make_group(old[1], "memory.limit_in_bytes")
    ):
        return old
    return ()


def _move_in_place() -> None:
    own = _own_cgroups()
    with contextlib.suppress(OSError):
        (own.get("pids", own.get("", CGROUP_MOUNT)) / "cgroup.procs").write_text(str(os.getpid()))


def _own_cgroups() -> dict[str, Path]:
    """Our own group's folder for each controller; version 2 under the empty name."""
    found: dict[str, Path] = {}
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return found
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for name in controllers.split(","):
            mount = CGROUP_MOUNT / controllers if controllers else _mount_of_version_2()
            found[name] = mount / path.lstrip("/")
    return found


def _mount_of_version_2() -> Path:
    unified = CGROUP_MOUNT / "unified"
    return unified if unified.is_dir() else CGROUP_MOUNT


def _is_delegated(place: Path) -> bool:
    """Whether systemd gave this group to us (Delegate=yes); its groups may then have limits of their own."""
    try:
        if os.getxattr(place, "user.delegate") != b"1":
            return False
        (place / "cgroup.subtree_control").write_text("+pids +memory")
    except OSError:
        return False
    return True


def _can_make_group(place: Path, *files: str) -> bool:
    probe = place / f"pitstop-probe-{os.getpid()}-{threading.get_ident()}"
    try:
        probe.mkdir()
    except OSError:
        return False
    try:
        return all((probe / name).exists() for name in files)
    finally:
        probe.rmdir()
