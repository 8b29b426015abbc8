"""What every test may use. The database and the environment come from tooling/pytest_postgres.py."""

import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


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
