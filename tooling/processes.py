"""Looking at other processes and tying them to ours: liveness, death with the parent, strays."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


def send_us_when_parent_dies(sent: signal.Signals) -> None:
    """From now on the kernel sends us `sent` when the process that started us dies (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, sent.value)


def dying_with_parent(sent: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn`: the child gets `sent` when we die, however we die."""
    parent = os.getpid()

    def in_child() -> None:
        send_us_when_parent_dies(sent)
        if os.getppid() != parent:  # it died before the line above
            os._exit(1)

    return in_child


def is_running(pid: int) -> bool:
    """Whether a process with this number runs. One that has ended but was not yet reaped does not run."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    status = _read(Path(f"/proc/{pid}/stat"))
    return not status or status.rpartition(b")")[2].split()[0] != b"Z"


def name_of(pid: int) -> str:
    """The program's name as the kernel keeps it; empty when there is no such process (or no /proc)."""
    return _read(Path(f"/proc/{pid}/comm")).decode(errors="replace").strip()


def with_environment(*settings: str) -> set[int]:
    """All processes but ours whose environment has one of these `NAME=value` lines (Linux only, else none).

    Only processes that we may look at are seen: all of them as root, our own user's otherwise.
    """
    wanted = {setting.encode() for setting in settings}
    return {
        pid
        for pid in _all_pids()
        if pid != os.getpid() and wanted & set(_read(Path(f"/proc/{pid}/environ")).split(b"\0"))
    }


def with_descendants(pids: set[int]) -> set[int]:
    """These processes and everything they started that still hangs on them."""
    found = set(pids)
    parents = {pid: _parent_of(pid) for pid in _all_pids()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def send(pids: set[int], sent: signal.Signals) -> None:
    """Send the signal to each; those that are gone already are no error."""
    for pid in pids:
        try:
            os.kill(pid, sent)
        except ProcessLookupError:
            continue


def _all_pids() -> Iterator[int]:
    if Path("/proc/self/stat").exists():
        yield from (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _parent_of(pid: int) -> int | None:
    status = _read(Path(f"/proc/{pid}/stat"))
    return int(status.rpartition(b")")[2].split()[1]) if status else None


def _read(path: Path) -> bytes:
    """The file, or nothing when it is gone or not ours to read: processes end while one looks at them."""
    try:
        return path.read_bytes()
    except OSError:
        return b""
