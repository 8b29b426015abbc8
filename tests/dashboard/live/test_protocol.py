"""Our websocket protocol drops a connection at once, with everything that was not sent."""

import asyncio
import socket
import threading

import uvicorn

from tests.waiting import wait_until

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


def test_a_reader_that_does_not_read_is_gone_at_once_for_the_server():
    config = uvicorn.Config(
        flood, port=0, ws="dashboard.live.protocol:WebSocket", lifespan="off", log_config=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        with socket.create_connection(server.servers[0].sockets[0].getsockname()) as reader:
            reader.sendall(HANDSHAKE)
            assert b"101" in reader.recv(64)
            wait_until(lambda: not server.server_state.connections, within_s=10)
    finally:
        server.should_exit = True
        thread.join(10)
