"""What every test may use. The database and the environment come from tooling/pytest_postgres.py."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections
from django.db.backends.postgresql.base import DatabaseWrapper


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that every account may enter, unlike `tmp_path`."""
    with tempfile.TemporaryDirectory(prefix="pitstop-open-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture(scope="session", autouse=True)
def pools_are_closed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Pooled connections end before the test database is dropped. Pure tests never make one."""
    if any(item.get_closest_marker("django_db") for item in request.session.items):
        request.getfixturevalue("django_db_setup")
    yield
    for connection in connections.all(initialized_only=True):
        assert isinstance(connection, DatabaseWrapper)
        connection.close_pool()
