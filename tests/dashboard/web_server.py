"""The web process, in a thread of the test: real sockets, the test's own database."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread

import uvicorn
from websockets.sync.client import ClientConnection, connect

from tests.waiting import wait_until


@dataclass(frozen=True)
class Web:
    """Where it listens."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def socket(self, path: str, **headers: str) -> ClientConnection:
        """Opened with exactly these headers."""
        origin = headers.pop("Origin", None)
        return connect(
            f"ws://127.0.0.1:{self.port}{path}",
            origin=origin,  # type: ignore[arg-type]
            additional_headers=headers,
            proxy=None,
            compression=None,
            open_timeout=10,
        )


@contextmanager
def running_web() -> Iterator[Web]:
    """Started, and stopped at the end with all its sockets."""
    config = uvicorn.Config(
        "dashboard.asgi:application",
        port=0,
        ws="dashboard.live.protocol:WebSocket",
        ws_max_size=65_536,
        ws_per_message_deflate=False,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started)
        yield Web(server.servers[0].sockets[0].getsockname()[1])
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the web server did not stop"
