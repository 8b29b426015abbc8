"""How the script ended, gathered while it happens; written so that it is there whole or not at all."""

import posix
import time
from _json import encode_basestring_ascii as quoted

from .job import Job

STRAYS_MAX = 20
DETAIL_MAX_CHARACTERS = 2000


class Ending:
    """The first decision stands: a script that was told to end does not become a good one by obeying."""

    def __init__(self) -> None:
        self.end = "exited"
        self.strays: list[str] = []
        self._words: list[str] = []
        self._started = self._finished = time.time()
        self._began = time.monotonic()
        self._duration_s = 0.0
        self._exit_status: int | None = None
        self._signal: int | None = None

    @property
    def is_decided(self) -> bool:
        """Whether we ended the script, or never began it."""
        return self.end != "exited"

    def begin(self) -> None:
        """The script starts now."""
        self._started = self._finished = time.time()
        self._began = time.monotonic()

    def decide(self, end: str, words: str) -> None:
        """Timed out, stopped or refused, and why."""
        if not self.is_decided:
            self.end = end
        self.add(words)

    def add(self, words: str) -> None:
        """One more thing people should know."""
        if words:
            self._words.append(words)

    def finish(self, status: int) -> None:
        """The script's own process ended now, with this wait status."""
        self._finished = time.time()
        self._duration_s = time.monotonic() - self._began
        if posix.WIFSIGNALED(status):
            self._signal = posix.WTERMSIG(status)
        else:
            self._exit_status = posix.WEXITSTATUS(status)

    def as_json(self, job: Job, bytes_total: int) -> bytes:
        """The result file's text. By hand: importing json takes longer than most scripts' own overhead."""
        strays = self.strays[:STRAYS_MAX]
        if len(self.strays) > STRAYS_MAX:
            strays.append(f"and {len(self.strays) - STRAYS_MAX} more")
        fields = {
            "ticket": quoted(job.ticket),
            "digest": quoted(job.digest),
            "nonce": quoted(job.nonce),
            "end": quoted(self.end),
            "exit_status": _number(self._exit_status),
            "signal": _number(self._signal),
            "started_at": quoted(_moment(self._started)),
            "finished_at": quoted(_moment(self._finished)),
            "duration_s": f"{self._duration_s:.6f}",
            "bytes_total": str(bytes_total),
            "strays": "[" + ", ".join(quoted(stray) for stray in strays) + "]",
            "detail": quoted("; ".join(self._words)[:DETAIL_MAX_CHARACTERS]),
        }
        return ("{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}\n").encode()


def write_result(folder: str, text: bytes) -> None:
    """The result is on the disk under its name afterwards, whole.

    `result.new` was given its room by the starter, so that a disk that the script filled cannot lose it.
    """
    fd = posix.open(folder + "/result.new", posix.O_WRONLY | posix.O_CREAT | posix.O_CLOEXEC, 0o600)
    posix.write(fd, text)
    posix.ftruncate(fd, len(text))
    posix.fsync(fd)
    posix.close(fd)
    posix.rename(folder + "/result.new", folder + "/result.json")
    fd = posix.open(folder, posix.O_RDONLY | posix.O_CLOEXEC)
    posix.fsync(fd)
    posix.close(fd)


def _number(value: int | None) -> str:
    return "null" if value is None else str(value)


def _moment(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1_000_000):06d}+00:00"
