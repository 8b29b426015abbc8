"""How a ticket ends when its runner, its machine or a signal ends it: told truly, and never run again."""

import fcntl
import os
import signal
import subprocess

from maintenance.hooks.processes import Process
from maintenance.hooks.results import HookEnd
from maintenance.hooks.ticket_folder import TicketFolder
from maintenance.hooks.tickets import TicketState
from tests.maintenance.hooks.starters import (
    OTHER,
    TICKET,
    commands,
    start,
    started,
)


def test_a_killed_runner_means_lost_and_never_a_second_run(hooks) -> None:
    script = hooks.sh("echo ran >> count; echo begun; sleep 600")
    start(hooks, script)
    hooks.until_it_says(TICKET, b"begun")
    pid = hooks.tickets.look(TICKET).pid
    assert pid is not None

    os.kill(pid, signal.SIGKILL)

    assert hooks.tickets.wait(TICKET, 10)
    start(hooks, script)
    look = hooks.tickets.look(TICKET)
    assert (look.state, look.result, look.pid) == (TicketState.LOST, None, None)
    assert look.detail == "The runner ended without a result"
    assert hooks.output(TICKET) == b"begun\n"
    assert (hooks.folder / "count").read_text() == "ran\n"
    hooks.tickets.kill_as_lost(TICKET)


def test_a_script_does_not_outlive_its_killed_runner_and_the_rest_is_found_as_strays(hooks) -> None:
    start(hooks, hooks.sh("setsid -f sleep 601; echo $$; exec sleep 602"))
    hooks.until_it_says(TICKET, b"\n")
    script = Process(int(hooks.output(TICKET)), started(int(hooks.output(TICKET))))
    pid = hooks.tickets.look(TICKET).pid
    assert pid is not None
    assert hooks.tickets.strays() == []

    os.kill(pid, signal.SIGKILL)
    assert script.wait(5)
    strays = hooks.tickets.end_strays()

    assert [stray.command.partition(" ")[2] for stray in strays] == ["sleep 601"]
    assert [stray.ticket for stray in strays] == [TICKET]
    assert all(stray.process.wait(5) for stray in strays)


def test_a_reboot_kills_everything_at_once_and_leaves_no_result(hooks) -> None:
    start(
        hooks, hooks.sh("trap '' TERM; setsid -f env -u PITSTOP_HOOK_TICKET sleep 603; echo begun; sleep 604")
    )
    hooks.until_it_says(TICKET, b"begun")
    pid = hooks.tickets.look(TICKET).pid
    assert pid is not None
    everything = [Process(pid, started(pid))]

    hooks.tickets.kill_as_lost(TICKET)
    hooks.tickets.kill_as_lost(TICKET)

    assert not any(process.is_alive() for process in everything)
    assert not [line for line in commands() if "sleep 603" in line or "sleep 604" in line]
    assert hooks.tickets.look(TICKET).state is TicketState.LOST


def test_a_reboot_right_after_the_start_leaves_nothing_running(hooks) -> None:
    script = hooks.sh("sleep 605")
    for number in range(5):
        ticket = f"0b8f2a64-5f0e-4a53-9f0b-{number:012d}"
        start(hooks, script, ticket)
        hooks.tickets.kill_as_lost(ticket)
        assert hooks.tickets.look(ticket).state is TicketState.LOST
    assert not [line for line in commands() if "sleep 605" in line]


def test_a_reboot_leaves_a_finished_ticket_its_result(hooks) -> None:
    start(hooks, hooks.sh("exit 3"))
    hooks.result(TICKET)

    hooks.tickets.kill_as_lost(TICKET)

    assert hooks.result(TICKET).exit_status == 3


def test_hangup_and_interrupt_do_not_reach_the_script(hooks) -> None:
    start(hooks, hooks.sh("echo begun; read line < go; exit 5"))
    os.mkfifo(hooks.folder / "go")
    hooks.tickets.stop(TICKET, "")
    hooks.result(TICKET)
    start(hooks, hooks.find(), OTHER)
    hooks.until_it_says(OTHER, b"begun")
    pid = hooks.tickets.look(OTHER).pid
    assert pid is not None
    for number in (signal.SIGHUP, signal.SIGINT):
        os.kill(pid, number)

    (hooks.folder / "go").write_text("go\n")

    assert hooks.result(OTHER).exit_status == 5


def test_a_term_for_the_runner_is_a_stop(hooks) -> None:
    start(hooks, hooks.sh("echo begun; sleep 600"))
    hooks.until_it_says(TICKET, b"begun")
    pid = hooks.tickets.look(TICKET).pid
    assert pid is not None

    os.kill(pid, signal.SIGTERM)

    assert (hooks.result(TICKET).end, hooks.result(TICKET).detail) == (
        HookEnd.STOPPED,
        "its runner was told to end",
    )


def test_a_number_that_another_process_has_now_is_not_taken_for_the_runner(hooks) -> None:
    start(hooks, hooks.sh("sleep 600"))
    hooks.tickets.kill_as_lost(TICKET)
    bystander = subprocess.Popen(["sleep", "606"])
    try:
        (hooks.root / TICKET / "runner").write_text(f"{bystander.pid} 1\n")

        assert hooks.tickets.look(TICKET).state is TicketState.LOST
        hooks.tickets.stop(TICKET, "late")
        hooks.tickets.kill_as_lost(TICKET)
        Process(bystander.pid, 1).send(signal.SIGKILL)

        assert Process(bystander.pid, 1).wait(0)
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_a_lock_that_outlives_its_runner_does_not_make_it_live(hooks) -> None:
    start(hooks, hooks.sh("exit 0"))
    hooks.result(TICKET)
    folder = TicketFolder(hooks.root, TICKET)
    (folder.path / "result.json").unlink()
    with (folder.path / "lock").open() as leaked:
        fcntl.flock(leaked, fcntl.LOCK_EX)

        assert hooks.tickets.look(TICKET).state is TicketState.LOST
