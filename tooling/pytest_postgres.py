"""pytest plugin: one throw-away PostgreSQL for the whole run, and an environment no developer's own can bend.

pyproject.toml loads it: plain `pytest` is enough, and pure tests may add `-p no:django`.
Before pytest-django reads the settings it sets
    DATABASE_URL             the throw-away server (fsync off, 200 connections, no TCP)
    PITSTOP_VAR              a temporary var folder, another for each xdist worker
    DJANGO_SETTINGS_MODULE   dashboard.settings
and drops every other PITSTOP_* variable and PORT. pytest-django then makes the database `test_pitstop` there;
a test that starts real processes names that one in their DATABASE_URL: `connection.settings_dict["NAME"]`.
The server stops with the run, also with a killed one; what that one left on the disk, the next run removes.
"""

import atexit
import fcntl
import os
import shutil
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import IO

import pytest

from tooling.embedded_postgres import EmbeddedPostgres
from tooling.processes import send, with_environment

FOLDER = "PITSTOP_TEST_FOLDER"  # set by the run's first process; xdist workers inherit it
PREFIX = "pitstop-tests-"
SERVER_OPTIONS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "max_connections=200",
    "shared_buffers=64MB",
)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """Runs around all others, pytest-django's reading of the settings included."""
    is_xdist_worker = "PYTEST_XDIST_WORKER" in os.environ
    if not is_xdist_worker:
        _boot()
    _set_environment(Path(os.environ[FOLDER]), os.environ.get("PYTEST_XDIST_WORKER", "main"))
    return (yield)


def _boot() -> None:
    parent = _open_temporary_folder()
    _remove_dead_runs(parent)
    folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    folder.chmod(0o711)  # root's PostgreSQL runs as another account, which must get through
    alive = _held_lock(folder)
    assert alive is not None, "we made the folder this moment"
    server = EmbeddedPostgres(folder, options=SERVER_OPTIONS, ends_with_us=True)

    def tear_down() -> None:
        server.stop()
        alive.close()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(tear_down)
    server.start()
    os.environ[FOLDER] = str(folder)
    os.environ["DATABASE_URL"] = server.url()


def _set_environment(folder: Path, worker: str) -> None:
    for name in list(os.environ):
        if name == "PORT" or (name.startswith("PITSTOP_") and not name.startswith("PITSTOP_TEST_")):
            del os.environ[name]
    var = folder / f"var-{worker}"
    var.mkdir(mode=0o711, exist_ok=True)
    os.environ["PITSTOP_VAR"] = str(var)
    os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"


def _open_temporary_folder() -> Path:
    """The temporary folder, or /tmp when ours is closed to other accounts and PostgreSQL needs one."""
    chosen = Path(tempfile.gettempdir())
    is_open = all(folder.stat().st_mode & 0o001 for folder in [chosen, *chosen.parents])
    return chosen if is_open or os.geteuid() != 0 else Path("/tmp")


def _remove_dead_runs(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        if folder.stat().st_uid != os.geteuid() or (lock := _held_lock(folder)) is None:
            continue
        send(with_environment(f"{FOLDER}={folder}"), signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def _held_lock(folder: Path) -> IO[str] | None:
    """The folder's lock, held by us while the file is open; None when a living run holds it."""
    lock = (folder / "alive.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock
