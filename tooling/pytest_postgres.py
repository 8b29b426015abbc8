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
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tooling.throw_away_postgres import FOLDER_VARIABLE, ThrowAwayPostgres


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None, None, None]:
    """Runs around all others, pytest-django's reading of the settings included."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        postgres = ThrowAwayPostgres()
        atexit.register(postgres.stop)  # unlike pytest's last hooks, it also runs after a usage error
        os.environ[FOLDER_VARIABLE] = str(postgres.folder)
        os.environ["DATABASE_URL"] = postgres.url
    set_environment(Path(os.environ[FOLDER_VARIABLE]), worker or "main")
    return (yield)


def set_environment(folder: Path, worker: str) -> None:
    """The settings see this run's folders and server and nothing of the developer's own."""
    for name in list(os.environ):
        if name == "PORT" or (name.startswith("PITSTOP_") and not name.startswith("PITSTOP_TEST_")):
            del os.environ[name]
    var = folder / f"var-{worker}"
    var.mkdir(mode=0o711, exist_ok=True)
    os.environ["PITSTOP_VAR"] = str(var)
    os.environ["DJANGO_SETTINGS_MODULE"] = "dashboard.settings"
