"""/ws/live/?topic=…&after=SEQ: a page's socket. What is pushed, the hub decides; commands never travel here: POST only.

Frames in: `snapshot`, when the page has noticed a gap. Close codes: 4401 log in (the reason says why), 4403 not yours
or never pushed, 1013 try later.
"""

import asyncio
import re
from collections import Counter
from urllib.parse import parse_qs

from dashboard.access import may_subscribe, principal
from dashboard.asgi_types import Receive, Scope, Send
from dashboard.live import database
from dashboard.live.hub import hub
from dashboard.live.limits import FRAMES_AT_ONCE, FRAMES_PER_S, Allowance
from dashboard.live.member import Member
from dashboard.live.people import LOG_IN, NOT_YOURS, TRY_LATER, Ended, Stay, watched
from dashboard.live.touched import is_pushed
from dashboard.live.walls import clouds_of
from dashboard.live.wire import never

FAREWELL_S = 1.0
PER_PERSON_MAX = 200  # pages of one person in one process
POLICY = 1008
SEQ = re.compile(r"[0-9]{1,18}", re.ASCII)

type _Ending = tuple[int | None, str]  # the code to close with (None: nobody is there), and why

_open_pages: Counter[str] = Counter()


async def live_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """One page, from its handshake to its end (an ASGI application behind SocketDoor)."""
    await receive()  # websocket.connect
    await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
    asked = parse_qs(scope["query_string"].decode("latin-1"))
    topic, after = asked.get("topic", [""])[0], asked.get("after", [""])[0]
    credentials = scope["credentials"]
    if credentials is None:
        return await _close(send, LOG_IN, Ended.LOGGED_OUT)
    if not may_subscribe(scope["user"], topic) or not is_pushed(topic):
        return await _close(send, NOT_YOURS, "not yours")
    if _open_pages[credentials.owner] >= PER_PERSON_MAX:
        return await _close(send, TRY_LATER, f"no more than {PER_PERSON_MAX} pages a person")
    _open_pages[credentials.owner] += 1
    try:
        await _serve(scope, receive, send, topic, int(after) if SEQ.fullmatch(after) else None)
    finally:
        _open_pages[credentials.owner] -= 1


async def _serve(scope: Scope, receive: Receive, send: Send, topic: str, after: int | None) -> None:
    """Joins the hub and stays until the page leaves, may no longer be here, or does not drain."""
    cut = asyncio.Event()

    def abort() -> None:
        scope.get("extensions", {}).get("pitstop.abort", _nothing)()
        cut.set()

    async def push(text: str) -> None:
        await send({"type": "websocket.send", "text": text})

    write = scope.get("extensions", {}).get("pitstop.write", never)
    member = Member(topic, principal(scope["user"]), push, abort, clouds_of(scope["user"]), write)
    try:
        await hub().join(member, after)
    except database.DatabaseAway:
        await _close(send, TRY_LATER, "the database is away")
        return
    try:
        with watched(scope["credentials"]) as stay:
            tasks: set[asyncio.Task[_Ending]] = {
                asyncio.create_task(_hear(receive, member), name="hear"),
                asyncio.create_task(_over(stay), name="over"),
                asyncio.create_task(_cut_off(cut), name="cut"),
            }
            try:
                ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        hub().leave(member)
    code, reason = next(iter(ended)).result()
    if code is not None:
        await _close(send, code, reason)


def _nothing() -> None:
    """The server offers no way to abort a connection; it ends when the kernel gives it up."""


async def _hear(receive: Receive, member: Member) -> _Ending:
    """Until the page leaves, or says what it may not, or too much."""
    frames = Allowance(FRAMES_AT_ONCE, FRAMES_PER_S)
    while True:
        message = await receive()
        if message["type"] != "websocket.receive":
            return None, ""
        if message.get("text") != "snapshot":
            return POLICY, "only snapshot; commands go by POST"
        if not frames.takes():
            return POLICY, "too many frames"
        hub().leave(member)
        await hub().join(member, None)


async def _over(stay: Stay) -> _Ending:
    return LOG_IN, await stay.wait()


async def _cut_off(cut: asyncio.Event) -> _Ending:
    await cut.wait()
    return None, ""


async def _close(send: Send, code: int, reason: str) -> None:
    """Closes if it goes at once: a page that does not read is not waited for."""
    try:
        async with asyncio.timeout(FAREWELL_S):
            await send({"type": "websocket.close", "code": code, "reason": reason})
    except (TimeoutError, OSError):
        return
