"""Scripts that do not want to end, that leave something behind, that vanish or change."""

import shutil
import stat
import subprocess
import sys

import pytest

from maintenance.hooks.results import HookEnd
from maintenance.hooks.tickets import TicketState

READY_S = (
    3  # by then a script has said what it does with signals, and has made its daemon, on a busy machine too
)

DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        CLOSE
        time.sleep(600)
    os._exit(0)
os.wait()
print("daemon made", flush=True)
"""


def daemon(hooks, close: str, then: str = ""):
    hooks.write("Maintenance.py", "#!/usr/bin/env python3" + DAEMON.replace("CLOSE", close) + then)
    return hooks.find()


def test_a_script_that_hangs_is_told_to_end_in_time(hooks) -> None:
    result, _ = hooks.run(hooks.sh("sleep 600"), timeout_s=0.3)

    assert (result.end, result.signal) == (HookEnd.TIMED_OUT, 15)
    assert 0.3 <= result.duration_s < 5
    assert result.detail == "still running after 0.3 s"


def test_a_script_that_obeys_term_is_still_timed_out(hooks) -> None:
    result, output = hooks.run(
        hooks.sh("trap 'echo tidied; exit 0' TERM; sleep 600 & wait"), timeout_s=READY_S
    )

    assert (result.end, result.exit_status) == (HookEnd.TIMED_OUT, 0)
    assert output == b"tidied\n"


def test_a_script_that_ignores_term_is_killed_after_its_grace(hooks) -> None:
    script = hooks.sh("trap '' TERM INT HUP; while :; do sleep 600; done")

    result, _ = hooks.run(script, timeout_s=READY_S, grace_s=0.3)

    assert (result.end, result.signal) == (HookEnd.TIMED_OUT, 9)
    assert result.duration_s < READY_S + 4
    assert "TERM did not end it, killed after 0.3 s" in result.detail


def test_the_whole_group_gets_term_not_only_the_script(hooks) -> None:
    script = hooks.sh("(trap 'echo child tidied; exit' TERM; sleep 600 & wait) & wait")
    ticket = hooks.start(script)
    hooks.tickets.stop(ticket, "enough")

    assert hooks.result(ticket).end is HookEnd.STOPPED


@pytest.mark.parametrize("close", ["pass", "os.close(1); os.close(2)"], ids=["pipe kept open", "pipe closed"])
def test_a_daemon_is_ended_with_its_script_whose_status_counts(hooks, close: str) -> None:
    result, output = hooks.run(daemon(hooks, close, "sys.exit(3)\n"))

    assert (result.end, result.exit_status, output) == (HookEnd.EXITED, 3, b"daemon made\n")
    assert len(result.strays) == 1
    assert "Maintenance.py" in result.strays[0]
    assert result.duration_s < 8


def test_a_daemon_of_a_script_that_hangs_is_ended_too(hooks) -> None:
    script = daemon(hooks, "import signal; signal.signal(15, signal.SIG_IGN)", "time.sleep(600)\n")

    result, _ = hooks.run(script, timeout_s=READY_S, grace_s=0.2)

    assert result.end is HookEnd.TIMED_OUT
    assert len(result.strays) == 1


def test_many_daemons_in_sessions_of_their_own_are_all_ended(hooks) -> None:
    result, _ = hooks.run(hooks.sh("for n in $(seq 30); do setsid -f env -i sleep 600; done; exit 0"))

    assert result.exit_status == 0
    assert len(result.strays) == 21
    assert result.strays[-1] == "and 10 more"


def test_a_background_process_that_ends_soon_is_no_stray_and_its_words_are_kept(hooks) -> None:
    result, output = hooks.run(hooks.sh("(sleep 0.1; echo late) & exit 0"))

    assert (result.exit_status, result.strays, output) == (0, (), b"late\n")


def test_a_stop_ends_the_script_and_says_why(hooks) -> None:
    ticket = hooks.start(hooks.sh("echo begun; sleep 600"))
    hooks.until_it_says(ticket, b"begun")

    hooks.tickets.stop(ticket, "the run was cancelled")
    hooks.tickets.stop(ticket, "again")

    result = hooks.result(ticket)
    assert (result.end, result.detail) == (HookEnd.STOPPED, "the run was cancelled")
    hooks.tickets.stop(ticket, "after the end")
    assert hooks.result(ticket) == result


def test_a_stop_of_a_script_that_ignores_it_kills_after_the_grace(hooks) -> None:
    ticket = hooks.start(hooks.sh("trap '' TERM; echo begun; while :; do sleep 600; done"), grace_s=0.2)
    hooks.until_it_says(ticket, b"begun")

    hooks.tickets.stop(ticket, "cancel")

    assert (hooks.result(ticket).end, hooks.result(ticket).signal) == (HookEnd.STOPPED, 9)


def test_a_stop_right_after_the_start_is_never_lost(hooks) -> None:
    script = hooks.sh("sleep 600")
    for _ in range(5):
        ticket = hooks.start(script)
        hooks.tickets.stop(ticket, "at once")
        assert hooks.result(ticket).end is HookEnd.STOPPED


def test_a_stop_before_the_start_means_that_it_never_runs(hooks) -> None:
    ticket = "6f1d2c7a-0000-4000-8000-000000000003"
    hooks.tickets.stop(ticket, "cancelled early")

    hooks.tickets.start(ticket, hooks.sh("touch ran"), payload=None, timeout_s=5)

    assert hooks.result(ticket).detail == "before it began: cancelled early"
    assert not (hooks.folder / "ran").exists()


def test_a_script_that_vanished_is_refused(hooks) -> None:
    script = hooks.sh("true")
    script.path.unlink()

    result, _ = hooks.run(script)

    assert (result.end, result.exit_status) == (HookEnd.REFUSED, None)
    assert result.detail == f"{script.path} cannot be opened any more: No such file or directory"


def test_a_folder_that_vanished_is_refused(hooks) -> None:
    script = hooks.sh("true")
    shutil.rmtree(hooks.folder)

    assert hooks.run(script)[0].end is HookEnd.REFUSED


def test_a_script_that_deletes_itself_is_judged_by_its_status(hooks) -> None:
    result, output = hooks.run(hooks.sh('rm -r "$(dirname "$0")"; echo still here; exit 7'))

    assert (result.end, result.exit_status, output) == (HookEnd.EXITED, 7, b"still here\n")


def test_a_script_that_changed_between_check_and_run_is_refused(hooks) -> None:
    script = hooks.sh("exit 0")
    hooks.sh("touch ran; exit 0")

    result, _ = hooks.run(script)

    assert (result.end, result.exit_status) == (HookEnd.REFUSED, None)
    assert result.detail == f"{script.path} changed between check and run"
    assert not (hooks.folder / "ran").exists()


def test_rights_that_changed_between_check_and_run_are_noticed(hooks) -> None:
    script = hooks.sh("touch ran")
    script.path.chmod(0o757)
    assert "became world-writable between check and run" in hooks.run(script)[0].detail

    script.path.chmod(0o644)
    assert "is not executable" in hooks.run(script)[0].detail
    assert not (hooks.folder / "ran").exists()


def test_an_interpreter_that_vanished_is_refused_by_name(hooks) -> None:
    shell = hooks.folder / "shell"
    shutil.copy("/bin/sh", shell)
    hooks.write("Maintenance", f"#!{shell}\n")
    script = hooks.find()
    shell.unlink()

    assert hooks.run(script)[0].detail == f"{script.path} or its interpreter is missing"


def test_a_program_that_is_being_written_is_refused(hooks) -> None:
    shutil.copy("/bin/true", hooks.folder / "Maintenance")
    script = hooks.find()
    with script.path.open("ab"):
        result, _ = hooks.run(script)

    assert result.end is HookEnd.REFUSED
    assert "is open for writing" in result.detail


def test_a_file_swapped_all_the_time_never_runs_unchecked(hooks) -> None:
    """Somebody replaces the checked script by another one and back, as fast as possible."""
    good = hooks.sh("echo good")
    swapper = hooks.write(
        "swap.py",
        "import os, sys\n"
        f"os.chdir({str(hooks.folder)!r})\n"
        "good = open('Maintenance').read()\n"
        "print('swapping', flush=True)\n"
        "while os.getppid() != 1:\n"
        "    for text in (good.replace('good', 'evil'), good):\n"
        "        with open('next', 'w') as file: file.write(text)\n"
        "        os.chmod('next', 0o755)\n"
        "        os.rename('next', 'Maintenance')\n",
    )
    with subprocess.Popen([sys.executable, str(swapper)], stdout=subprocess.PIPE) as other:
        try:
            assert other.stdout is not None
            other.stdout.readline()
            ends = [(hooks.run(good)) for _ in range(25)]
        finally:
            other.kill()

    assert {result.end for result, _ in ends} <= {HookEnd.REFUSED, HookEnd.EXITED}
    assert [output for result, output in ends if result.end is HookEnd.EXITED and output != b"good\n"] == []


def test_a_script_may_not_write_its_own_result(hooks) -> None:
    script = hooks.sh(
        'cd "$PITSTOP_HOOK_ROOT/$PITSTOP_HOOK_TICKET"\n'
        'echo "{\\"ticket\\": \\"$PITSTOP_HOOK_TICKET\\",'
        ' \\"end\\": \\"exited\\", \\"exit_status\\": 0}" > result.json\n'
        "exit 9"
    )

    assert hooks.run(script)[0].exit_status == 9


def test_a_script_that_kills_its_runner_after_a_forged_result_is_lost(hooks) -> None:
    other = hooks.start(hooks.sh("exit 0", "PreFlight"))
    hooks.result(other)
    forged = (hooks.root / other / "result.json").read_text()
    script = hooks.sh(
        'cd "$PITSTOP_HOOK_ROOT/$PITSTOP_HOOK_TICKET"\n'
        f'sed "s/{other}/$PITSTOP_HOOK_TICKET/; s/digest\\": \\"[0-9a-f]*/digest\\": \\"$1/" ../{other}/result.json'
        " > result.json\n"
        "kill -9 $PPID; sleep 600"
    )
    assert other in forged

    ticket = hooks.start(script, payload=script.digest)

    assert hooks.tickets.wait(ticket, 10)
    look = hooks.tickets.look(ticket)
    assert (look.state, look.result) == (TicketState.LOST, None)
    assert look.detail == "The result was not written by the runner of this start."
    hooks.tickets.kill_as_lost(ticket)


def test_tickets_are_nobody_elses_business(hooks) -> None:
    ticket = hooks.start(hooks.sh("true"))
    hooks.result(ticket)

    modes = {stat.S_IMODE(path.stat().st_mode) for path in (hooks.root, hooks.root / ticket)}
    assert modes == {0o700}
