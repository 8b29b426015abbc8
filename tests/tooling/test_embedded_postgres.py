"""The embedded server: made once, adopted, recovered, unreachable for others, nobody's rights changed."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.waiting import wait_until
from tooling.embedded_postgres import EmbeddedPostgres
from tooling.postgres_home import Account, EmbeddedPostgresError, programs_for

pytestmark = pytest.mark.processes
SMALL = ("shared_buffers=16MB", "max_connections=20", "fsync=off")


def server_in(var: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(var, options=SMALL, ends_with_us=True)


@pytest.fixture
def closed_folder(open_folder: Path) -> Iterator[Path]:
    """Only we may enter it; databases that were put elsewhere because of that are removed afterwards."""
    closed = open_folder / "closed"
    closed.mkdir(mode=0o700)
    yield closed
    for note in closed.glob("*/postgres-folder"):
        shutil.rmtree(note.read_text().strip())


@pytest.fixture
def server(open_folder: Path) -> Iterator[EmbeddedPostgres]:
    server = server_in(open_folder)
    server.start()
    yield server
    server.stop()


def ask(server: EmbeddedPostgres, question: str) -> object:
    with psycopg.connect(server.url()) as connection:
        row = connection.execute(question).fetchone()
    return row[0] if row else None


def test_what_was_committed_is_there_after_a_killed_server_started_again(server: EmbeddedPostgres):
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    pid = server.pid()
    assert pid is not None

    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not server.is_alive())
    server.start()

    assert ask(server, "SELECT number FROM kept") == 7


def test_a_server_that_runs_is_adopted_and_stopped(server: EmbeddedPostgres):
    adopting = server_in(server.var)

    adopting.start()

    assert adopting.pid() == server.pid()
    adopting.stop()
    assert not server.is_alive()


def test_starts_at_the_same_moment_make_one_server(open_folder: Path):
    script = (
        "import sys; from pathlib import Path; from tooling.embedded_postgres import EmbeddedPostgres;"
        "server = EmbeddedPostgres(Path(sys.argv[1])); server.start(); print(server.pid())"
    )
    starts = [
        subprocess.Popen([sys.executable, "-c", script, open_folder], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]

    pids = {start.communicate(timeout=60)[0] for start in starts}

    server_in(open_folder).stop()
    assert len(pids) == 1


def test_only_its_account_may_enter_its_folders_and_there_is_no_tcp(server: EmbeddedPostgres):
    modes = {stat.S_IMODE(folder.stat().st_mode) for folder in (server.data, server.socket_folder)}

    assert modes == {0o700}
    assert ask(server, "SHOW listen_addresses") == ""


def test_below_a_closed_folder_it_lives_elsewhere_and_opens_nothing(closed_folder: Path):
    var = closed_folder / "var"
    var.mkdir(mode=0o755)
    before = {folder: folder.stat().st_mode for folder in [var, *var.parents]}
    server = server_in(var)

    server.start()

    answer = ask(server, "SELECT 1")
    server.stop()
    assert answer == 1
    assert {folder: folder.stat().st_mode for folder in before} == before
    if os.geteuid() == 0:
        assert (var / "postgres-folder").read_text().strip() == str(server.home)
        assert server_in(var).home == server.home


def test_a_temporary_var_that_was_deleted_takes_its_database_elsewhere_along(closed_folder: Path):
    former_var, new_var = closed_folder / "former", closed_folder / "new"
    former_var.mkdir()
    new_var.mkdir()
    former = server_in(former_var)
    former.start()

    shutil.rmtree(former_var)
    server_in(new_var)

    if os.geteuid() == 0:
        wait_until(lambda: not former.is_alive())
        assert not former.home.exists()
    else:
        former.stop()


def test_a_wheel_that_its_account_cannot_reach_is_copied_once(open_folder: Path):
    nobody = pwd.getpwnam("nobody")
    stranger = Stranger("nobody", nobody.pw_uid, nobody.pw_gid)
    rights = stranger.rights() if os.geteuid() == 0 else {}

    programs = programs_for(stranger, open_folder)

    assert programs.is_relative_to(open_folder)
    assert programs_for(stranger, open_folder) == programs
    said = subprocess.run(
        [programs / "postgres", "--version"], capture_output=True, text=True, check=True, **rights
    )
    assert "PostgreSQL" in said.stdout


class Stranger(Account):
    """Whatever the modes say: the virtual environment lies where it cannot go."""

    def can_run(self, program: Path) -> bool:
        return False


def test_a_path_too_long_for_a_socket_gets_a_short_one(open_folder: Path):
    var = open_folder / ("long" * 30)
    var.mkdir()
    server = server_in(var)

    server.start()

    answer = ask(server, "SELECT 1")
    server.stop()
    assert answer == 1
    assert not server.socket_folder.exists()


def test_an_initdb_that_was_killed_half_way_is_begun_anew(open_folder: Path):
    server = server_in(open_folder)
    (server.home / "data.new").mkdir()
    (server.home / "data.new" / "half").write_text("of a cluster")

    server.start()

    answer = ask(server, "SELECT 1")
    server.stop()
    assert answer == 1


def test_data_of_another_major_version_is_refused_in_words(open_folder: Path):
    server = server_in(open_folder)
    server.data.mkdir()
    (server.data / "PG_VERSION").write_text("16\n")

    with pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 16, this one is 18"):
        server.start()


def test_a_server_that_cannot_start_says_its_own_reason(open_folder: Path):
    server = EmbeddedPostgres(open_folder, options=("shared_buffers=nonsense",))

    with pytest.raises(EmbeddedPostgresError, match='invalid value for parameter "shared_buffers"'):
        server.start()
