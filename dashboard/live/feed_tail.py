"""The end of the feed, in memory: each new event is read once per process, in commit order, for every log socket."""

import asyncio
import json
import time
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

import structlog

from dashboard.live import database
from maintenance.feed import FEED_CHANNEL

KEPT_MAX = 5_000  # events in memory; a socket further behind than this is told to start afresh
BEFORE_US = 1_000  # of these, at the start: what pages have missed that come back after our restart
READ_AT_ONCE = 500
OLDER_EVERY_S = (
    0.02  # what is no longer in memory is read for one reader at a time, 50 times a second at most
)
FRESH_S = 5.0  # no successful reading for longer: what we know is not the present

log = structlog.get_logger("pitstop.live")

COLUMNS = "seq, at, kind, actor, object, before, after"


@dataclass(frozen=True, slots=True, eq=False)
class ToldEvent:
    """One event as every log socket gets it; only `prev` differs between sockets."""

    prev: int
    seq: int
    rest: str  # the JSON after "prev", closing brace included

    def frame(self, prev: int) -> str:
        return f'{{"type": "event", "prev": {prev}, {self.rest}'


class FeedTail:
    """Follows the feed from the moment it starts. One for each process: `feed_tail()`."""

    def __init__(self) -> None:
        self.head = 0  # the last event there is, as far as we have read
        self._read_at: float | None = None  # monotonic
        self._recent: list[ToldEvent] = []
        self._news: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._started = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._older = asyncio.Lock()

    def begin(self) -> None:
        """It follows the feed as soon as PostgreSQL answers. A second call does nothing."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._follow(), name="feed tail")

    async def start(self, within_s: float = database.POOL_WAIT_S) -> None:
        """It follows, and knows the head. Raises: DatabaseAway."""
        self.begin()
        try:
            async with asyncio.timeout(within_s):
                await self._started.wait()
        except TimeoutError:
            raise database.DatabaseAway("the feed could not be read") from None

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def is_fresh(self) -> bool:
        """Whether the feed was read within the last seconds, so that `head` is the present."""
        return self._read_at is not None and time.monotonic() - self._read_at <= FRESH_S

    def after(self, seq: int) -> Sequence[ToldEvent] | None:
        """The events after `seq`, oldest first; None when some of them are no longer in memory."""
        if seq >= self.head:
            return ()
        if not self._recent or seq < self._recent[0].prev:
            return None
        return self._recent[bisect_right(self._recent, seq, key=lambda event: event.seq) :]

    async def older(self, after: int) -> Sequence[ToldEvent]:
        """The next events after `after` from the table, READ_AT_ONCE at most, for readers who are far behind: they take
        turns, so that many of them at once leave the database to others. Raises: DatabaseAway."""
        async with self._older:
            await asyncio.sleep(OLDER_EVERY_S)
            return await read_events(after)

    async def news(self, within_s: float) -> None:
        """Returns when there is something new, at the latest after `within_s`."""
        await asyncio.wait({self._news}, timeout=within_s)

    def wake(self) -> None:
        """Everybody who waits for news looks again now."""
        news, self._news = self._news, asyncio.get_running_loop().create_future()
        news.set_result(None)

    async def _follow(self) -> None:
        async for _ in database.listen(FEED_CHANNEL):
            try:
                if not self._started.is_set():
                    await self._begin()
                while await self._read_on():
                    pass
                self._read_at = time.monotonic()
            except database.DatabaseAway as reason:
                log.warning("the feed cannot be read", reason=str(reason))

    async def _begin(self) -> None:
        """Reads the newest events once, so that a thousand pages that come back after our restart ask for none."""
        rows = await database.fetch(
            f"SELECT {COLUMNS} FROM maintenance_feedevent ORDER BY seq DESC LIMIT %s", (BEFORE_US + 1,)
        )
        rows.reverse()
        if rows:
            # What came before the oldest event that is kept, nobody knows.
            before = rows.pop(0)["seq"] if len(rows) > BEFORE_US else rows[0]["seq"] - 1
            self._recent = _told(rows, before)
            self.head = self._recent[-1].seq
        self._started.set()

    async def _read_on(self) -> bool:
        """Reads the next events; whether there may be more."""
        found = await read_events(self.head)
        if found:
            self._recent.extend(found)
            del self._recent[:-KEPT_MAX]
            self.head = found[-1].seq
            self.wake()
        return len(found) == READ_AT_ONCE


async def read_events(after: int) -> list[ToldEvent]:
    """The next events after `after` from the table, READ_AT_ONCE at most. Raises: DatabaseAway."""
    rows = await database.fetch(
        f"SELECT {COLUMNS} FROM maintenance_feedevent WHERE seq > %s ORDER BY seq LIMIT %s",
        (after, READ_AT_ONCE),
    )
    return _told(rows, after)


def _told(rows: Sequence[Mapping[str, Any]], after: int) -> list[ToldEvent]:
    """`after`: the event before the first row."""
    found: list[ToldEvent] = []
    for row in rows:
        found.append(ToldEvent(prev=found[-1].seq if found else after, seq=row["seq"], rest=_rest(row)))
    return found


def _rest(row: Mapping[str, Any]) -> str:
    return json.dumps({**row, "at": rfc3339(row["at"])})[1:]


def rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


_per_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, FeedTail] = WeakKeyDictionary()
_latest: list[FeedTail] = []


def feed_tail() -> FeedTail:
    """This process's tail (one for each event loop, and a server has one)."""
    loop = asyncio.get_running_loop()
    if loop not in _per_loop:
        _per_loop[loop] = FeedTail()
        _latest[:] = [_per_loop[loop]]
    return _per_loop[loop]


def last_read() -> int | None:
    """The last event this process has read, or None when nobody here follows the feed. Callable from any thread."""
    return _latest[0].head if _latest and _latest[0].is_fresh() else None
