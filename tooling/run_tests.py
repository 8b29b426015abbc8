"""`make test`: what the tests need is there, then every test runs. Arguments go to pytest.

PITSTOP_TEST_WORKERS chooses how many run side by side (3, for many wait; 0 runs all in one process, for a debugger).
"""

import os
import shutil
import subprocess
import sys

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
DEBIAN_PACKAGES = ("chromium", "fonts-dejavu-core")


def main() -> int:
    """pytest's exit status; 1 when something that the tests need is missing and cannot be installed."""
    if not ensure_chromium():
        return 1
    workers = os.environ.get("PITSTOP_TEST_WORKERS", "3")
    side_by_side = [] if workers == "0" else ["-n", workers, "--dist", "loadfile", "--no-loadscope-reorder"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *side_by_side, *sys.argv[1:]], check=False
    ).returncode


def ensure_chromium() -> bool:
    """A Chromium is in PATH; root on Debian installs it where it is missing."""
    if any(shutil.which(name) for name in CHROMIUM_NAMES):
        return True
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *DEBIAN_PACKAGES]
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"pitstop: the browser tests need Chromium: {' '.join(install)}", flush=True)
        quietly = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update"], install):
            subprocess.run(command, env=quietly, stdout=subprocess.DEVNULL, check=False)
        if any(shutil.which(name) for name in CHROMIUM_NAMES):
            return True
    print(
        f"pitstop: the browser tests need Chromium, and none of {', '.join(CHROMIUM_NAMES)} is in PATH; "
        f"as root: {' '.join(install)}",
        file=sys.stderr,
    )
    return False


if __name__ == "__main__":
    sys.exit(main())
