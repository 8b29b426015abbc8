"""A small lab, and real engine processes that work on it. Whatever a test did: nobody was harmed, nothing is left."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from maintenance.backends.lab.record import harms
from maintenance.backends.registry import _made
from maintenance.feed import first_broken_link
from maintenance.hooks.processes import with_tickets
from tests.maintenance.engine.small_lab import make_small_lab
from tests.processes.engines import Engines

pytest.register_assert_rewrite("tests.processes.scenes")  # so that its assertions tell what differed


@pytest.fixture
def var(open_folder: Path, settings) -> Iterator[Path]:
    """The var folder that the test and its engines share; scripts that still run in it are ended with the test."""
    settings.VAR_DIR = open_folder
    _made.cache_clear()
    yield open_folder
    _made.cache_clear()
    for left in with_tickets(open_folder / "hooks"):
        left.process.send(signal.SIGKILL)


@pytest.fixture
def empty_lab(transactional_db, var) -> Iterator[None]:
    """Room for a lab. At the end of every test nobody in it was harmed, and the audit is whole."""
    yield
    assert harms() == []
    assert first_broken_link() is None


@pytest.fixture
def lab(empty_lab):
    """Three hosts of one cluster."""
    return make_small_lab()


@pytest.fixture
def engines(lab, var) -> Iterator[Engines]:
    """Starts engines; none is left at the end."""
    ours = Engines(var, connection.settings_dict)
    yield ours
    ours.end()
