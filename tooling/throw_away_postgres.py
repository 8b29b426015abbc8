"""A PostgreSQL for one run of the tests or checks: fast, unsafe, gone afterwards, also when the run was killed."""

import fcntl
import os
import shutil
import signal
import tempfile
from pathlib import Path
from typing import IO

from tooling.embedded_postgres import EmbeddedPostgres
from tooling.processes import send, with_environment

FOLDER_VARIABLE = "PITSTOP_TEST_FOLDER"  # in the environment of everything that the run starts
PREFIX = "pitstop-tests-"
SERVER_OPTIONS = (
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "autovacuum=off",
    "max_connections=200",
    "shared_buffers=64MB",
)


class ThrowAwayPostgres:
    """Runs from its making to `stop`, or to the death of our process. `folder` is for anything else of this run."""

    def __init__(self) -> None:
        parent = _open_temporary_folder()
        _remove_dead_runs(parent)
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
        self.folder.chmod(0o711)  # root's PostgreSQL runs as another account, which must get through
        lock = _lock_of(self.folder)
        assert lock is not None, "we made the folder this moment"
        self.lock = lock
        self.server = EmbeddedPostgres(self.folder, options=SERVER_OPTIONS, ends_with_us=True)
        try:
            self.server.start()
        except BaseException:
            self.stop()
            raise
        self.url = self.server.url()

    def stop(self) -> None:
        """Server and folder are gone."""
        self.server.stop()
        self.lock.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _open_temporary_folder() -> Path:
    """The temporary folder, or /tmp when ours is closed to other accounts and PostgreSQL needs one."""
    chosen = Path(tempfile.gettempdir()).resolve()
    is_open = all(folder.stat().st_mode & 0o001 for folder in [chosen, *chosen.parents])
    return chosen if is_open or os.geteuid() != 0 else Path("/tmp")


def _remove_dead_runs(parent: Path) -> None:
    for folder in parent.glob(f"{PREFIX}*"):
        if folder.stat().st_uid != os.geteuid() or (lock := _lock_of(folder)) is None:
            continue
        send(with_environment(f"{FOLDER_VARIABLE}={folder}"), signal.SIGKILL)
        shutil.rmtree(folder, ignore_errors=True)
        lock.close()


def _lock_of(folder: Path) -> IO[str] | None:
    """Held by us while the file is open; None when a living run holds it."""
    lock = (folder / "alive.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock
