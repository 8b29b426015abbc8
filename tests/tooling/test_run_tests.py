"""`make test` fails in words when it cannot have what the tests need."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_without_a_browser_and_a_way_to_install_one_it_says_what_to_install(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "tooling.run_tests"],
        cwd=ROOT,
        env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "apt-get install --yes --no-install-recommends chromium" in done.stderr
