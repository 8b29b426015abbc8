"""So many engines, and for each that is killed another one at once: what was imported is shared, so a death is cheap.

    python -m tests.processes.crew COUNT

Ends with SIGTERM, and with whoever started it; none of its engines outlives it.
"""

import os
import signal
import sys

import django
from django.core.management import call_command

from tooling.processes import dying_with_parent


def main(count: int) -> None:
    """Raises: SystemExit when an engine ended by itself: then something is wrong with all of them."""
    django.setup()
    import maintenance.engine.worker  # noqa: F401  # before the first fork, so that no engine has to

    engines: set[int] = set()
    while True:
        while len(engines) < count:
            engines.add(_forked())
        pid, status = os.wait()
        engines.discard(pid)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            raise SystemExit(f"an engine ended by itself: {os.waitstatus_to_exitcode(status)}")


def _forked() -> int:
    tied = dying_with_parent(signal.SIGKILL)
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        tied()
        call_command("engine")
        status = 0
    finally:
        os._exit(status)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
    main(int(sys.argv[1]))
