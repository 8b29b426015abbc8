"""Hook scripts by ticket: the same ticket never runs a script twice, whoever asks, however often.

Each script runs in a detached runner process of its own (`runner.py`) that outlives its starter; its output
and its result stay under the ticket until they are pruned.
"""

import importlib.util
import os
import secrets
import select
import shutil
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from maintenance.hooks.detached.cgroups import end_groups
from maintenance.hooks.detached.output_file import read_from, read_total
from maintenance.hooks.find import Script
from maintenance.hooks.job_request import TicketMalformed, canonical_ticket, make_job, ticket_variables
from maintenance.hooks.limits import Limits
from maintenance.hooks.processes import Process, TicketProcess, below, with_tickets
from maintenance.hooks.results import HookEnd, HookResult, ResultRefused
from maintenance.hooks.spawn import collect_ended, spawn_runner
from maintenance.hooks.ticket_folder import UNCLAIMED_PREFIX, TicketFolder

__all__ = [
    "NoSuchTicket",
    "OutputSlice",
    "RunnerUnavailable",
    "TicketLook",
    "TicketMalformed",
    "TicketState",
    "Tickets",
]

ANNOUNCED_WITHIN_S = 5.0
KILLED_WITHIN_S = 5.0
STARTING_POLL_S = 0.002
UNCLAIMED_FOR_S = 60.0


class NoSuchTicket(Exception):
    """Nothing was ever started under this ticket here, or it was pruned."""


class RunnerUnavailable(Exception):
    """This Python cannot run hook scripts safely."""


class TicketState(StrEnum):
    """`lost`: the runner ended without a result; what the script did is unknown, and it never runs again."""

    ABSENT = "absent"
    RUNNING = "running"
    FINISHED = "finished"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class TicketLook:
    """A ticket as it is now. `pid` is the runner's while it runs; `detail` says why a ticket is lost."""

    state: TicketState
    result: HookResult | None = None
    bytes_total: int = 0
    pid: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class OutputSlice:
    """Bytes `start` to `end` of `total`. Where `start` is beyond what was asked for, some in between are gone."""

    start: int
    data: bytes
    end: int
    total: int


class Tickets:
    """All tickets below `root`, which belongs to one machine. Any process may ask about any ticket."""

    def __init__(self, root: Path, limits: Limits | None = None) -> None:
        if importlib.util.find_spec("_ctypes") is None:
            raise RunnerUnavailable("This Python was built without ctypes (libffi), which hook scripts need.")
        self._root = root.resolve()
        self._limits = limits or Limits.from_environment()
        self._started: dict[str, Process] = {}

    def start(
        self,
        ticket: str,
        script: Script,
        *,
        payload: str | None,
        timeout_s: float,
        grace_s: float = 5,
        extra_env: Mapping[str, str] | None = None,
    ) -> None:
        """The script is being run, or was run, under this ticket: once. Later calls, from anywhere, are idle.

        The payload is handed over as one argument, as data; None means no argument. After `timeout_s` the
        script gets TERM, `grace_s` later KILL. A file that is not the checked one any more ends as refused.
        Raises: TicketMalformed, AccountUnknown, OSError (nothing was started then).
        """
        folder = self._folder(ticket)
        if folder.exists() and folder.has_begun():
            return
        self._limits.warm_up()
        nonce = secrets.token_hex(16)
        job = make_job(
            script,
            root=self._root,
            ticket=folder.ticket,
            nonce=nonce,
            payload=payload,
            timeout_s=timeout_s,
            grace_s=grace_s,
            extra_env=extra_env or {},
            limits=self._limits,
        )
        lock = _claim(
            folder, stage=script.stage.value, script=str(script.path), digest=script.digest, nonce=nonce
        )
        if lock is None:
            return
        try:
            variables = ticket_variables(self._root, folder.ticket)
            self._started[folder.ticket] = spawn_runner(folder.path, job, lock, variables)
        except OSError as problem:
            folder.write_result(
                _never_began(HookEnd.REFUSED, f"the runner cannot start: {problem}"), nonce=nonce
            )
        finally:
            os.close(lock)
        folder.make_durable()

    def look(self, ticket: str) -> TicketLook:
        """What is known about the ticket now. Cheap enough for every second."""
        collect_ended()
        folder = self._folder(ticket)
        if not folder.exists():
            return TicketLook(TicketState.ABSENT)
        bytes_total = _bytes_total(folder)
        if folder.is_running():
            runner = self._runner(folder)
            return TicketLook(TicketState.RUNNING, None, bytes_total, runner.pid if runner else None)
        # Read after the lock was seen free: the runner writes its result before it lets go.
        try:
            result = folder.result()
        except ResultRefused as reason:
            return TicketLook(TicketState.LOST, None, bytes_total, None, str(reason))
        if result is None:
            return TicketLook(TicketState.LOST, None, bytes_total, None, folder.why_lost())
        return TicketLook(TicketState.FINISHED, result, result.bytes_total)

    def read_output(self, ticket: str, after: int) -> OutputSlice:
        """What is kept of the output from byte `after` on, also while it is printed. Raises: NoSuchTicket."""
        folder = self._existing(ticket)
        fd = os.open(folder.path / "output", os.O_RDONLY | os.O_CLOEXEC)
        try:
            start, data, total = read_from(fd, max(0, after))
        finally:
            os.close(fd)
        return OutputSlice(start, data, start + len(data), total)

    def wait(self, ticket: str, timeout_s: float) -> bool:
        """Until the ticket is finished or lost, at once if it is; False when it still runs after `timeout_s`.

        Raises: NoSuchTicket.
        """
        folder = self._existing(ticket)
        deadline = time.monotonic() + timeout_s
        while folder.is_running():
            rest_s = deadline - time.monotonic()
            if rest_s <= 0:
                return False
            runner = self._runner(folder)
            if runner is None:
                select.poll().poll(min(STARTING_POLL_S, rest_s) * 1000)
            else:
                runner.wait(rest_s)
        self._started.pop(folder.ticket, None)
        collect_ended()
        return True

    def stop(self, ticket: str, reason: str) -> None:
        """The script is told to end: TERM to its group, KILL after its grace time. Returns at once.

        A ticket that ended before stays as it is. One that never began never will: it is finished as stopped.
        """
        folder = self._folder(ticket)
        if not (folder.exists() and folder.has_begun()) and self._stop_before_start(folder, reason):
            return
        if not folder.is_running():
            return
        folder.ask_to_stop(reason)
        # A runner that has not announced itself yet looks for the wish before it starts the script.
        if runner := folder.runner():
            runner.send(signal.SIGTERM)

    def kill_as_lost(self, ticket: str) -> None:
        """All of the ticket is killed at once, as by a reboot of its host; without a result it is lost.

        Nothing of it runs any more when this returns. A ticket that had finished keeps its result.
        """
        folder = self._folder(ticket)
        runner = self._announced(folder)
        if folder.exists() and not folder.has_begun():
            folder.never_begin()
        # The runner first: it must not live to write down how its script was killed.
        processes = [runner, *below(runner)] if runner else self._left_of(folder)
        deadline = time.monotonic() + KILLED_WITHIN_S
        while processes and time.monotonic() < deadline:
            for process in processes:
                process.send(signal.SIGKILL)
            for process in processes:
                process.wait(deadline - time.monotonic())
            processes = self._left_of(folder)
        end_groups(self._limits.groups_of(self._root, folder.ticket))
        collect_ended()

    def strays(self) -> list[TicketProcess]:
        """Living processes of tickets that do not run any more: what a killed runner left behind."""
        found = with_tickets(self._root)
        running = {
            ticket for ticket in {stray.ticket for stray in found} if self._folder(ticket).is_running()
        }
        return [stray for stray in found if stray.ticket not in running]

    def end_strays(self) -> list[TicketProcess]:
        """Kill what `strays` finds; returns what was found."""
        found = self.strays()
        for stray in found:
            stray.process.send(signal.SIGKILL)
        return found

    def prune(self, older_than_s: float) -> int:
        """Forget tickets that ended longer ago; how many. They could run again: keep them for long."""
        before = time.time() - older_than_s
        pruned = 0
        for path in self._root.iterdir() if self._root.is_dir() else ():
            if path.name.startswith(UNCLAIMED_PREFIX):
                if path.stat().st_mtime < time.time() - UNCLAIMED_FOR_S:
                    shutil.rmtree(path, ignore_errors=True)
                continue
            folder = self._folder(path.name)
            if not folder.is_running() and folder.path.stat().st_mtime < before:
                end_groups(self._limits.groups_of(self._root, folder.ticket))
                shutil.rmtree(path)
                pruned += 1
        return pruned

    def _folder(self, ticket: str) -> TicketFolder:
        return TicketFolder(self._root, canonical_ticket(ticket))

    def _existing(self, ticket: str) -> TicketFolder:
        folder = self._folder(ticket)
        if not folder.exists():
            raise NoSuchTicket(f"There is no hook script under ticket {folder.ticket}.")
        return folder

    def _runner(self, folder: TicketFolder) -> Process | None:
        """The runner, as it announced itself; before that, as we started it."""
        return folder.runner() or self._started.get(folder.ticket)

    def _announced(self, folder: TicketFolder) -> Process | None:
        """The runner of a running ticket, waited for while it starts; None when the ticket does not run."""
        deadline = time.monotonic() + ANNOUNCED_WITHIN_S
        while folder.is_running() and time.monotonic() < deadline:
            if runner := self._runner(folder):
                return runner
            select.poll().poll(STARTING_POLL_S * 1000)
        return None

    def _left_of(self, folder: TicketFolder) -> list[Process]:
        return [found.process for found in with_tickets(self._root, folder.ticket)]

    def _stop_before_start(self, folder: TicketFolder, reason: str) -> bool:
        """Claim the ticket for nothing; False when somebody else has just started it."""
        nonce = secrets.token_hex(16)
        lock = _claim(folder, stage="", script="", digest="", nonce=nonce)
        if lock is None:
            return False
        try:
            folder.write_result(_never_began(HookEnd.STOPPED, f"before it began: {reason}"), nonce=nonce)
        finally:
            os.close(lock)
        return True


def _claim(folder: TicketFolder, *, stage: str, script: str, digest: str, nonce: str) -> int | None:
    """The ticket's held lock, for one of all who try; None when the script began or is about to."""
    if folder.exists():
        return folder.claim_again(stage=stage, script=script, digest=digest, nonce=nonce)
    return folder.claim(stage=stage, script=script, digest=digest, nonce=nonce)


def _never_began(end: HookEnd, detail: str) -> HookResult:
    now = datetime.now(UTC)
    return HookResult(
        end=end,
        exit_status=None,
        signal=None,
        started_at=now,
        finished_at=now,
        duration_s=0.0,
        bytes_total=0,
        detail=detail,
    )


def _bytes_total(folder: TicketFolder) -> int:
    try:
        fd = os.open(folder.path / "output", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        return read_total(fd)
    finally:
        os.close(fd)
