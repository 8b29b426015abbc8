"""Pages and log readers that lose their socket and come back, as static/js/live/socket.js does: with full jitter.

Each notes everything that a judge needs: what it shows, where in the feed it is, and every gap it met.
"""

import asyncio
import json
import random
import time
from typing import Any

from bench.sockets import NotOpened, Socket, open_socket

RETRY_MIN_S, RETRY_MAX_S, ASK_AGAIN_S = 0.3, 10.0, 2.0
FOR_EVER = (4401, 4403)  # log in; not yours: nobody comes back after these


class Reader:
    """Holds a socket for ever. `live_at`: since when it is up to date again; None: it is not."""

    def __init__(self, port: int, path: str, cookie: str) -> None:
        self.live_at: float | None = None
        self.place: int | None = None  # the last event it knows of
        self.refusals: list[str] = []  # by the server, while it was there
        self._port, self._path, self._cookie = port, path, cookie
        self._failures = 0

    async def hold(self) -> None:
        while True:
            try:
                socket = await open_socket(self._port, self._where(), self._cookie, self._heard)
                code = await socket.closed
                if code is not None:
                    self.refusals.append(f"closed with {code}")
                if code in FOR_EVER:
                    return
            except NotOpened as reason:
                if str(reason):
                    self.refusals.append(str(reason).splitlines()[0])
            except (OSError, TimeoutError):
                pass  # nobody listens there just now
            self.live_at = None
            self._failures += 1
            most = min(RETRY_MAX_S, RETRY_MIN_S * 2**self._failures)
            await asyncio.sleep(RETRY_MIN_S + random.random() * (most - RETRY_MIN_S))

    def _where(self) -> str:
        joint = "&" if "?" in self._path else "?"
        return self._path if self.place is None else f"{self._path}{joint}after={self.place}"

    def _heard(self, socket: Socket, text: bytes) -> None:
        self._failures = 0
        self.hear(socket, json.loads(text))

    def hear(self, socket: Socket, frame: dict[str, Any]) -> None:
        raise NotImplementedError

    def _is_live(self) -> None:
        if self.live_at is None:
            self.live_at = time.monotonic()


class Page(Reader):
    """`shows`: the HTML of each element. `gaps`: how often a frame did not follow on the one before."""

    def __init__(self, port: int, topic: str, cookie: str) -> None:
        super().__init__(port, f"/ws/live/?topic={topic}", cookie)
        self.topic = topic
        self.shows: dict[str, str | None] = {}
        self.gaps = 0
        self.resyncs = 0  # snapshots without a known number of changes, after the first
        self._head = 0  # the feed's, as the last heartbeat said
        self._asked_at = 0.0

    def has_all(self, head: int) -> bool:
        """Whether the last heartbeat said that this page has everything up to the feed's head."""
        return self._head >= head and self.live_at is not None

    def hear(self, socket: Socket, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "heartbeat":
                if frame["seq"] == self.place:
                    self._head = frame["head"]
                else:
                    self._ask(socket)
                return
            case "delta" if frame["prev"] != self.place:
                self._ask(socket)
                return
            case "snapshot":
                self.resyncs += self.place is not None and frame["changes"] == 0
        self.place = frame["seq"]
        self.shows |= frame.get("parts", {})
        self._is_live()

    def _ask(self, socket: Socket) -> None:
        self.gaps += 1
        if time.monotonic() - self._asked_at > ASK_AGAIN_S:
            self._asked_at = time.monotonic()
            socket.send("snapshot")


class Log(Reader):
    """`seqs`: every event it was told, in its order."""

    def __init__(self, port: int, after: int, cookie: str) -> None:
        super().__init__(port, "/ws/events/", cookie)
        self.place = after
        self.seqs: list[int] = []
        self.gaps = 0

    def hear(self, socket: Socket, frame: dict[str, Any]) -> None:
        match frame["type"]:
            case "event":
                self.gaps += frame["prev"] != self.place
                self.seqs.append(frame["seq"])
                self.place = frame["seq"]
            case "resync":
                self.gaps += 1
                self.place = frame["head"]
            case "heartbeat" if self.place == frame["head"]:
                self._is_live()
