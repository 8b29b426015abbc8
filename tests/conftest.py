"""What every test may use. The database and the environment come from tooling/pytest_postgres.py."""

import tempfile
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import pytest
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from tests.emptied import empty_quickly

# What takes long goes first, so that no worker is left alone with it at the end. Files that compute and files that
# mostly wait take turns: whoever waits leaves the processor to the others.
COMPUTING = ("tests/browser/", "tests/dashboard/test_walk", "tests/dashboard/test_access", "tests/tooling/")
WAITING = ("tests/processes/", "tests/maintenance/engine/")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    files: dict[Path, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.path, []).append(item)
    long = [_first(files, starts) for starts in (COMPUTING, WAITING)]
    first = [file for both in zip_longest(*long) for file in both if file is not None]
    items[:] = [item for file in dict.fromkeys([*first, *files]) for item in files[file]]


def _first(files: dict[Path, list[pytest.Item]], starts: tuple[str, ...]) -> list[Path]:
    """Of these files those whose name begins so, in the order of the beginnings."""
    return [file for start in starts for file, items in files.items() if items[0].nodeid.startswith(start)]


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that every account may enter, unlike `tmp_path`."""
    with tempfile.TemporaryDirectory(prefix="pitstop-open-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """A test's own transactions may stand still for longer than a request's: on a busy machine it thinks between two
    queries for seconds. Processes that a test starts keep to the settings."""
    for alias in connections:
        connections[alias].settings_dict["OPTIONS"]["options"] += (
            " -c idle_in_transaction_session_timeout=60000"
        )


@pytest.fixture(scope="session", autouse=True)
def databases_are_emptied_quickly() -> Iterator[None]:
    """After each test that commits."""
    with pytest.MonkeyPatch.context() as patch:
        empty_quickly(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def pools_are_closed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Pooled connections end before the test database is dropped. Pure tests never make one."""
    if any(item.get_closest_marker("django_db") for item in request.session.items):
        request.getfixturevalue("django_db_setup")
    yield
    for connection in connections.all(initialized_only=True):
        assert isinstance(connection, DatabaseWrapper)
        connection.close_pool()
