"""What every test may use. The database and the environment come from tooling/pytest_postgres.py."""

import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connections


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that every account may enter, unlike `tmp_path`."""
    with tempfile.TemporaryDirectory(prefix="pitstop-open-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.fixture
def other_account() -> pwd.struct_passwd | None:
    """Somebody without rights, when we are root and may become anybody; else None: we are that one already."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


@pytest.fixture(scope="session", autouse=True)
def pools_are_closed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Pooled connections end before the test database is dropped. Pure tests never make one."""
    if any(item.get_closest_marker("django_db") for item in request.session.items):
        request.getfixturevalue("django_db_setup")
    yield
    for connection in connections.all(initialized_only=True):
        connection.close_pool()
