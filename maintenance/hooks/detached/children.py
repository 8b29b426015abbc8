"""The processes below one process, read from /proc."""

import posix

COMMAND_MAX_CHARACTERS = 120


class Child:
    """One living or ended process as /proc shows it."""

    def __init__(self, pid: int, stat: bytes) -> None:
        # The command's name stands in brackets and may hold anything: count from behind it.
        fields = stat[stat.rindex(b")") + 2 :].split()
        self.pid = pid
        self.name = stat[stat.index(b"(") + 1 : stat.rindex(b")")]
        self.is_ended = fields[0] in b"ZX"
        self.parent = int(fields[1])
        self.group = int(fields[2])
        self.started_ticks = int(fields[19])

    def describe(self) -> str:
        """Pid and command line, shortened, for people."""
        command = read(b"/proc/%d/cmdline" % self.pid).replace(b"\0", b" ").strip() or self.name
        return f"{self.pid} {command.decode('utf-8', 'backslashreplace')[:COMMAND_MAX_CHARACTERS]}"


def read_process(pid: int) -> Child | None:
    """The process with this number now, or None."""
    stat = read(b"/proc/%d/stat" % pid)
    return Child(pid, stat) if stat else None


def all_processes() -> list[Child]:
    """Every process that can be seen."""
    found = (read_process(int(name)) for name in posix.listdir("/proc") if name.isdigit())
    return [process for process in found if process is not None]


def descendants(of: int) -> list[Child]:
    """Living processes below this one, however many generations."""
    children: dict[int, list[Child]] = {}
    for process in all_processes():
        children.setdefault(process.parent, []).append(process)
    below: list[Child] = []
    parents = [of]
    while parents:
        found = children.get(parents.pop(), [])
        below += found
        parents += [process.pid for process in found]
    return [process for process in below if not process.is_ended]


def read(path: bytes) -> bytes:
    """The beginning of a small file; empty when it cannot be read (it is gone, or another user's)."""
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return posix.read(fd, 65536)
    except OSError:
        return b""
    finally:
        posix.close(fd)
