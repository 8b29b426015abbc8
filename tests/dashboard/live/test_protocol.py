"""Our websocket protocol writes whole frames at once, and drops a connection with everything that was not sent."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest
import uvicorn
from websockets.sync.client import connect

from dashboard.live.wire import framed
from tests.waiting import wait_until

ESTABLISHED = 1  # of TCP_INFO's states
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def flood(scope, receive, send) -> None:
    """Sends until the reader's buffers are full, then drops the connection."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        try:
            async with asyncio.timeout(0.3):
                await send({"type": "websocket.send", "text": "x" * 60_000})
        except TimeoutError:
            scope["extensions"]["pitstop.abort"]()
            return


@contextmanager
def serving(application, **options) -> Iterator[uvicorn.Server]:
    config = uvicorn.Config(
        application,
        port=0,
        ws="dashboard.live.protocol:WebSocket",
        lifespan="off",
        log_config=None,
        **options,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield server
    finally:
        server.should_exit = True
        thread.join(10)


def address_of(server: uvicorn.Server) -> tuple[str, int]:
    host, port = server.servers[0].sockets[0].getsockname()
    return host, port


def test_a_reader_that_does_not_read_is_gone_at_once_for_the_server():
    with serving(flood) as server, socket.create_connection(address_of(server)) as reader:
        reader.sendall(HANDSHAKE)
        assert b"101" in reader.recv(64)
        wait_until(lambda: not server.server_state.connections, within_s=10)


class Writer:
    """Writes its texts as frames, then a farewell as a text, and notes which frames were taken."""

    def __init__(self, texts: list[str]) -> None:
        self.texts = texts
        self.taken: list[bool] = []
        self.has_ended = threading.Event()

    async def __call__(self, scope, receive, send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        write = scope["extensions"]["pitstop.write"]
        self.taken = [write(framed(text)) for text in self.texts]
        try:
            await send({"type": "websocket.send", "text": "farewell"})
            await send({"type": "websocket.close"})
            self.taken.append(write(framed("after the end")))
        finally:
            self.has_ended.set()


def test_frames_arrive_as_the_texts_they_were_and_in_order():
    writer = Writer(["short", "ä" * 20_000, "last"])
    with serving(writer, ws_per_message_deflate=False) as server:
        host, port = address_of(server)
        with connect(f"ws://{host}:{port}", proxy=None) as reader:
            assert list(reader) == [*writer.texts, "farewell"]
        assert writer.has_ended.wait(5)
    assert writer.taken == [True, True, True, False]


# Lengths that are framed in different ways.
@pytest.mark.parametrize("text", ["", "ä" * 62, "ä" * 63, "ä" * 32_767, "ä" * 32_768])
def test_a_frame_is_one_whole_text_however_long(text):
    writer = Writer([text])
    with serving(writer, ws_per_message_deflate=False) as server:
        host, port = address_of(server)
        with connect(f"ws://{host}:{port}", proxy=None) as reader:
            assert reader.recv(timeout=5) == text


def test_a_full_buffer_takes_no_more_frames():
    writer = Writer(["x" * 60_000] * 500)
    with serving(writer, ws_per_message_deflate=False) as server:
        with socket.create_connection(address_of(server)) as reader:
            reader.sendall(HANDSHAKE)
            wait_until(lambda: False in writer.taken)
        assert writer.has_ended.wait(5)
    assert writer.taken.index(False) == sum(writer.taken)  # none after the first that was refused


def test_a_compressed_connection_takes_no_frames():
    writer = Writer(["plain"])
    with serving(writer, ws_per_message_deflate=True) as server:
        host, port = address_of(server)
        with connect(f"ws://{host}:{port}", proxy=None) as reader:
            assert list(reader) == ["farewell"]
    assert writer.taken[0] is False


def test_a_dropped_connection_leaves_nothing_in_the_kernel():
    """The peer is told at once, though its own buffer is full: the connection was reset."""
    with serving(flood) as server, socket.create_connection(address_of(server)) as reader:
        reader.sendall(HANDSHAKE)
        wait_until(lambda: reader.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED)
        with pytest.raises(ConnectionResetError):
            list(iter(partial(reader.recv, 65_536), b""))
