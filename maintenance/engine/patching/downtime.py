"""Downtime is measured, never asserted: while a router is worked on, it is probed from outside all the time."""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

from maintenance.backends.base import CloudError
from maintenance.backends.system_vms import ProbePoint
from maintenance.clock import database_now
from maintenance.engine.hands import Hands
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import Downtime

EVERY_S = 0.05
TIMEOUT_S = 0.25
GAPS_MAX = 20  # kept by name, the longest; all are summed


@dataclass
class Measured:
    """One way's probes. A gap lasts from the last good answer to the next good one, and holds at least one bad one."""

    point: ProbePoint
    probes: int = 0
    failed: int = 0
    gaps_ms: list[float] = field(default_factory=list)
    _last_good: float | None = None
    _is_down: bool = False

    def add(self, at_s: float, is_good: bool) -> None:
        """One probe's answer, at a moment of the monotonic clock."""
        self.probes += 1
        if not is_good:
            self.failed += 1
            self._is_down = True
            return
        if self._is_down and self._last_good is not None:
            self.gaps_ms.append((at_s - self._last_good) * 1000)
        self._last_good, self._is_down = at_s, False

    def end(self, at_s: float) -> None:
        """What is still down when nobody probes any more counts up to now."""
        if self._is_down and self._last_good is not None:
            self.gaps_ms.append((at_s - self._last_good) * 1000)


def answers(point: ProbePoint) -> bool:
    """Whether it answers now, as customers would see it."""
    try:
        with socket.create_connection((point.address, point.port), TIMEOUT_S) as connection:
            if not point.path:
                return True
            connection.settimeout(TIMEOUT_S)
            connection.sendall(f"GET {point.path} HTTP/1.0\r\n\r\n".encode())
            return b" 200 " in connection.recv(64)
    except OSError:
        return False


@contextmanager
def measuring(hands: Hands) -> Iterator[None]:
    """While the block runs, the VM is probed on each way; what was measured is added to the run's rows afterwards.

    A VM whose points cannot be read, or that serves nobody, is not measured. Raises: what the block raises.
    """
    try:
        points = hands.cloud.probe_points(hands.system_vm_id)
    except CloudError:
        points = ()
    began = database_now()
    stop = threading.Event()
    measured = [Measured(point) for point in points]
    threads = [threading.Thread(target=_probe, args=(one, stop), daemon=True) for one in measured]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        if measured:
            _keep(hands, measured, began)


def _probe(measured: Measured, stop: threading.Event) -> None:
    while not stop.is_set():
        began = time.monotonic()
        measured.add(began, answers(measured.point))
        stop.wait(max(0.0, EVERY_S - (time.monotonic() - began)))
    measured.end(time.monotonic())


def _keep(hands: Hands, all_measured: Sequence[Measured], began: datetime) -> None:
    with unit_of_work(ENGINE) as work:
        for measured in all_measured:
            row, _ = Downtime.objects.select_for_update(no_key=True).get_or_create(
                run=hands.run,
                system_vm_id=hands.system_vm_id,
                way=measured.point.way,
                defaults={"interval_ms": int(EVERY_S * 1000), "began_at": began},
            )
            row.probes += measured.probes
            row.failed += measured.failed
            row.down_ms += sum(measured.gaps_ms)
            longest = sorted([*row.gaps, *({"ms": round(ms, 1)} for ms in measured.gaps_ms)], key=_longest)
            row.gaps, row.ended_at = longest[:GAPS_MAX], database_now()
            row.save()
        work.event("step.moved", hands.about, after={"measured": True})


def _longest(gap: dict[str, float]) -> float:
    return -gap["ms"]
