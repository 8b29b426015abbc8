"""The same ticket never runs a script twice, whoever dies in between."""

import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from maintenance.hooks.results import HookEnd
from maintenance.hooks.ticket_folder import TicketFolder
from maintenance.hooks.tickets import NoSuchTicket, TicketMalformed, TicketState
from tests.maintenance.hooks.starters import (
    OTHER,
    REPOSITORY,
    STARTER,
    TICKET,
    another_process,
    hear,
    start,
    tell,
)


def test_a_ticket_that_never_was_is_absent(hooks) -> None:
    assert hooks.tickets.look(TICKET).state is TicketState.ABSENT
    with pytest.raises(NoSuchTicket):
        hooks.tickets.wait(TICKET, 0)


@pytest.mark.parametrize("ticket", ["", "1", "../escape", "not-a-uuid", TICKET + "/.."])
def test_a_ticket_must_be_a_uuid(hooks, ticket: str) -> None:
    with pytest.raises(TicketMalformed):
        hooks.tickets.look(ticket)


def test_one_ticket_has_one_spelling(hooks) -> None:
    script = hooks.sh("echo ran >> count")
    start(hooks, script)
    start(hooks, script, TICKET.upper())
    start(hooks, script, TICKET.replace("-", ""))

    hooks.result(TICKET.upper())
    assert (hooks.folder / "count").read_text() == "ran\n"


def test_while_it_runs_it_is_running_and_its_runner_is_known(hooks) -> None:
    start(hooks, hooks.sh("echo $PPID; sleep 600"))
    hooks.until_it_says(TICKET, b"\n")

    look = hooks.tickets.look(TICKET)
    assert (look.state, look.result, look.pid) == (TicketState.RUNNING, None, int(hooks.output(TICKET)))
    assert not hooks.tickets.wait(TICKET, 0.01)
    hooks.tickets.stop(TICKET, "seen")
    hooks.result(TICKET)


def test_starting_again_attaches_while_it_runs_and_after_it_ended(hooks) -> None:
    script = hooks.sh("echo ran >> count; read line < go")
    os.mkfifo(hooks.folder / "go")
    start(hooks, script)
    start(hooks, script)
    (hooks.folder / "go").write_text("go\n")
    first = hooks.result(TICKET)
    start(hooks, script)
    start(hooks, hooks.sh("echo other >> count"))

    assert hooks.result(TICKET) == first
    assert (hooks.folder / "count").read_text() == "ran\n"


def test_eight_processes_that_start_it_at_once_run_it_once(hooks) -> None:
    hooks.sh("echo ran >> count")
    processes = [another_process(hooks) for _ in range(8)]
    try:
        assert [hear(process) for process in processes] == [b"ready"] * 8
        for process in processes:
            tell(process)
        assert [hear(process) for process in processes] == [b"started"] * 8
        hooks.result(TICKET)
    finally:
        for process in processes:
            process.communicate(timeout=10)

    assert (hooks.folder / "count").read_text() == "ran\n"
    assert [path.name for path in hooks.root.iterdir()] == [TICKET]


def test_a_script_outlives_the_kill_of_its_starter_and_its_result_is_found(hooks) -> None:
    os.mkfifo(hooks.folder / "go")
    hooks.sh("echo begun; read line < go; echo ended; exit 4")
    starter = another_process(hooks)
    hear(starter)
    tell(starter)
    hear(starter)
    hooks.until_it_says(TICKET, b"begun")

    starter.kill()
    starter.communicate(timeout=10)
    assert hooks.tickets.look(TICKET).state is TicketState.RUNNING
    (hooks.folder / "go").write_text("go\n")

    assert hooks.result(TICKET).exit_status == 4
    assert hooks.output(TICKET) == b"begun\nended\n"


def test_a_script_runs_once_whenever_its_starter_was_killed(hooks) -> None:
    script = hooks.sh("echo ran >> count")
    ends = []
    for number in range(12):
        ticket = f"0b8f2a64-5f0e-4a53-9f0a-{number:012d}"
        starter = another_process(hooks, ticket)
        hear(starter)
        tell(starter)
        # From at once to some milliseconds later, when the start is in its middle.
        threading.Event().wait(number * 0.0005)
        starter.kill()
        starter.communicate(timeout=10)
        start(hooks, script, ticket)
        hooks.tickets.wait(ticket, 10)
        ends.append(hooks.tickets.look(ticket).state)

    assert set(ends) == {TicketState.FINISHED}
    assert (hooks.folder / "count").read_text() == "ran\n" * 12


def claimed_by_one_that_died(hooks) -> TicketFolder:
    """A ticket whose starter was killed before its runner lived."""
    folder = TicketFolder(hooks.root, TICKET)
    lock = folder.claim(stage="Maintenance", script="x", digest="y", nonce="z")
    assert lock is not None
    os.close(lock)
    return folder


def test_a_ticket_whose_starter_died_before_its_runner_lived_is_begun_once_by_eight_at_once(hooks) -> None:
    script = hooks.sh("echo ran >> count")
    claimed_by_one_that_died(hooks)

    with ThreadPoolExecutor(8) as starters:
        list(starters.map(lambda _: start(hooks, script), range(8)))

    assert hooks.result(TICKET).end is HookEnd.EXITED
    assert (hooks.folder / "count").read_text() == "ran\n"


def test_after_a_reboot_of_this_machine_a_ticket_without_a_runner_may_have_begun(hooks) -> None:
    folder = claimed_by_one_that_died(hooks)
    request = json.loads((folder.path / "request.json").read_text())
    (folder.path / "request.json").write_text(json.dumps(request | {"boot_id": "an earlier boot"}))

    start(hooks, hooks.sh("echo ran >> count"))

    assert hooks.tickets.look(TICKET).state is TicketState.LOST
    assert not (hooks.folder / "count").exists()


@pytest.mark.parametrize("end", ["stop", "kill_as_lost"])
def test_a_ticket_whose_starter_died_can_still_be_ended_and_never_begins_then(hooks, end) -> None:
    claimed_by_one_that_died(hooks)

    if end == "stop":
        hooks.tickets.stop(TICKET, "no more")
    else:
        hooks.tickets.kill_as_lost(TICKET)
    start(hooks, hooks.sh("echo ran >> count"))

    hooks.tickets.wait(TICKET, 10)
    ended = {"stop": TicketState.FINISHED, "kill_as_lost": TicketState.LOST}
    assert hooks.tickets.look(TICKET).state is ended[end]
    assert not (hooks.folder / "count").exists()


def test_a_result_of_another_ticket_is_not_taken(hooks) -> None:
    start(hooks, hooks.sh("exit 0"))
    start(hooks, hooks.sh("exit 0"), OTHER)
    hooks.result(TICKET)
    hooks.result(OTHER)
    (hooks.root / TICKET / "result.json").write_bytes((hooks.root / OTHER / "result.json").read_bytes())

    look = hooks.tickets.look(TICKET)

    assert (look.state, look.detail) == (TicketState.LOST, "The result is another ticket's.")


def test_waiting_returns_at_once_when_the_script_has_ended(hooks) -> None:
    script = hooks.sh("exit 0")
    lags = []
    for number in range(15):
        ticket = f"0b8f2a64-5f0e-4a53-9f0c-{number:012d}"
        start(hooks, script, ticket)
        assert hooks.tickets.wait(ticket, 10)
        lags.append(time.time() - hooks.result(ticket).finished_at.timestamp())

    assert sorted(lags)[len(lags) // 2] < 0.02


def test_other_processes_can_wait_for_it_too(hooks) -> None:
    hooks.sh("sleep 0.2; exit 6")
    starter = another_process(hooks)
    hear(starter)
    tell(starter)
    hear(starter)

    assert hooks.result(TICKET).exit_status == 6
    starter.communicate(timeout=10)


def test_no_zombie_is_left_by_a_runner(hooks) -> None:
    start(hooks, hooks.sh("echo $PPID"))
    hooks.result(TICKET)

    assert not Path("/proc", hooks.output(TICKET).decode().strip()).exists()


def test_what_ended_long_ago_is_pruned_and_what_runs_is_kept(hooks) -> None:
    start(hooks, hooks.sh("exit 0"))
    hooks.result(TICKET)
    start(hooks, hooks.sh("sleep 600"), OTHER)
    for ticket in (TICKET, OTHER):
        os.utime(hooks.root / ticket, (1, 1))

    assert hooks.tickets.prune(older_than_s=3600) == 1

    assert hooks.tickets.look(TICKET).state is TicketState.ABSENT
    assert hooks.tickets.look(OTHER).state is TicketState.RUNNING
    hooks.tickets.stop(OTHER, "seen")
    hooks.result(OTHER)
    assert hooks.tickets.prune(older_than_s=3600) == 0


def test_what_a_killed_starter_left_half_made_is_pruned(hooks) -> None:
    (hooks.root / ".new-abc").mkdir(parents=True)
    os.utime(hooks.root / ".new-abc", (1, 1))

    hooks.tickets.prune(older_than_s=3600)

    assert list(hooks.root.iterdir()) == []


def test_a_full_disk_is_found_before_anything_runs(hooks) -> None:
    """A limit on the size of files stands in for the full disk: no room for the output, no start."""
    hooks.sh("touch ran")
    command = [sys.executable, "-c", STARTER, str(hooks.folder), str(hooks.root), TICKET]

    full = subprocess.run(
        ["sh", "-c", 'ulimit -f 20; exec "$@"', "sh", *command],
        input=b"go\ngo\n",
        capture_output=True,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        check=False,
    )

    assert b"File too large" in full.stderr
    assert list(hooks.root.iterdir()) == []
    assert not (hooks.folder / "ran").exists()
