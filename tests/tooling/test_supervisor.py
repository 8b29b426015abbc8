"""Who dies is started again; who is stopped is gone with everything it started."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.waiting import wait_until
from tooling.processes import is_running
from tooling.supervisor import Child, Supervisor

pytestmark = pytest.mark.processes


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(said: list[str]) -> Iterator[Supervisor]:
    supervisor = Supervisor(said.append)
    yield supervisor
    supervisor.stop()


def child(script: str, folder: Path, *, patience_s: float = 5) -> Child:
    return Child("script", ["sh", "-c", script], dict(os.environ), folder / "log", patience_s=patience_s)


def starts(folder: Path) -> int:
    return (folder / "log").read_text().count("started")


@pytest.mark.parametrize("ending", ["exit 0", "exit 3", "kill -9 $$"])
def test_whoever_ends_is_started_again_whatever_the_exit_status(
    supervisor: Supervisor, said: list[str], tmp_path: Path, ending: str
):
    supervisor.start(child(f"echo started; {ending}", tmp_path))

    supervisor.watch_until(lambda: starts(tmp_path) >= 2, within_s=15)

    assert starts(tmp_path) >= 2
    assert said[0].startswith("script ended (")


def test_whoever_keeps_dying_is_started_ever_more_slowly(supervisor: Supervisor, tmp_path: Path):
    supervisor.start(child("echo started; exit 1", tmp_path))

    supervisor.watch_until(lambda: False, within_s=3.5)

    assert 3 <= starts(tmp_path) <= 5  # after 0.2, 0.6, 1.4 and 3.0 s


def test_one_that_cannot_start_does_not_spoil_the_care_for_the_others(
    supervisor: Supervisor, said: list[str], tmp_path: Path
):
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nrm -- $0\n")
    program.chmod(0o755)
    supervisor.start(Child("vanished", [str(program)], dict(os.environ), tmp_path / "other", patience_s=1))
    supervisor.start(child("echo started; exit 0", tmp_path))

    supervisor.watch_until(lambda: starts(tmp_path) >= 3, within_s=15)

    assert starts(tmp_path) >= 3
    assert any(line.startswith("vanished cannot start: ") for line in said)


def test_a_stop_takes_the_whole_group_and_does_not_wait_for_ever(supervisor: Supervisor, tmp_path: Path):
    stubborn = child("trap '' TERM; sleep 300 & echo started $!; wait; wait", tmp_path, patience_s=0.2)
    supervisor.start(stubborn)
    supervisor.watch_until(lambda: starts(tmp_path) == 1, within_s=15)
    grandchild = int((tmp_path / "log").read_text().split()[1])
    assert stubborn.process is not None

    supervisor.stop()

    assert stubborn.process.returncode == -signal.SIGKILL
    wait_until(lambda: not is_running(grandchild))
