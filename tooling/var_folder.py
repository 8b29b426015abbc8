"""The var folder: everything a start writes is below it, and one launcher at a time works in it."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tooling.address import Address
from tooling.launch_error import LaunchError

MEGABYTES_NEEDED = 250  # an empty database is 40 MB; its log may grow to 256 before it is recycled
MEGABYTES_NEEDED_LATER = 50


class VarFolder:
    """PITSTOP_VAR, or `var` in the project folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "log"
        self.was_left_in_a_hurry = False

    @classmethod
    def from_environment(cls, root: Path) -> "VarFolder":
        """The folder exists. Raises: LaunchError when it cannot be made or written."""
        path = Path(os.environ.get("PITSTOP_VAR") or root / "var").resolve()
        folder = cls(path)
        try:
            if not path.exists():
                path.mkdir(parents=True)
                path.chmod(
                    0o711
                )  # PostgreSQL and hook scripts may run as other accounts and must get through
            folder.logs.mkdir(mode=0o700, exist_ok=True)
        except OSError as reason:
            raise LaunchError(f"cannot use the folder {path}: {reason.strerror}") from reason
        return folder

    @contextmanager
    def taken_by(self, address: Address) -> Iterator[None]:
        """No other launcher works here meanwhile. Raises: LaunchError naming the one that does."""
        with (self.path / "launcher.lock").open("a+") as lock:
            lock.seek(0)
            former = lock.read().strip()
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise LaunchError(
                    f"already running from {self.path}: {former}; stop it or choose another PITSTOP_VAR"
                ) from None
            self.was_left_in_a_hurry = bool(former)
            lock.truncate(0)
            lock.write(f"process {os.getpid()} at {address.url}")
            lock.flush()
            try:
                yield
            finally:
                lock.truncate(0)

    def ensure_free_space(self) -> None:
        """Raises: LaunchError when a database would not fit."""
        was_here = (self.path / "postgres.dsn").exists()
        needed = MEGABYTES_NEEDED_LATER if was_here else MEGABYTES_NEEDED
        free = shutil.disk_usage(self.path).free // 1_000_000
        if free < needed:
            raise LaunchError(f"not enough disk space in {self.path}: {free} MB free, {needed} MB needed")

    def note_database(self, url: str) -> None:
        """`manage.py` finds the database from any shell that knows this folder (settings read the note)."""
        unfinished = self.path / "postgres.dsn.new"
        unfinished.touch(mode=0o600)
        unfinished.write_text(f"{url}\n")
        unfinished.replace(self.path / "postgres.dsn")
