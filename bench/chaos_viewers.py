"""Who watches a chaos run: programs that keep a log of every event, and open pages. Whatever dies, they come back.

A log goes on after the last event it has, as docs/api.md tells programs to; a page does as the page's own script does.
At the end each log must be the event table from where it began, and each page must know of everything that concerns it.
"""

import asyncio
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import TextIOBase
from pathlib import Path
from typing import Any

from knox.models import get_token_model
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from bench.stack import wait_for
from dashboard.live.audience import Audience
from dashboard.live.feed_tail import rfc3339
from dashboard.live.touched import touched
from dashboard.models import User
from maintenance.models import FeedEvent

AWAY = (OSError, TimeoutError, EOFError, ConnectionClosed, InvalidHandshake)
BACK_AFTER_S = (0.1, 0.6)
ASK_AGAIN_S = 2.0  # a page that misses something asks for it, not more often
NAP_S = 20.0  # longer than the web process waits for an answer to its pings
NAP_AFTER = 100  # events
SAME_AT_LAST_WITHIN_S = 60.0
SHUT_OUT = {4401, 4403, 1008}  # no fault of ours may make a web process say so
ROLE = "viewer"  # and the name of the one that is seeded
TOPICS = ("overview", "timeline", "hosts", "runs", "needs")


@dataclass
class EventLog:
    """One program's log: a file with a line for each event. `began_after`, `position`: numbers in the feed."""

    path: Path
    began_after: int
    naps: bool = False  # now and then it reads nothing for a while, as a laptop that sleeps
    position: int = 0
    events: int = 0
    connections: int = 0
    naps_taken: int = 0
    resyncs: list[tuple[int, int]] = field(
        default_factory=list
    )  # told to go on after the second, at the first
    wrong: list[str] = field(default_factory=list)
    closed: Counter[int] = field(default_factory=Counter)

    def hear(self, frame: Mapping[str, Any], file: TextIOBase) -> None:
        """What was told is written; whatever was not to come now is noted."""
        if frame["type"] == "resync":
            self.resyncs.append((self.position, frame["head"]))
            self.position = frame["head"]
        elif frame["type"] == "event":
            if frame["prev"] != self.position or frame["seq"] <= self.position:
                self.wrong.append(f"{frame['seq']} after {frame['prev']} came after {self.position}")
            self.position, self.events = frame["seq"], self.events + 1
            file.write(json.dumps({k: v for k, v in frame.items() if k not in {"type", "prev"}}) + "\n")


@dataclass
class OpenPage:
    """One page: `seq` is what it knows, `beat` the last heartbeat."""

    topic: str
    seq: int = 0
    beat: Mapping[str, Any] = field(default_factory=dict)
    connections: int = 0
    frames: Counter[str] = field(default_factory=Counter)
    gaps: int = 0
    closed: Counter[int] = field(default_factory=Counter)

    def hear(self, frame: Mapping[str, Any]) -> bool:
        """Whether something is missing, so that it must ask for a snapshot (static/js/live/socket.js)."""
        self.frames[frame["type"]] += 1
        match frame["type"]:
            case "heartbeat":
                self.beat = frame
                return bool(frame["seq"] != self.seq)
            case "delta" if frame["prev"] != self.seq:
                self.gaps += 1
                return True
        self.seq = frame["seq"]
        return False

    def knows(self, head: int, concerned: int) -> bool:
        """Whether it has been told of the last event that concerns it, and that `head` is the last there is."""
        return self.beat.get("head") == head and self.beat.get("seq") == self.seq and self.seq >= concerned


class Viewers:
    """`start`, and `catch_up` once nothing is told any more. Everything runs in one thread of its own."""

    def __init__(self, folder: Path, token: str, ports: list[int], seed: int) -> None:
        head = newest()
        self.logs = [
            EventLog(folder / "viewer-0.jsonl", began_after=0),
            EventLog(folder / "viewer-1.jsonl", began_after=head, position=head),
            EventLog(folder / "viewer-2.jsonl", began_after=head, position=head, naps=True),
        ]
        self.pages = [OpenPage(topic) for topic in TOPICS]
        self._headers = {"Authorization": f"Token {token}"}
        self._ports, self._dice = ports, random.Random(seed)
        self._loop = asyncio.new_event_loop()
        self._awake = asyncio.Event()  # nobody naps any more
        self._thread = threading.Thread(target=self._run, name="viewers", daemon=True)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._thread.start()

    def catch_up(self) -> None:
        """Everybody has been told everything there is. Raises: TimeoutError, when it never comes."""
        self._loop.call_soon_threadsafe(self._awake.set)
        head = newest()
        concerned = {topic: newest_of(topic) for topic in TOPICS}

        def is_there() -> bool:
            assert self._thread.is_alive(), "a viewer failed"
            return all(log.position == head for log in self.logs) and all(
                page.knows(head, concerned[page.topic]) for page in self.pages
            )

        try:
            wait_for(is_there, SAME_AT_LAST_WITHIN_S)
        except TimeoutError:
            where: dict[str, object] = {log.path.name: log.position for log in self.logs}
            where |= {page.topic: (page.seq, concerned[page.topic], page.beat) for page in self.pages}
            raise TimeoutError(f"the head is {head}; the viewers are at {where}") from None

    def stop(self) -> None:
        """They leave. A second call does nothing."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._leave)
            self._thread.join(20)

    def told(self) -> dict[str, Any]:
        """What they were told, in figures."""
        return {
            "logs": [
                {
                    "began_after": log.began_after,
                    "events": log.events,
                    "connections": log.connections,
                    "resyncs": log.resyncs,
                    "naps": log.naps_taken,
                    "closed_with": {str(code): times for code, times in sorted(log.closed.items())},
                }
                for log in self.logs
            ],
            "pages": {
                page.topic: {"connections": page.connections, "gaps": page.gaps, **page.frames}
                for page in self.pages
            },
        }

    def broken(self) -> list[str]:
        """In words; empty when every log is the event table."""
        codes = [viewer.closed.keys() for viewer in self.logs] + [page.closed.keys() for page in self.pages]
        shut_out = [f"a viewer was closed with {code}" for closed in codes for code in closed & SHUT_OUT]
        return shut_out + [words for log in self.logs for words in (*log.wrong[:5], *differences(log))]

    # ---- in the thread ---------------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._watch())
        self._loop.close()

    async def _watch(self) -> None:
        ways = [self._keep_log(log) for log in self.logs] + [self._stay_open(page) for page in self.pages]
        self._tasks = [asyncio.create_task(way) for way in ways]
        ended = await asyncio.gather(*self._tasks, return_exceptions=True)
        for one in ended:
            if isinstance(one, Exception):
                raise one

    def _leave(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _keep_log(self, log: EventLog) -> None:
        with log.path.open("w") as file:
            while True:
                await self._connected(
                    log,
                    lambda: f"/ws/events/?after={log.position}",
                    lambda socket: self._read_log(log, file, socket),
                )

    async def _read_log(self, log: EventLog, file: TextIOBase, socket: ClientConnection) -> None:
        naps_at = log.events + NAP_AFTER
        async for text in socket:
            log.hear(json.loads(text), file)
            if log.naps and log.events >= naps_at and not self._awake.is_set():
                log.naps_taken += 1
                naps_at = log.events + 10 * NAP_AFTER
                await asyncio.wait({asyncio.ensure_future(self._awake.wait())}, timeout=NAP_S)

    async def _stay_open(self, page: OpenPage) -> None:
        while True:
            address = f"/ws/live/?topic={page.topic}"
            await self._connected(
                page,
                lambda address=address: f"{address}&after={page.seq}" if page.seq else address,  # type: ignore[misc]
                lambda socket: self._follow(page, socket),
            )

    async def _follow(self, page: OpenPage, socket: ClientConnection) -> None:
        asked_at = -ASK_AGAIN_S
        async for text in socket:
            if page.hear(json.loads(text)) and time.monotonic() - asked_at >= ASK_AGAIN_S:
                asked_at = time.monotonic()
                await socket.send("snapshot")

    async def _connected(
        self, viewer: EventLog | OpenPage, address: Callable[[], str], use: Callable[[ClientConnection], Any]
    ) -> None:
        """One connection from its beginning to its end, and a moment more."""
        url = f"ws://127.0.0.1:{self._dice.choice(self._ports)}{address()}"
        try:
            async with connect(
                url, additional_headers=self._headers, proxy=None, compression=None, max_size=None
            ) as socket:
                viewer.connections += 1
                try:
                    await use(socket)
                finally:
                    if socket.close_code is not None:
                        viewer.closed[socket.close_code] += 1
        except AWAY:
            pass  # it died, or is not back yet: that is what this is about
        await asyncio.sleep(self._dice.uniform(*BACK_AFTER_S))


# ---- what there was to be told ---------------------------------------------------------------------------------------


def token_of(username: str) -> str:
    """A new token of somebody who was seeded."""
    _, token = get_token_model().objects.create(user=User.objects.get(username=username))
    return str(token)


def newest() -> int:
    """The last event there is."""
    return FeedEvent.objects.order_by("-seq").values_list("seq", flat=True).first() or 0


def newest_of(topic: str) -> int:
    """The last event after which a page of this topic looks different; 0 when there was none."""
    page = Audience(topic, ROLE, 0)
    for event in FeedEvent.objects.order_by("-seq").iterator(chunk_size=500):
        parts = touched(event.kind, event.object, event.before or {}, event.after or {})
        if any(page.follows(part) for part in parts):
            return event.seq
    return 0


def differences(log: EventLog) -> list[str]:
    """Where the log is not the event table, in words. What a resync passed over is not missed."""
    with log.path.open() as file:
        kept = (json.loads(line) for line in file)
        for expected in _table(log):
            found = next(kept, None)
            if found != expected:
                return [f"{log.path.name} has {found} where the table has {expected}"]
        too_much = next(kept, None)
    return [f"{log.path.name} has {too_much}, which the table has not"] if too_much else []


def _table(log: EventLog) -> Iterator[dict[str, Any]]:
    columns = ("seq", "at", "kind", "actor", "object", "before", "after")
    events = FeedEvent.objects.filter(seq__gt=log.began_after).order_by("seq")
    for row in events.values(*columns).iterator(chunk_size=500):
        if not any(at < row["seq"] <= head for at, head in log.resyncs):
            yield {**row, "at": rfc3339(row["at"])}
