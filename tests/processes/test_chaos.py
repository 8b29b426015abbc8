"""A minute of `make chaos`: everything that can die is killed, and what must hold holds."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tooling.processes import dying_with_parent

pytestmark = [pytest.mark.processes, pytest.mark.slow, pytest.mark.timeout(600)]

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 60
SEED = 20261122
ENDS_WITHIN_S = 500  # on a machine with much else to do
NOT_OURS = ("PITSTOP_", "DATABASE", "PORT")


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    """What the program printed; what it said besides is shown with a test that failed."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("PITSTOP_TEST_") or not name.startswith(NOT_OURS)
    }
    ours = subprocess.Popen(
        [sys.executable, "-m", "bench.chaos", "--seconds", str(SECONDS), "--seed", str(SEED)],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=dying_with_parent(signal.SIGINT),
    )
    try:
        told, said = ours.communicate(timeout=ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        ours.send_signal(signal.SIGINT)  # it stops what it has started
        told, said = ours.communicate()
    print(f"seed {SEED}, exit status {ours.returncode}\n{said}\n{told}")
    found: dict[str, Any] = json.loads(told)
    return found


def test_a_minute_of_kills_breaks_nothing_and_every_viewer_has_the_whole_feed(result):
    faults, viewers = result["faults"], result["viewers"]
    assert result["broken"] == []
    assert faults["kill a web process"] >= 2
    assert faults["kill an engine"] >= 2
    assert faults["kill PostgreSQL"] + faults["stop PostgreSQL at once"] >= 1
    assert result["runs"].get("Succeeded", 0) + result["runs"].get("Failed", 0) >= 1
    # Logs that are not the event table are among what is broken. These were no empty ones, and had to come back.
    assert min(log["events"] for log in viewers["logs"]) > 100
    assert sum(log["connections"] for log in viewers["logs"]) > len(viewers["logs"])
    assert viewers["logs"][-1]["naps"] >= 1
    assert all(page.get("delta", 0) + page.get("snapshot", 0) for page in viewers["pages"].values())
    assert viewers["never_read"]["closed"] >= 1
