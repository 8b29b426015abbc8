"""Two hundred who watch a fleet roll: nine of ten have a page open, one keeps a log of every event."""

import asyncio
import re
import threading
import time
from array import array
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from bench.sockets import Socket, drop_all, log_in, open_socket
from bench.stack import percentile
from dashboard.live.audience import Audience
from dashboard.live.touched import touched
from maintenance.models import FeedEvent

ROLE = "viewer"
PEOPLE = 8  # one person may hold only so many sockets
LOGS_OF = 10  # every so many
PAGES = ("overview", "runs", "hosts", "run:{run}", "timeline")
SEQ = re.compile(rb'"seq":\s?(\d+)')
PREV = re.compile(rb'"prev":\s?(\d+)')


@dataclass
class Watcher:
    """One viewer. `topic`: None for a log. `at`, `seq`: when it knew everything up to where."""

    topic: str | None
    at: array[float] = field(default_factory=lambda: array("d"))
    seq: array[int] = field(default_factory=lambda: array("q"))
    heard_bytes: int = 0
    known: int = 0
    gaps: int = 0
    asked_at: float = 0.0

    def hear(self, socket: Socket, text: bytes) -> None:
        now = time.time()
        self.heard_bytes += len(text)
        kind = text[:40]
        if b"heartbeat" in kind:
            return
        found = SEQ.search(text, 0, 200)
        if found is None:
            return  # a resync; the close that follows is counted
        seq = int(found[1])
        before = PREV.search(text, 0, 200)
        if before is not None and self.known and int(before[1]) != self.known:
            self.gaps += 1
            if self.topic is not None and now - self.asked_at > 2:
                self.asked_at = now
                socket.send("snapshot")
        self.known = seq
        self.at.append(now)
        self.seq.append(seq)


class Watchers:
    """`start` opens all sockets; `lag` is asked when they have stopped."""

    def __init__(self, port: int, count: int) -> None:
        self._port, self._count = port, count
        self._cookies = log_in(PEOPLE, ROLE)
        self._watchers: list[Watcher] = []
        self._closed: Counter[str] = Counter()
        self._sockets: list[Socket] = []
        self._are_open = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def start(self, run: UUID) -> None:
        """All are there when this returns. Raises: whatever kept one away."""
        pages = [page.format(run=run) for page in PAGES]
        for number in range(self._count):
            topic = None if number % LOGS_OF == 0 else pages[number % len(pages)]
            self._watchers.append(Watcher(topic))
        self._thread = threading.Thread(target=self._run, name="watchers", daemon=True)
        self._thread.start()
        assert self._are_open.wait(120), "not all viewers came in"
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(60)

    def lag(self, since: float, until: float) -> dict[str, Any]:
        """Of events committed in this time: seconds from then until a viewer had them, over all viewers."""
        moments = [datetime.fromtimestamp(moment, UTC) for moment in (since, until - 5)]
        columns = ("seq", "at", "kind", "object", "before", "after")
        rows = FeedEvent.objects.filter(at__range=moments).order_by("seq").values_list(*columns)
        events: list[tuple[int, float]] = []
        concerning: dict[str, list[tuple[int, float]]] = {w.topic: [] for w in self._watchers if w.topic}
        audiences = {topic: Audience(topic, ROLE, 0) for topic in concerning}
        for seq, at, kind, about, before, after in rows.iterator(chunk_size=2000):
            event = (seq, at.timestamp())
            events.append(event)
            parts = set(touched(kind, about, before or {}, after or {}))
            for topic, page in audiences.items():
                if any(page.follows(part) for part in parts):
                    concerning[topic].append(event)
        by_topic: dict[str, list[float | None]] = {}
        for watcher in self._watchers:
            mine = events if watcher.topic is None else concerning[watcher.topic]
            by_topic.setdefault(watcher.topic or "logs", []).extend(lags(watcher, mine))
        logs = by_topic.pop("logs")
        kinds = {topic.partition(":")[0]: figures(found) for topic, found in by_topic.items()}
        pages = [lag for found in by_topic.values() for lag in found]
        return {"logs": figures(logs), "pages": figures(pages), "by_page": kinds}

    def told(self) -> dict[str, Any]:
        """How much they got."""
        pages = [w for w in self._watchers if w.topic is not None]
        logs = [w for w in self._watchers if w.topic is None]
        return {
            "pages": len(pages),
            "logs": len(logs),
            "frames_of_a_page_mean": round(sum(len(w.seq) for w in pages) / len(pages)),
            "mb_of_a_page_mean": round(sum(w.heard_bytes for w in pages) / len(pages) / 1e6, 1),
            "events_of_a_log": sorted({len(w.seq) for w in logs}),
            "gaps": sum(w.gaps for w in self._watchers),
            "closed_before_the_end": dict(self._closed),
        }

    # ---- in the thread -----------------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._watch())
        except BaseException as reason:
            self._failure = reason
        finally:
            self._are_open.set()
            self._loop.close()

    async def _watch(self) -> None:
        for number, watcher in enumerate(self._watchers):
            path = "/ws/events/" if watcher.topic is None else f"/ws/live/?topic={watcher.topic}"
            cookie = self._cookies[number % len(self._cookies)]
            self._sockets.append(await open_socket(self._port, path, cookie, watcher.hear))
        self._are_open.set()
        await self._over.wait()
        self._closed.update(str(s.closed.result()) for s in self._sockets if s.closed.done())
        await drop_all(self._sockets)


def lags(watcher: Watcher, events: list[tuple[int, float]]) -> list[float | None]:
    """For each event, how long until the viewer knew of it, or of something later. None: it never did."""
    found: list[float | None] = []
    for seq, committed in events:
        index = bisect_left(watcher.seq, seq)
        found.append(max(0.0, watcher.at[index] - committed) if index < len(watcher.seq) else None)
    return found


def figures(all_: list[float | None]) -> dict[str, Any]:
    found = [lag for lag in all_ if lag is not None]
    if not found:
        return {"measured": 0, "never": len(all_)}
    return {
        "measured": len(found),
        "never": len(all_) - len(found),
        "p50_s": round(percentile(found, 0.5), 3),
        "p99_s": round(percentile(found, 0.99), 3),
        "max_s": round(max(found), 3),
    }
