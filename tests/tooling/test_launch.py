"""`make run`: what it starts stays alive, what it stops is gone, what it cannot do it says in one line."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tooling.launched import ROOT, Launched, wait_until_gone
from tests.waiting import wait_until
from tooling.launch_error import LaunchError
from tooling.processes import is_running
from tooling.var_folder import VarFolder

pytestmark = pytest.mark.processes


@pytest.fixture
def var(tmp_path: Path) -> Iterator[Path]:
    """Below a closed folder: for root, PostgreSQL has to live elsewhere."""
    yield tmp_path / "var"
    remove_database_of(tmp_path / "var")


@pytest.fixture(scope="module")
def launched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    var = tmp_path_factory.mktemp("launch") / "var"
    launched = Launched.start(var).wait_until_ready()
    yield launched
    launched.end()
    remove_database_of(var)


def remove_database_of(var: Path) -> None:
    if (note := var / "postgres-folder").exists():
        shutil.rmtree(note.read_text().strip())


def test_it_answers_and_says_where_it_is_and_how_to_log_in(launched: Launched):
    launched.read_until("made now, shown this once")
    assert f"ready at http://127.0.0.1:{launched.port}/ " in launched.lines[0]
    assert len(launched.password()) >= 16
    assert launched.answers("/healthz")
    assert launched.health()["ready"] is True


@pytest.mark.parametrize("part", ["web", "engine", "postgres"])
def test_who_is_killed_is_started_again_within_two_seconds(launched: Launched, part: str):
    killed = wait_until(lambda: launched.pid_of(part))
    wait_until(lambda: launched.answers(), within_s=20)

    os.kill(killed, signal.SIGKILL)

    wait_until(lambda: launched.pid_of(part) not in {0, killed}, within_s=2)
    wait_until(lambda: launched.answers(), within_s=20)


def test_a_second_start_on_the_same_folder_is_refused_in_one_line(launched: Launched):
    second = Launched.start(launched.var)

    assert second.exit_status() == 1
    (line,) = second.lines
    assert f"already running from {launched.var}: process {launched.process.pid}" in line


def test_a_command_in_another_shell_needs_only_the_var_folder(launched: Launched):
    told = {"PATH": os.environ["PATH"], "PITSTOP_VAR": str(launched.var)}
    command = [sys.executable, "manage.py", "migrate", "--check"]

    assert subprocess.run(command, cwd=ROOT, env=told, check=False).returncode == 0


def test_a_killed_launcher_takes_web_and_engine_along_and_the_next_one_adopts_the_database(var: Path):
    first = Launched.start(var, PITSTOP_DEMO_PASSWORD="choose-a-password").wait_until_ready()
    children = {first.pid_of("web"), first.pid_of("engine")}
    postgres = first.pid_of("postgres")

    first.end(signal.SIGKILL)

    wait_until_gone(children)
    assert is_running(postgres)
    second = Launched.start(var).wait_until_ready()
    assert second.pid_of("postgres") == postgres
    assert second.end() == 0
    assert not is_running(postgres)
    assert "with the password of the first start" in "\n".join(second.lines)


def test_a_later_start_is_ready_within_five_seconds(var: Path):
    Launched.start(var).wait_until_ready().end()

    # The best of three: other tests run beside this one.
    assert min(seconds_until_ready(var) for _ in range(3)) <= 5


def seconds_until_ready(var: Path) -> float:
    begun = time.monotonic()
    launched = Launched.start(var).wait_until_ready()
    took_s = time.monotonic() - begun
    launched.end()
    return took_s


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_leaves_nothing_behind(var: Path, sent: signal.Signals):
    launched = Launched.start(var).wait_until_ready()
    mark = {"PATH": os.environ["PATH"], "PITSTOP_HOOK_ROOT": str(var / "hooks")}
    runner = subprocess.Popen(["sleep", "300"], env=mark, start_new_session=True)
    pids = wait_until(lambda: ours if len(ours := launched.all_pids()) == 3 else None) | {runner.pid}

    assert launched.end(sent) == 0

    assert not any(map(is_running, pids))
    assert runner.wait() in {-signal.SIGTERM, -signal.SIGKILL}
    assert not launched.answers()


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"PORT": "eighty"}, "PORT is 'eighty'; give a number from 1 to 65535"),
        ({"PITSTOP_HOST": "192.0.2.1"}, "cannot listen at 192.0.2.1"),
        ({"PITSTOP_VAR": "/proc/nowhere"}, "cannot use the folder /proc/nowhere"),
        ({"DATABASE_URL": "postgresql://nobody@/none?host=/nowhere"}, "DATABASE_URL: connection"),
        ({"DATABASE_URL": "nonsense"}, "DATABASE_URL: "),
    ],
)
def test_what_cannot_work_is_said_in_one_line(var: Path, environment: dict[str, str], words: str):
    launched = Launched.start(var, **environment)

    assert launched.exit_status() == 1
    (line,) = launched.lines
    assert words in line


def test_a_taken_port_is_named_in_one_line(var: Path):
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        port = somebody.getsockname()[1]

        launched = Launched.start(var, PORT=str(port))

        assert launched.exit_status() == 1
    (line,) = launched.lines
    assert f"cannot listen at 127.0.0.1 port {port}: Address already in use" in line


def test_plain_http_for_other_machines_is_refused_in_words(var: Path):
    launched = Launched.start(var, PITSTOP_HOST="0.0.0.0")

    assert launched.exit_status() == 1
    assert [line for line in launched.lines if "cookies would travel in clear" in line]


def test_too_little_disk_space_is_named_with_what_is_needed(monkeypatch: pytest.MonkeyPatch, var: Path):
    monkeypatch.setenv("PITSTOP_VAR", str(var))
    monkeypatch.setattr("tooling.var_folder.MEGABYTES_NEEDED", 10**9)

    with pytest.raises(LaunchError, match=r"not enough disk space in .*: \d+ MB free, 1000000000 MB needed"):
        VarFolder.from_environment(ROOT).ensure_free_space()
