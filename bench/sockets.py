"""Many open pages in one process, as far as the server can tell: a small websocket client that costs little itself.

Sockets come as browsers do: with a session's cookie and our own origin, and they answer pings.
"""

import asyncio
import base64
import os
import resource
from collections.abc import Callable, Sequence
from socket import IPPROTO_TCP, TCP_INFO
from typing import cast

HANDSHAKE_MAX_S = 30.0
ESTABLISHED = 1  # of TCP_INFO's states
TEXT, CLOSE, PING, PONG = 0x81, 0x88, 0x89, 0x8A  # whole frames: the server never splits one
MASK = b"\0\0\0\0"  # a client has to mask, and may mask with nothing

type Hear = Callable[["Socket", bytes], None]


class NotOpened(Exception):
    """The server refused the handshake, or ended the connection during it."""


def log_in(people: int, role: str = "viewer") -> list[str]:
    """The cookie headers of so many people, made when they are not there yet. Asks the database: not in a loop."""
    from django.conf import settings
    from django.test import Client

    from dashboard.models import User

    cookies = []
    for number in range(people):
        user, _ = User.objects.get_or_create(username=f"{role}-{number}", defaults={"role": role})
        client = Client(headers={"host": "127.0.0.1"})
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        name = settings.SESSION_COOKIE_NAME
        cookies.append(f"{name}={client.cookies[name].value}")
    return cookies


class Socket(asyncio.Protocol):
    """One socket. `hear` is given every text that arrives, as bytes; `opened` and `closed` are futures."""

    def __init__(self, request: bytes, hear: Hear) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[int | None] = loop.create_future()  # the close code; None: dropped
        self.place = -1  # for whoever hears: where in the feed this socket is
        self.is_counted = True  # for whoever hears, too
        self._request, self._hear = request, hear
        self._rest = b""
        self._close_code: int | None = None
        self._transport: asyncio.Transport | None = None

    def send(self, text: str) -> None:
        self._send(TEXT, text.encode())

    def stop_reading(self) -> None:
        """From now on nothing is taken, and no ping is answered."""
        assert self._transport is not None
        self._transport.pause_reading()

    def is_established(self) -> bool:
        """Whether the connection stands, as the kernel knows it: who does not read is not told."""
        if self._transport is None or self.closed.done():
            return False
        state: bytes = self._transport.get_extra_info("socket").getsockopt(IPPROTO_TCP, TCP_INFO, 1)
        return state[0] == ESTABLISHED

    def drop(self) -> None:
        """Gone at once, without a word."""
        if self._transport is not None:
            self._transport.abort()

    # ---- asyncio.Protocol --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name
        self._transport.write(self._request)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(NotOpened(self._rest[:200].decode("latin-1")))
        if not self.closed.done():
            self.closed.set_result(self._close_code)

    def data_received(self, data: bytes) -> None:
        chunk = self._rest + data if self._rest else data
        if self.opened.done():
            self._rest = self._read(chunk)
            return
        head, end_of_head, rest = chunk.partition(b"\r\n\r\n")
        if not end_of_head:
            self._rest = chunk
        elif not head.startswith(b"HTTP/1.1 101"):
            self._rest = head
            self.drop()
        else:
            self.opened.set_result(None)
            self._rest = self._read(rest)

    def _read(self, chunk: bytes) -> bytes:
        """Hears every whole frame; returns the beginning of the next."""
        at, end = 0, len(chunk)
        while end - at >= 2:
            size, begins = chunk[at + 1], at + 2
            if size >= 126:
                begins += 2 if size == 126 else 8
                if end < begins:
                    break
                size = int.from_bytes(chunk[at + 2 : begins])
            if end - begins < size:
                break
            if chunk[at] == TEXT:
                self._hear(self, chunk[begins : begins + size])
            else:
                self._control(chunk[at], chunk[begins : begins + size])
            at = begins + size
        return chunk[at:]

    def _control(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self._send(PONG, payload)
        elif opcode == CLOSE:
            self._close_code = int.from_bytes(payload[:2]) if payload else 1005
            self._send(CLOSE, payload[:2])

    def _send(self, opcode: int, payload: bytes) -> None:
        assert self._transport is not None
        assert len(payload) < 126
        self._transport.write(bytes((opcode, 0x80 | len(payload))) + MASK + payload)


async def open_sockets(
    port: int, path: str, cookies: Sequence[str], count: int, hear: Hear, *, at_once: int = 50
) -> list[Socket]:
    """So many open sockets, belonging to the people in turn. Raises: NotOpened, TimeoutError."""
    allow_files(count)
    turns = asyncio.Semaphore(at_once)

    async def one(number: int) -> Socket:
        async with turns:
            return await open_socket(port, path, cookies[number % len(cookies)], hear)

    opening = [asyncio.create_task(one(number)) for number in range(count)]
    return list(await asyncio.gather(*opening))


async def open_socket(port: int, path: str, cookie: str, hear: Hear) -> Socket:
    """One open socket on 127.0.0.1. Raises: NotOpened, TimeoutError, OSError."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Origin: http://127.0.0.1:{port}",
        f"Cookie: {cookie}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    )
    request = "\r\n".join((*lines, "", "")).encode("latin-1")
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(HANDSHAKE_MAX_S):
        _, socket = await loop.create_connection(lambda: Socket(request, hear), "127.0.0.1", port)
        await socket.opened
    return socket


async def drop_all(sockets: Sequence[Socket]) -> None:
    """They are all gone when this returns. Raises: TimeoutError."""
    for socket in sockets:
        socket.drop()
    async with asyncio.timeout(HANDSHAKE_MAX_S):
        await asyncio.gather(*(socket.closed for socket in sockets))


def allow_files(sockets: int) -> None:
    """As many open files as that takes, for us and the servers we start. Raises: ValueError beyond the machine's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = sockets + 500
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
