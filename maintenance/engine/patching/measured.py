"""What probes of one way make of their answers: time without one, from the last good answer to the next good one."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from maintenance.backends.system_vms import ProbePoint
from maintenance.models import Downtime

GAPS_MAX = 20  # kept by name, the longest; all are summed
HOLE_S = 1.0  # nobody probed for longer than this: measuring was interrupted


@dataclass
class Measured:
    """One way's probes, from the first step that is measured to the last, whoever probes. Times are seconds of the
    database's clock. A gap holds at least one bad answer; without a good one before it, it is not ours, and counts
    nothing."""

    point: ProbePoint
    probes: int = 0
    failed: int = 0
    closed_ms: float = 0.0  # of all gaps that are over
    gaps: list[dict[str, Any]] = field(default_factory=list)  # those that are over, the longest first
    interrupted: int = 0
    was_down_before: bool = False
    last_good_s: float | None = None
    last_probe_s: float | None = None
    is_down: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def going_on(cls, point: ProbePoint, row: Downtime, *, attempt: int) -> "Measured":
        """As the row was left. A gap goes on until somebody sees a good answer. A new attempt begins anew where nothing
        was down: nobody probed in between, and nothing was done."""
        is_down = row.open_ms > 0
        goes_on = is_down or row.attempt == attempt
        return cls(
            point,
            probes=row.probes,
            failed=row.failed,
            closed_ms=row.down_ms - row.open_ms,
            gaps=[gap for gap in row.gaps if not gap.get("open")],
            interrupted=row.interrupted,
            was_down_before=row.was_down_before,
            last_good_s=_seconds(row.last_good_at) if goes_on else None,
            last_probe_s=_seconds(row.last_probe_at) if goes_on else None,
            is_down=is_down,
        )

    def add(self, at_s: float, is_good: bool) -> None:
        """One probe's answer."""
        with self._lock:
            if self.last_probe_s is not None and at_s - self.last_probe_s > HOLE_S:
                self.interrupted += 1
            self.probes += 1
            self.last_probe_s = at_s
            if not is_good:
                self.failed += 1
                self.is_down = True
                return
            if self.is_down and self.last_good_s is not None:
                self.closed_ms += (at_s - self.last_good_s) * 1000
                self.gaps = _longest([*self.gaps, _gap(self.last_good_s, at_s)])
            self.last_good_s, self.is_down = at_s, False

    @property
    def open_ms(self) -> float:
        """The gap that is not over, up to the last probe."""
        if not self.is_down or self.last_good_s is None or self.last_probe_s is None:
            return 0.0
        return (self.last_probe_s - self.last_good_s) * 1000

    @property
    def down_ms(self) -> float:
        """Everything, also what still lasts."""
        return self.closed_ms + self.open_ms

    def columns(self) -> Mapping[str, Any]:
        """What the row is to say."""
        with self._lock:
            still = [_gap(self.last_good_s, self.last_probe_s) | {"open": True}] if self.open_ms else []
            return {
                "probes": self.probes,
                "failed": self.failed,
                "down_ms": self.down_ms,
                "open_ms": self.open_ms,
                "gaps": _longest([*self.gaps, *still]),
                "interrupted": self.interrupted,
                "was_down_before": self.was_down_before,
                "last_good_at": _time(self.last_good_s),
                "last_probe_at": _time(self.last_probe_s),
            }


def _longest(gaps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(gaps, key=lambda gap: -gap["ms"])[:GAPS_MAX]


def _gap(from_s: float | None, to_s: float | None) -> dict[str, Any]:
    began, ended = _time(from_s), _time(to_s)
    assert began is not None
    assert ended is not None
    return {
        "from": began.isoformat(),
        "to": ended.isoformat(),
        "ms": round((ended - began).total_seconds() * 1000, 1),
    }


def _time(at_s: float | None) -> datetime | None:
    return None if at_s is None else datetime.fromtimestamp(at_s, UTC)


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()
