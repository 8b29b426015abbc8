"""One ticket's folder under var/hooks: claimed once for ever, told apart as running, finished or lost.

lock          held (flock) by the starter, then by the runner, until it ends; free and no `runner`: it never began
request.json  which script, which digest, and the digest of a nonce that only starter and runner know
runner        who runs it: pid and start time
output        head and tail of what the script printed (`detached/output_file.py`)
stop          why somebody wants it to end
result.json   how it ended; without it and without a lock holder the outcome is unknown
"""

import errno
import fcntl
import json
import os
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from maintenance.hooks.detached.output_file import FILE_BYTES
from maintenance.hooks.processes import Process
from maintenance.hooks.results import RESULT_MAX_BYTES, HookResult, ResultRefused, read_result

UNCLAIMED_PREFIX = ".new-"
LOOKERS_S = 0.2


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for under the ticket, as far as it is kept."""

    ticket: str
    stage: str
    script: str
    digest: str
    nonce_digest: str
    boot_id: str = ""  # of this machine when it was asked


class TicketFolder:
    """The files of one ticket. Exists from the moment somebody claimed it."""

    def __init__(self, root: Path, ticket: str) -> None:
        self.root = root
        self.ticket = ticket
        self.path = root / ticket

    def exists(self) -> bool:
        """Whether the ticket was ever claimed."""
        return self.path.is_dir()

    def claim(self, *, stage: str, script: str, digest: str, nonce: str) -> int | None:
        """Make the folder, whole and at once; of all who try, one gets the held lock (its descriptor), once.

        None: somebody has claimed the ticket before. Room for output and result is taken here: a full disk is
        found before anything runs. Raises: OSError.
        """
        request = self._request_for(stage=stage, script=script, digest=digest, nonce=nonce)
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        unclaimed = Path(tempfile.mkdtemp(prefix=UNCLAIMED_PREFIX, dir=self.root))
        lock = os.open(unclaimed / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            _take_room(unclaimed / "output", FILE_BYTES)
            _take_room(unclaimed / "result.new", RESULT_MAX_BYTES)
            (unclaimed / "request.json").write_text(request)
            unclaimed.rename(self.path)
        except OSError as problem:
            os.close(lock)
            shutil.rmtree(unclaimed, ignore_errors=True)
            if problem.errno in (errno.EEXIST, errno.ENOTEMPTY):
                return None
            raise
        return lock

    def claim_again(self, *, stage: str, script: str, digest: str, nonce: str) -> int | None:
        """Take over a ticket whose starter died before its runner lived: the script never began.

        The held lock (its descriptor), for one of all who try; None when it began, ended or is somebody else's.
        Raises: OSError.
        """
        if self.has_begun() or (lock := self._take_lock()) is None:
            return None
        try:
            # Asked again now that nobody else can begin it.
            if self.has_begun():
                os.close(lock)
                return None
            request = self._request_for(stage=stage, script=script, digest=digest, nonce=nonce)
            fd, name = tempfile.mkstemp(prefix="request-", dir=self.path)
            with os.fdopen(fd, "w") as file:
                file.write(request)
            Path(name).rename(self.path / "request.json")
        except OSError:
            os.close(lock)
            raise
        return lock

    def has_begun(self) -> bool:
        """Whether the script began, or may have. A runner says that it lives before it starts anything; after a
        reboot of this machine that may have been lost, so that nothing is certain."""
        if (self.path / "runner").exists() or (self.path / "result.json").exists():
            return True
        try:
            asked_since = self._request().boot_id
            return not asked_since or asked_since != boot_id()
        except (FileNotFoundError, ResultRefused):
            return True

    def never_begin(self) -> None:
        """Whoever looks takes the script for begun, so that it is not started any more."""
        (self.path / "runner").touch()

    def make_durable(self) -> None:
        """After a power cut the ticket is still claimed."""
        fd = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def is_running(self) -> bool:
        """Whether the starter or the runner lives. Its lock tells, and its process, where one is known."""
        if not self._lock_is_held():
            return False
        runner = self.runner()
        return runner is None or runner.is_alive()

    def runner(self) -> Process | None:
        """The runner's process, living or not; None as long as it has not announced itself."""
        try:
            pid, started_ticks = (self.path / "runner").read_text().split()
            return Process(int(pid), int(started_ticks))
        except (OSError, ValueError):
            return None

    def result(self) -> HookResult | None:
        """How it ended; None when that was never written. Raises: ResultRefused."""
        try:
            request = self._request()
            return read_result(
                self.path / "result.json",
                ticket=self.ticket,
                digest=request.digest,
                nonce_digest=request.nonce_digest,
            )
        except FileNotFoundError:
            return None

    def write_result(self, result: HookResult, *, nonce: str) -> None:
        """A result of the starter's own, for a script that never began."""
        values = {"ticket": self.ticket, "digest": self._request().digest, "nonce": nonce, **result.to_json()}
        written = self.path / "result.new"
        written.write_text(json.dumps(values))
        written.rename(self.path / "result.json")

    def ask_to_stop(self, reason: str) -> None:
        """Leave the wish to stop where the runner looks for it. The first reason stands."""
        fd, name = tempfile.mkstemp(prefix="stop-", dir=self.path)
        with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(reason or "no reason was given")
        try:
            (self.path / "stop").hardlink_to(name)
        except FileExistsError:
            return
        finally:
            Path(name).unlink()

    def why_lost(self) -> str:
        """The last words of the runner, for people."""
        try:
            words = (self.path / "runner.log").read_text(errors="backslashreplace").strip().splitlines()
        except OSError:
            words = []
        return "; ".join(["The runner ended without a result", *words[-1:]])

    def _take_lock(self) -> int | None:
        """The lock, ours; None while somebody has it. Those who only look have it for an instant."""
        lock = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        deadline = time.monotonic() + LOOKERS_S
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    os.close(lock)
                    return None
                time.sleep(0.005)
            else:
                return lock

    def _lock_is_held(self) -> bool:
        try:
            lock = os.open(self.path / "lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def _request_for(self, *, stage: str, script: str, digest: str, nonce: str) -> str:
        nonce_digest = sha256(nonce.encode()).hexdigest()
        return json.dumps(asdict(Request(self.ticket, stage, script, digest, nonce_digest, boot_id())))

    def _request(self) -> Request:
        try:
            return Request(**json.loads((self.path / "request.json").read_text()))
        except (ValueError, TypeError) as problem:
            raise ResultRefused(
                f"The request of ticket {self.ticket} cannot be read: {problem}."
            ) from problem


@cache
def boot_id() -> str:
    """Another one after each boot of this machine; empty where the kernel does not tell."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _take_room(path: Path, size: int) -> None:
    with path.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, size)
