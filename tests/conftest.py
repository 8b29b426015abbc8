"""What every test may use. The database and the environment come from tooling/pytest_postgres.py."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper

from tests.emptied import empty_quickly

# What waits most goes first: browsers and processes. Then no worker is left alone with them at the end.
LONGEST_FIRST = (
    "tests/browser/",
    "tests/processes/",
    "tests/dashboard/test_walk",
    "tests/tooling/",
    "tests/maintenance/engine/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        ranks = (rank for rank, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start))
        return next(ranks, len(LONGEST_FIRST))

    items.sort(key=place)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that every account may enter, unlike `tmp_path`."""
    with tempfile.TemporaryDirectory(prefix="pitstop-open-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


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
