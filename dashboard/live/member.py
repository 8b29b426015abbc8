"""One open page at the hub's end of its socket."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from dashboard.live.frames import Frame, merged
from dashboard.live.wire import Write, never

log = structlog.get_logger("pitstop.live")

type Send = Callable[[str], Awaitable[None]]


class Member:
    """One open page. Frames go out in order; while one is on its way, later ones are merged."""

    def __init__(
        self,
        topic: str,
        role: str,
        send: Send,
        abort: Callable[[], None],
        clouds: frozenset[str] = frozenset(),
        write: Write = never,
    ) -> None:
        """`clouds`: the only ones whose ages it is told; empty for all of them."""
        self.topic, self.role, self.clouds = topic, role, clouds
        self._send, self._abort, self._write = send, abort, write
        self.has_joined = False
        self._busy_since: float | None = None
        self._waiting: Frame | None = None

    def push(self, frame: Frame) -> None:
        if self._busy_since is not None:
            self._waiting = merged(self._waiting, frame)
        elif not self._write(frame.wire):
            self._send_soon(frame.text)

    def beat(self, text: str, wire: bytes) -> None:
        """A heartbeat, and how it travels. One that had to wait would be old: the next one comes soon."""
        if self._busy_since is None and not self._write(wire):
            self._send_soon(text)

    def _send_soon(self, text: str) -> None:
        """Runs at once; becomes a task only when the socket's buffer is full."""
        task = asyncio.Task(self._send_quietly(text), loop=asyncio.get_running_loop(), eager_start=True)
        if not task.done():
            self._busy_since = time.monotonic()
            task.add_done_callback(self._unblocked)

    async def _send_quietly(self, text: str) -> None:
        try:
            await self._send(text)
        except OSError:
            self._waiting = None  # it has left; its own task takes it out

    def _unblocked(self, task: asyncio.Task[None]) -> None:
        self._busy_since = None
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not task.cancelled():
            self.push(waiting)

    def cut_if_stuck(self, after_s: float) -> None:
        """Aborted, not closed: a polite close would wait behind everything it does not read."""
        if self._busy_since is not None and time.monotonic() - self._busy_since > after_s:
            log.info("a socket that does not drain is cut off", topic=self.topic)
            self._abort()
