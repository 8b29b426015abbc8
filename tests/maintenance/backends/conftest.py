"""The demo lab for each test, in a var folder of the test's own, with everything instant that need not take time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.seed import seed_lab
from tests.maintenance.backends.lab_hosts import CLOUD_ID, set_lab
from tests.maintenance.backends.system_vms_lab import machines_end


@pytest.fixture
def var_folder(settings, open_folder: Path) -> Iterator[Path]:
    settings.VAR_DIR = open_folder
    with machines_end():
        yield open_folder


@pytest.fixture
def lab(var_folder: Path) -> LabCloud:
    seed_lab()
    set_lab(
        prepare_s=0,
        move_s_per_gb=0,
        move_min_s=0,
        move_retry_s=0.05,
        cancel_s=0,
        listing_age_min_s=0,
        listing_age_max_s=0,
        call_latency_s=0,
        boot_grace_s=0.1,
        boot_back_s=0.3,
        **{"sysvm.boot.seconds": 0.05},
    )
    return LabCloud(CLOUD_ID)
