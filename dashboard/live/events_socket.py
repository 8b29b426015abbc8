"""/ws/events/?after=SEQ: every event of the feed after SEQ, in order, for programs that keep a log of their own.

Frames out: `event {prev, seq, at, kind, actor, object, before, after}`, `heartbeat {head, at}` every 2 s, `resync
{head}` and then close 1013 when the asked events are no longer kept or the reader is too slow. Frames in: `ping` only.
"""

import asyncio
import json
import re
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qs

from dashboard.access import Person, may_subscribe
from dashboard.asgi_types import Message, Receive, Scope, Send
from dashboard.live import database
from dashboard.live.feed_tail import FeedTail, ToldEvent, feed_tail, rfc3339
from dashboard.live.limits import FRAMES_AT_ONCE, FRAMES_PER_S, Allowance
from dashboard.live.people import LOG_IN, NOT_YOURS, TRY_LATER, Credentials, watched

TOPIC = "events"
HEARTBEAT_S = 2.0
AT_ONCE = 200  # frames, then others have their turn
OVERFLOW_MAX = 5_000  # a reader that was up to date and fell this many numbers behind starts afresh
SEND_MAX_S = 10.0  # a reader who does not take one frame in this time is too slow
FAREWELL_S = 1.0
PER_PERSON_MAX = 50  # sockets of one person in one process
POLICY = 1008
PING = re.compile(r'\s*(?:ping|\{\s*"type"\s*:\s*"ping"\s*\})\s*')
SEQ = re.compile(r"[0-9]{1,18}", re.ASCII)

_open_sockets: Counter[int] = Counter()


class SlowReader(Exception):
    """The reader does not take what we send."""


class Resync(Exception):
    """The events that this reader would need next are not to be had: it must read a snapshot and start there."""


async def events_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """One log socket, from its handshake to its end (an ASGI application behind SocketDoor)."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
    socket = _LogSocket(send, scope.get("extensions", {}).get("pitstop.abort", _nothing))
    person: Person = scope["user"]
    credentials: Credentials | None = scope["credentials"]
    if credentials is None:
        await socket.close(LOG_IN, "log in")
    elif not may_subscribe(person, TOPIC):
        await socket.close(NOT_YOURS, "not yours")
    elif _open_sockets[credentials.user_id] >= PER_PERSON_MAX:
        await socket.close(TRY_LATER, f"no more than {PER_PERSON_MAX} sockets a person")
    else:
        _open_sockets[credentials.user_id] += 1
        try:
            await _serve(socket, credentials, scope["query_string"], receive)
        finally:
            _open_sockets[credentials.user_id] -= 1


async def _serve(socket: "_LogSocket", credentials: Credentials, query: bytes, receive: Receive) -> None:
    """Tells, until the reader leaves, sends what it may not, is too slow, or may no longer be here."""
    tail = feed_tail()
    with watched(credentials) as stay:
        tasks = {
            asyncio.create_task(_tell(socket, tail, query), name="tell"),
            asyncio.create_task(_hear(receive, tail, socket), name="hear"),
            asyncio.create_task(_closing(stay.wait(), LOG_IN, "log in again"), name="over"),
        }
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        code, reason = ended.pop().result()
        if code is not None:
            await socket.close(code, reason)


type _Ending = tuple[int | None, str]


async def _closing(event: Awaitable[object], code: int, reason: str) -> _Ending:
    await event
    return code, reason


async def _hear(receive: Receive, tail: FeedTail, socket: "_LogSocket") -> _Ending:
    """A ping gets a heartbeat. Commands never travel over the socket: anything else ends it, and too many pings."""
    frames = Allowance(FRAMES_AT_ONCE, FRAMES_PER_S)
    while True:
        message = await receive()
        if message["type"] != "websocket.receive":
            return None, ""
        text = message.get("text")
        if text is None or not PING.fullmatch(text[:64]) or len(text) > 64:
            return POLICY, "only ping; commands go by POST"
        if not frames.takes():
            return POLICY, "too many frames"
        socket.wants_heartbeat = True
        tail.wake()


async def _tell(socket: "_LogSocket", tail: FeedTail, query: bytes) -> _Ending:
    try:
        await tail.start()
        position = await _begin_after(query, tail)
        has_caught_up = False
        while True:
            events: Sequence[ToldEvent] | None = tail.after(position)
            if events is None:
                if has_caught_up and tail.head - position > OVERFLOW_MAX:
                    raise Resync
                events = await tail.older(position)
            for event in events[:AT_ONCE]:
                await socket.send(event.frame(position))
                position = event.seq
                await socket.beat(tail)
            has_caught_up = has_caught_up or position >= tail.head
            await socket.beat(tail)
            await (asyncio.sleep(0) if events else tail.news(socket.until_beat_s()))
    except Resync:
        await socket.say_resync(await _newest(tail))
        return TRY_LATER, "start afresh"
    except SlowReader:
        await socket.say_resync(tail.head)
        return TRY_LATER, "too slow"
    except database.DatabaseAway:
        return TRY_LATER, "the database is away"
    except OSError:  # what uvicorn raises when the reader has left meanwhile
        return None, ""


async def _begin_after(query: bytes, tail: FeedTail) -> int:
    """Where this reader begins: after the SEQ it asks for, or now. 0 is the oldest event that is kept.

    Raises: Resync when that is no place in the feed, or when events after it have been pruned.
    """
    asked = parse_qs(query.decode("latin-1"), keep_blank_values=True).get("after")
    if asked is None:
        return tail.head
    if len(asked) != 1 or not SEQ.fullmatch(asked[0]):
        raise Resync
    after = int(asked[0])
    if after > tail.head or (after > 0 and tail.after(after) is None):
        # REST may have shown the reader an event that the tail has not met yet: the table knows.
        ends = await database.fetch(
            "SELECT min(seq) AS oldest, max(seq) AS newest FROM maintenance_feedevent"
        )
        oldest, newest = ends[0]["oldest"], ends[0]["newest"]
        if oldest is None or not oldest - 1 <= after <= newest:
            raise Resync
    return after


async def _newest(tail: FeedTail) -> int:
    """The feed's head as the table has it: where a reader that starts afresh goes on. Raises: DatabaseAway."""
    rows = await database.fetch("SELECT coalesce(max(seq), 0) AS head FROM maintenance_feedevent")
    return max(tail.head, int(rows[0]["head"]))


class _LogSocket:
    """Sending, with a limit to our patience."""

    def __init__(self, send: Send, abort: Callable[[], object]) -> None:
        self._send = send
        self._abort = abort  # drops the connection at once (protocol.py)
        self._beat_due = time.monotonic()
        self.wants_heartbeat = False

    async def send(self, text: str) -> None:
        """Raises: SlowReader when the reader's buffer stays full."""
        try:
            async with asyncio.timeout(SEND_MAX_S):
                await self._send({"type": "websocket.send", "text": text, "bytes": None})
        except TimeoutError:
            raise SlowReader from None

    def until_beat_s(self) -> float:
        return max(0.0, self._beat_due - time.monotonic())

    async def beat(self, tail: FeedTail) -> None:
        """A heartbeat when one is due; none while the feed cannot be read, so that stale looks stale."""
        if self.until_beat_s() > 0 and not self.wants_heartbeat:
            return
        self._beat_due, self.wants_heartbeat = time.monotonic() + HEARTBEAT_S, False
        if tail.is_fresh():
            await self.send(
                json.dumps({"type": "heartbeat", "head": tail.head, "at": rfc3339(datetime.now(UTC))})
            )

    async def say_resync(self, head: int) -> None:
        await self._farewell(
            {"type": "websocket.send", "text": json.dumps({"type": "resync", "head": head}), "bytes": None}
        )

    async def close(self, code: int, reason: str) -> None:
        await self._farewell({"type": "websocket.close", "code": code, "reason": reason})

    async def _farewell(self, message: Message) -> None:
        """Sends if it goes at once. A reader who does not read is not waited for: that connection is dropped."""
        try:
            async with asyncio.timeout(FAREWELL_S):
                await self._send(message)
        except TimeoutError:
            self._abort()
        except OSError:
            return  # it has left already


def _nothing() -> None:
    """Another server's sockets cannot be dropped; its own keepalive ends them."""
