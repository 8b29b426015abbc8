"""Keeps what `make run` starts alive: who dies is started again, ever more slowly when it keeps dying."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from tooling.processes import dying_with_parent

FIRST_DELAY_S = 0.2
DELAY_MAX_S = 5.0
STEADY_AFTER_S = 2.0  # who lived this long did not fail at its start: the next delay is the first one again
LOOK_EVERY_S = 0.1
LOG_BYTES_MAX = 20_000_000  # a longer log is put aside at the next start, one generation


class Supervised(Protocol):
    """Something that runs, may die and can be started again."""

    name: str

    def start(self) -> None:
        """It runs, or is about to. Raises: OSError, or another error whose text says why it cannot."""

    def is_alive(self) -> bool: ...

    def stop(self) -> None:
        """It runs no more, and nothing that it started in its own process group does."""

    def hurry(self) -> None:
        """A `stop` that goes on at the moment waits no longer."""

    def cause_of_death(self) -> str:
        """In words, after it died."""


class Child:
    """A process of ours in a session of its own; it dies when we do, and takes its process group along."""

    def __init__(
        self, name: str, command: Sequence[str], environment: dict[str, str], log: Path, *, patience_s: float
    ) -> None:
        self.name = name
        self.command = command
        self.environment = environment
        self.log = log
        self.patience_s = patience_s  # between TERM and KILL
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._kill_group()  # a dead parent's children hold its port, its locks, its memory
        put_aside_when_long(self.log)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=dying_with_parent(signal.SIGKILL),
            )

    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def cause_of_death(self) -> str:
        code = self.process.returncode if self.process else None
        assert code is not None, "it is dead"
        return f"signal {-code}, {signal.strsignal(-code)}" if code < 0 else f"exit status {code}"

    def stop(self) -> None:
        if self.process is None:
            return
        if self.is_alive():
            self.process.terminate()
            try:
                self.process.wait(self.patience_s)
            except subprocess.TimeoutExpired:
                self._kill_group()
                self.process.wait()
        self._kill_group()

    def hurry(self) -> None:
        self._kill_group()

    def _kill_group(self) -> None:
        if self.process is None:
            return
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


class Supervisor:
    """Starts in the given order, watches, stops in the opposite order."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.stopping = threading.Event()  # set by signal handlers
        self.members: list[Supervised] = []
        self.deaths = 0
        self._watched: list[_Watched] = []

    def start(self, member: Supervised) -> None:
        """`member` runs and is watched from now on."""
        watched = _Watched(member)
        self.members.append(member)  # before it starts: what failed half way is stopped too
        self._watched.append(watched)
        member.start()
        watched.started_at = time.monotonic()

    def watch_until(self, is_enough: Callable[[], bool], *, within_s: float | None = None) -> None:
        """Keeps everybody alive until `is_enough`, `stopping`, or the time is over."""
        end = None if within_s is None else time.monotonic() + within_s
        while not self.stopping.is_set() and not is_enough():
            for watched in self._watched:
                self._look_after(watched)
            if end is not None and time.monotonic() > end:
                return
            self.stopping.wait(LOOK_EVERY_S)

    def stop(self) -> None:
        """Everybody is stopped, the last started first. One that fails to stop does not spare the others."""
        for member in reversed(self.members):
            try:
                member.stop()
            except OSError as reason:
                self.say(f"{member.name} does not stop: {reason}")

    def hurry(self) -> None:
        """A `stop` that goes on at the moment waits for nobody."""
        for member in self.members:
            member.hurry()

    def _look_after(self, watched: "_Watched") -> None:
        if watched.member.is_alive():
            return
        now = time.monotonic()
        if watched.restart_at is None:
            self.deaths += 1
            watched.restart_at = now + watched.next_delay(now)
            self.say(f"{watched.member.name} ended ({watched.member.cause_of_death()}), starting it again")
        if now < watched.restart_at:
            return
        watched.restart_at = None
        try:
            watched.member.start()
        except Exception as reason:  # whatever it is: the others are looked after, and it is tried again
            self.say(f"{watched.member.name} cannot start: {reason}")
        watched.started_at = time.monotonic()


class _Watched:
    def __init__(self, member: Supervised) -> None:
        self.member = member
        self.started_at = time.monotonic()
        self.restart_at: float | None = None
        self.delay_s = FIRST_DELAY_S

    def next_delay(self, now: float) -> float:
        is_steady = now - self.started_at >= STEADY_AFTER_S
        delay = FIRST_DELAY_S if is_steady else self.delay_s
        self.delay_s = min(delay * 2, DELAY_MAX_S)
        return delay


def put_aside_when_long(log: Path) -> None:
    """The log starts anew when it has grown long; the former one stays as `NAME.1`."""
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(log.with_name(f"{log.name}.1"))
