"""Other processes: alive or not, dying with their parent, found by their environment."""

import os
import signal
import subprocess
import sys

from tests.waiting import wait_until
from tooling.processes import is_running, with_descendants, with_environment

SLEEPER = [sys.executable, "-c", "import signal; signal.pause()"]


def test_a_process_that_ended_and_was_not_reaped_does_not_run():
    process = subprocess.Popen(SLEEPER)
    assert is_running(process.pid)

    process.kill()

    wait_until(lambda: not is_running(process.pid))
    process.wait()


def test_a_child_dies_with_a_killed_parent():
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import signal, subprocess, sys; from tooling.processes import dying_with_parent;"
            f"print(subprocess.Popen({SLEEPER!r}, start_new_session=True,"
            "preexec_fn=dying_with_parent(signal.SIGKILL)).pid, flush=True); signal.pause()",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    with parent.stdout:
        child = int(parent.stdout.readline())
    assert is_running(child)

    parent.kill()
    parent.wait()

    wait_until(lambda: not is_running(child))


def test_a_process_is_found_by_its_environment_and_its_children_with_it():
    script = f"import subprocess; print(subprocess.Popen({SLEEPER!r}, env={{}}).pid, flush=True);"
    process = subprocess.Popen(
        [sys.executable, "-c", f"{script} import signal; signal.pause()"],
        env=os.environ | {"PITSTOP_TEST_MARK": "here"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        child = int(process.stdout.readline())

    found = with_environment("PITSTOP_TEST_MARK=here")
    family = with_descendants(found)

    os.kill(child, signal.SIGKILL)
    process.kill()
    process.wait()
    assert found == {process.pid}
    assert family == {process.pid, child}
