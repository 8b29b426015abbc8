"""A small lab whose system VMs an engine of this process patches, beside the pages."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from maintenance.backends.lab.record import harms
from maintenance.backends.registry import _made
from tests.maintenance.engine.small_lab import SmallLab, make_small_lab


@pytest.fixture
def lab(db, settings, open_folder: Path) -> Iterator[SmallLab]:
    """One host; whoever needs system VMs adds them. At the end of every test nobody was harmed."""
    settings.VAR_DIR = open_folder
    _made.cache_clear()
    yield make_small_lab(hosts_each=1, instances_each=0)
    assert harms() == []
    _made.cache_clear()
