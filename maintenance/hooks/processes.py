"""Processes told apart for certain: number and start time together, since numbers are used again."""

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from maintenance.hooks.detached.children import all_processes, descendants, read, read_process

TICKET_VARIABLE = "PITSTOP_HOOK_TICKET"
ROOT_VARIABLE = "PITSTOP_HOOK_ROOT"


@dataclass(frozen=True, slots=True)
class Process:
    """One process, whoever has its number later."""

    pid: int
    started_ticks: int

    def is_alive(self) -> bool:
        """Whether it still runs (an ended one that nobody collected does not)."""
        found = read_process(self.pid)
        return found is not None and not found.is_ended and found.started_ticks == self.started_ticks

    def send(self, number: signal.Signals) -> None:
        """Signal it; nothing happens when it is gone, even if its number lives on."""
        with self.handle() as handle:
            if handle is not None:
                try:
                    signal.pidfd_send_signal(handle, number)
                except ProcessLookupError:
                    return

    def wait(self, timeout_s: float) -> bool:
        """Until it has ended; False when it still runs after `timeout_s`. It need not be our child."""
        with self.handle() as handle:
            if handle is None:
                return True
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            return bool(poll.poll(max(0.0, timeout_s) * 1000))

    @contextmanager
    def handle(self) -> Iterator[int | None]:
        """A file that stands for this very process, or None when it is gone."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            yield None
            return
        try:
            # Looked at after opening: from here on the number cannot be given to another one.
            yield handle if self.is_alive() else None
        finally:
            os.close(handle)


@dataclass(frozen=True, slots=True)
class TicketProcess:
    """A living process that carries a ticket in its environment."""

    process: Process
    ticket: str
    command: str


def with_tickets(root: Path, ticket: str | None = None) -> list[TicketProcess]:
    """Every living process started for a ticket below `root`, or for this one, that still says so."""
    wanted_root = f"{ROOT_VARIABLE}={root}".encode()
    found = []
    for process in all_processes():
        if process.is_ended:
            continue
        variables = read(b"/proc/%d/environ" % process.pid).split(b"\0")
        if wanted_root not in variables:
            continue
        prefix = f"{TICKET_VARIABLE}=".encode()
        its = next((v.removeprefix(prefix).decode() for v in variables if v.startswith(prefix)), "")
        if ticket in (None, its):
            found.append(TicketProcess(Process(process.pid, process.started_ticks), its, process.describe()))
    return found


def below(process: Process) -> list[Process]:
    """Everything that this process started and that still runs."""
    return [Process(child.pid, child.started_ticks) for child in descendants(process.pid)]
