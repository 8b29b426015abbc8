"""Downtime is measured, never asserted: while a router is worked on, it is probed from outside all the time.

Every step of a way is measured by itself; its rows hold where it ended, so that the next step, or another engine, goes
on there. They are written while it is measured: an engine that is killed takes nothing along but the last moment.
"""

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psycopg
import structlog
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection
from django.db.models import F

from maintenance.backends.base import CloudError
from maintenance.backends.system_vms import ProbePoint
from maintenance.clock import database_now
from maintenance.engine.claim import LostLease, check_claim
from maintenance.engine.hands import Hands
from maintenance.engine.patching.measured import Measured
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import Downtime

log = structlog.get_logger(__name__)

TIMEOUT_S = 0.25
LOOK_EVERY_S = 0.02  # while an answer is awaited: whether it can still come
KEEP_EVERY_S = 0.5
FIRST_PROBES = 3  # all of them bad: it was down before anything was changed


def answers(point: ProbePoint) -> bool:
    """Whether it answers now, as customers would see it: within TIMEOUT_S, and by whom it was asked."""
    ends = time.monotonic() + TIMEOUT_S
    try:
        asked = _reached_at(point)
        if asked is None:
            return False
        with socket.create_connection(asked, TIMEOUT_S) as connection:
            if not point.path:
                return True
            connection.sendall(f"GET {point.path} HTTP/1.0\r\n\r\n".encode())
            connection.settimeout(LOOK_EVERY_S)
            while time.monotonic() < ends:
                with suppress(TimeoutError):
                    return b" 200 " in connection.recv(64)
                if _reached_at(point) != asked:
                    return False  # its neighbours send elsewhere by now: no answer comes any more
    except OSError:
        return False
    return False


def _reached_at(point: ProbePoint) -> tuple[str, int] | None:
    return (point.address, point.port) if point.via is None else point.via()


@contextmanager
def measuring(hands: Hands) -> Iterator[None]:
    """While the block runs, the router is probed on each way, from before its first line on.

    A VM that serves nobody is not measured; of one whose points cannot be read, they are asked for again and again.
    Raises: what the block raises, LostLease.
    """
    probing = Probing(hands)
    try:
        probing.begin()
        yield
    finally:
        probing.end()


@dataclass
class Probing:
    """A thread for each way, and one that keeps what they found."""

    hands: Hands
    _measured: Sequence[Measured] = ()
    _threads: list[threading.Thread] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _ahead_s: float = 0.0  # of this machine's monotonic clock: the database's

    def begin(self) -> None:
        """Every way was probed, and is probed on. Raises: LostLease."""
        before = time.monotonic()
        now = database_now().timestamp()
        self._ahead_s = now - (before + time.monotonic()) / 2
        points = self._points()
        if points:
            self._look_at(points, is_in_time=True)
            self._keep(is_over=False)
        if points is None or points:
            self._start(self._keep_on, bool(points))

    def end(self) -> None:
        """Nobody probes any more, and all that was found is kept; not by whom the step was taken from."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        with suppress(LostLease):
            self._keep(is_over=True)
        if not self._measured:
            self._note_hole()

    def _points(self) -> Sequence[ProbePoint] | None:
        try:
            return self.hands.cloud.probe_points(self.hands.system_vm_id)
        except CloudError as reason:
            log.info("points to probe cannot be read", target=self.hands.target.name, reason=str(reason))
            return None

    def _look_at(self, points: Sequence[ProbePoint], *, is_in_time: bool) -> None:
        """They are probed from now on; their first answers are there. `is_in_time`: before the step did anything."""
        rows = {
            row.way: row
            for row in Downtime.objects.filter(run=self.hands.run, system_vm_id=self.hands.system_vm_id)
        }
        attempt = self.hands.target.attempt
        seen = [threading.Event() for _ in points]
        self._measured = [
            Measured.going_on(point, rows[point.way], attempt=attempt)
            if point.way in rows
            else Measured(point)
            for point in points
        ]
        for measured, first_seen in zip(self._measured, seen, strict=True):
            self._start(self._probe, measured, first_seen)
        for first_seen in seen:
            first_seen.wait(FIRST_PROBES * (TIMEOUT_S + settings.DOWNTIME_PROBE_EVERY_S))
        for measured in self._measured:
            if measured.point.way not in rows:
                measured.was_down_before = is_in_time and measured.last_good_s is None
                measured.interrupted += not is_in_time

    def _probe(self, measured: Measured, first_seen: threading.Event) -> None:
        already = measured.probes
        while not self._stop.is_set():
            began = time.monotonic()
            is_good = answers(measured.point)
            measured.add(began + self._ahead_s, is_good)
            if is_good or measured.probes - already >= FIRST_PROBES:
                first_seen.set()
            self._stop.wait(max(0.0, settings.DOWNTIME_PROBE_EVERY_S - (time.monotonic() - began)))

    def _keep_on(self, has_points: bool) -> None:
        """Until it ends, or the step is somebody else's."""
        try:
            while not self._stop.wait(KEEP_EVERY_S):
                try:
                    if not has_points and (points := self._points()) is not None:
                        has_points = True
                        self._look_at(points, is_in_time=False)
                    self._keep(is_over=False)
                except (DatabaseError, psycopg.Error) as reason:
                    log.warning("what was measured is kept later", reason=str(reason).strip())
                finally:
                    connection.close()
        except LostLease:
            return

    def _note_hole(self) -> None:
        """This step was not measured at all, where another had been: an engine was killed in it, and now there is
        nothing left to ask for points."""
        rows = Downtime.objects.filter(
            run=self.hands.run, system_vm_id=self.hands.system_vm_id, ended_at=None
        )
        rows.update(ended_at=database_now(), interrupted=F("interrupted") + 1)

    def _keep(self, *, is_over: bool) -> None:
        """The rows say what was found so far. Raises: LostLease; then nothing was written."""
        if not self._measured:
            return
        hands = self.hands
        with unit_of_work(ENGINE) as work:
            check_claim(hands.claim)
            now = database_now()
            for measured in self._measured:
                changes = {
                    **measured.columns(),
                    "interval_ms": max(1, round(settings.DOWNTIME_PROBE_EVERY_S * 1000)),
                    "attempt": hands.target.attempt,
                    "ended_at": now if is_over else None,
                }
                Downtime.objects.update_or_create(
                    run=hands.run,
                    system_vm_id=hands.system_vm_id,
                    way=measured.point.way,
                    defaults=changes,
                    create_defaults={**changes, "began_at": now},
                )
            if is_over:
                work.event("step.moved", hands.about, after={"measured": True})

    def _start(self, what: object, *arguments: object) -> None:
        assert callable(what)
        thread = threading.Thread(target=what, args=arguments, daemon=True, name="probing")
        self._threads.append(thread)
        thread.start()
