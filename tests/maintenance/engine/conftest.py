"""A small lab for each test, its folders in a var folder of the test's own."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from maintenance.backends.lab.record import harms
from maintenance.backends.registry import _made
from tests.maintenance.engine.small_lab import make_small_lab


@pytest.fixture
def lab(db, settings, monkeypatch: pytest.MonkeyPatch, open_folder: Path):
    """Three hosts of one cluster. At the end of every test nobody was harmed."""
    settings.VAR_DIR = open_folder
    settings.INTENT_VALID_S = settings.SECOND_LOOK_S = 1
    # How often an engine looks although nobody rang is no rule: tests need not wait for it.
    monkeypatch.setattr("maintenance.engine.sweep.LOOK_AGAIN_AFTER", timedelta(seconds=2))
    _made.cache_clear()
    yield make_small_lab()
    assert harms() == []
    _made.cache_clear()
    shutil.rmtree(open_folder / "lab", ignore_errors=True)
