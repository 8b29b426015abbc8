"""Real scripts in a real folder, run by real detached processes; nothing of them may be left after a test."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from maintenance.domain.hook_stages import HookStage
from maintenance.hooks.find import Script, find_script
from maintenance.hooks.results import HookResult
from maintenance.hooks.tickets import Tickets, TicketState

WAIT_S = 20.0


@dataclass
class Hooks:
    """One host's hooks folder and the tickets under which its scripts run."""

    folder: Path
    tickets: Tickets
    root: Path

    def write(self, name: str, text: str | bytes, mode: int = 0o755) -> Path:
        path = self.folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(mode)
        return path

    def sh(self, body: str, name: str = "Maintenance") -> Script:
        self.write(name, f"#!/bin/sh\n{body}\n")
        return self.find(HookStage(name.partition(".")[0]))

    def find(self, stage: HookStage = HookStage.MAINTENANCE) -> Script:
        script = find_script(self.folder, stage)
        assert script is not None
        return script

    def start(
        self, script: Script, *, payload: str | None = None, timeout_s: float = 15, grace_s: float = 5
    ) -> str:
        ticket = str(uuid.uuid4())
        self.tickets.start(ticket, script, payload=payload, timeout_s=timeout_s, grace_s=grace_s)
        return ticket

    def result(self, ticket: str) -> HookResult:
        assert self.tickets.wait(ticket, WAIT_S)
        look = self.tickets.look(ticket)
        assert look.state is TicketState.FINISHED, look
        assert look.result is not None
        return look.result

    def run(
        self, script: Script, *, payload: str | None = None, timeout_s: float = 15, grace_s: float = 5
    ) -> tuple[HookResult, bytes]:
        """The result and the output of a script that runs to its end."""
        ticket = self.start(script, payload=payload, timeout_s=timeout_s, grace_s=grace_s)
        return self.result(ticket), self.output(ticket)

    def output(self, ticket: str) -> bytes:
        return self.tickets.read_output(ticket, 0).data

    def until_it_says(self, ticket: str, word: bytes) -> None:
        wait_until(lambda: word in self.output(ticket))


def wait_until(condition: Callable[[], bool], timeout_s: float = WAIT_S) -> None:
    """Until the condition holds. Looks again and again, a pause between: for what has no event of its own."""
    pause = threading.Event()
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition never held"
        pause.wait(0.005)


@pytest.fixture
def hooks(tmp_path: Path) -> Iterator[Hooks]:
    folder = tmp_path / "hooks"
    folder.mkdir(mode=0o755)
    root = tmp_path / "tickets"
    made = Hooks(folder, Tickets(root), root)
    yield made
    left = made.tickets.strays()
    for path in root.glob("[!.]*"):
        made.tickets.kill_as_lost(path.name)
    assert left == []
