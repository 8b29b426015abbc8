"""The control groups of one script: a bound on its processes and memory, where such groups may be made.

The starter finds the places and says them in the job (`hooks/limits.py`); if there are none, rlimits
bound the script.
"""

# ruff: noqa: SIM105 - contextlib would take 3 ms to import

import posix

from .job import Job

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

SIGKILL = 9
FILES_THAT_COUNT = (b"pids.events", b"memory.events", b"memory.oom_control")


class Cgroups:
    """Made before the script starts, removed when nothing of it is left."""

    def __init__(self, job: Job) -> None:
        self.paths = job.cgroups
        self._limits = job.cgroup_limits

    def make(self) -> None:
        """Groups with their limits; a limit that the group's kind does not know is passed over."""
        for path in self.paths:
            try:
                posix.mkdir(path, 0o755)
            except FileExistsError:
                pass  # an earlier start of this ticket got as far as this
            for name, value in self._limits:
                try:
                    _write(path + b"/" + name, value)
                except (FileNotFoundError, PermissionError):
                    pass

    def kill(self) -> None:
        """Every process in the groups, at once where the kernel offers it."""
        for path in self.paths:
            _kill_all_in(path)

    def limits_hit(self) -> list[str]:
        """What the kernel refused or killed because of a limit, in words."""
        counts: dict[bytes, int] = {}
        for path in self.paths:
            for name in FILES_THAT_COUNT:
                counts |= {name + b" " + key: count for key, count in _read_counts(path + b"/" + name)}
        words = []
        if counts.get(b"pids.events max"):
            words.append("it reached the limit of processes")
        if counts.get(b"memory.events oom_kill") or counts.get(b"memory.oom_control oom_kill"):
            words.append("it reached the limit of memory and was killed for it")
        return words

    def remove(self) -> None:
        """Best effort: a group that the kernel still holds is removed by the next `Tickets.prune`."""
        for path in self.paths:
            try:
                posix.rmdir(path)
            except OSError:
                pass


def end_groups(groups: "Iterable[PathLike[str]]") -> None:
    """Groups that a killed runner left, with all that is in them. For the starter's side."""
    for group in groups:
        path = str(group).encode("utf-8", "surrogateescape")
        _kill_all_in(path)
        try:
            posix.rmdir(path)
        except OSError:
            pass


def _kill_all_in(path: bytes) -> None:
    try:
        _write(path + b"/cgroup.kill", b"1")
    except OSError:
        _kill_one_by_one(path)


def _kill_one_by_one(path: bytes) -> None:
    for _ in range(100):
        pids = _read(path + b"/cgroup.procs").split()
        if not pids:
            return
        for pid in pids:
            try:
                posix.kill(int(pid), SIGKILL)
            except ProcessLookupError:
                pass


def _read_counts(path: bytes) -> list[tuple[bytes, int]]:
    pairs = [line.split() for line in _read(path).splitlines()]
    return [(pair[0], int(pair[1])) for pair in pairs if len(pair) == 2 and pair[1].isdigit()]


def _read(path: bytes) -> bytes:
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return posix.read(fd, 65536)
    finally:
        posix.close(fd)


def _write(path: bytes, text: bytes) -> None:
    fd = posix.open(path, posix.O_WRONLY | posix.O_CLOEXEC)
    try:
        posix.write(fd, text)
    finally:
        posix.close(fd)
