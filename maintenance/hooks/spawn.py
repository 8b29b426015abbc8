"""Starting the detached runner, without a copy of the many-threaded engine: posix_spawn, not fork."""

import fcntl
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from maintenance.hooks.detached.children import read_process
from maintenance.hooks.processes import Process

RUNNER = Path(__file__).resolve().parent / "runner.py"
LOCK_FD = 3
ABOVE_STANDARD = 10
# TERM waits until the runner can hear it; HUP and INT are meant for the terminal we were started from.
BLOCKED = {signal.SIGTERM, signal.SIGHUP, signal.SIGINT}

DEFAULTS = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}

_children: set[int] = set()


def spawn_runner(folder: Path, job: bytes, lock: int, environment: Mapping[str, str]) -> Process:
    """Start the runner of a claimed ticket in its own session; `lock` is handed on. Raises: OSError."""
    collect_ended()
    request = _memory_file(job)
    held = fcntl.fcntl(lock, fcntl.F_DUPFD_CLOEXEC, ABOVE_STANDARD)
    try:
        pid = os.posix_spawn(
            sys.executable,
            [sys.executable, "-I", "-S", str(RUNNER), str(folder)],
            dict(environment),
            file_actions=[
                (os.POSIX_SPAWN_DUP2, request, 0),
                (
                    os.POSIX_SPAWN_OPEN,
                    1,
                    str(folder / "runner.log"),
                    os.O_WRONLY | os.O_CREAT | os.O_APPEND,
                    0o600,
                ),
                (os.POSIX_SPAWN_DUP2, 1, 2),
                (os.POSIX_SPAWN_DUP2, held, LOCK_FD),
            ],
            setsid=True,
            setsigmask=BLOCKED,
            setsigdef=DEFAULTS,
        )
    finally:
        os.close(request)
        os.close(held)
    started = read_process(pid)
    assert started is not None, "an uncollected child is always listed"
    _children.add(pid)  # from here on another thread may collect it
    return Process(pid, started.started_ticks)


def collect_ended() -> None:
    """Take the exit of runners that this process started, so that none stays as a zombie."""
    for pid in tuple(_children):
        try:
            ended = os.waitpid(pid, os.WNOHANG)[0] == pid
        except ChildProcessError:
            ended = True  # collected by somebody else, or started before this process was forked
        if ended:
            _children.discard(pid)


def _memory_file(content: bytes) -> int:
    fd = fcntl.fcntl(memory := os.memfd_create("pitstop-job"), fcntl.F_DUPFD_CLOEXEC, ABOVE_STANDARD)
    os.close(memory)
    os.write(fd, content)
    return fd
