"""How a script ended, as it is kept in the ticket's folder and read back."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

from maintenance.hooks.inert import InertReader, inert, whole_characters

__all__ = [
    "HookEnd",
    "HookResult",
    "InertReader",
    "ResultRefused",
    "inert",
    "read_result",
    "whole_characters",
]

RESULT_MAX_BYTES = 64 * 1024


class HookEnd(StrEnum):
    """Why the script is not running any more. What that means for the host, `domain.outcomes.judge` says."""

    EXITED = "exited"
    TIMED_OUT = "timed_out"
    STOPPED = "stopped"
    REFUSED = "refused"
    LOST = "lost"


class ResultRefused(Exception):
    """This result does not belong to this ticket, this script and this start, or cannot be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookResult:
    """One script's end. `exited` has an exit status or, when a signal ended it, that signal, never both.

    `duration_s` is by the monotonic clock. `strays` are the processes the script left behind, ended with it;
    `detail` is a sentence for people, empty when there is nothing to add.
    """

    end: HookEnd
    exit_status: int | None
    signal: int | None
    started_at: datetime
    finished_at: datetime
    duration_s: float
    bytes_total: int
    strays: tuple[str, ...] = ()
    detail: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; `from_json` gives the same result back."""
        return {
            "end": self.end.value,
            "exit_status": self.exit_status,
            "signal": self.signal,
            "started_at": self.started_at.isoformat(),
            "finished_at": self.finished_at.isoformat(),
            "duration_s": self.duration_s,
            "bytes_total": self.bytes_total,
            "strays": list(self.strays),
            "detail": self.detail,
        }

    @classmethod
    def from_json(cls, values: object) -> "HookResult":
        """Raises: ResultRefused, when a value is missing or of the wrong kind."""
        if not isinstance(values, dict):
            raise ResultRefused("The result is not a JSON object.")
        try:
            return cls(
                end=HookEnd(values["end"]),
                exit_status=_whole(values["exit_status"], top=255),
                signal=_whole(values["signal"], top=127),
                started_at=_moment(values["started_at"]),
                finished_at=_moment(values["finished_at"]),
                duration_s=float(values["duration_s"]),
                bytes_total=int(values["bytes_total"]),
                strays=tuple(str(stray) for stray in values["strays"]),
                detail=str(values["detail"]),
            )
        except (KeyError, TypeError, ValueError) as problem:
            raise ResultRefused(f"The result cannot be read: {problem!r}.") from problem


def read_result(path: Path, *, ticket: str, digest: str, nonce_digest: str) -> HookResult:
    """The result in `path`, when it is this ticket's, of this script and of this very start.

    The nonce was known to the runner only: a script that writes a result of its own is not believed.
    Raises: ResultRefused; FileNotFoundError, when there is none.
    """
    try:
        with path.open("rb") as file:
            values = json.loads(file.read(RESULT_MAX_BYTES))
    except ValueError as problem:
        raise ResultRefused(f"The result is not JSON: {problem}.") from problem
    result = HookResult.from_json(values)
    if values.get("ticket") != ticket:
        raise ResultRefused("The result is another ticket's.")
    if values.get("digest") != digest:
        raise ResultRefused("The result is another script's.")
    if sha256(str(values.get("nonce")).encode()).hexdigest() != nonce_digest:
        raise ResultRefused("The result was not written by the runner of this start.")
    return result


def _whole(value: object, *, top: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= top:
        raise ValueError(f"{value!r} is not a number from 0 to {top}")
    return value


def _moment(value: object) -> datetime:
    moment = datetime.fromisoformat(str(value))
    if moment.tzinfo is None:
        raise ValueError(f"{value!r} has no time zone")
    return moment.astimezone(UTC)
