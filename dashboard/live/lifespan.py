"""What a web process starts with itself and stops with itself."""

import asyncio

from dashboard.asgi_types import Receive, Scope, Send
from dashboard.build import build_id
from dashboard.live import database
from dashboard.live.feed_tail import feed_tail
from dashboard.live.hub import stop_hub


async def lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """The server's own messages. A database that is away at the start stops nothing: the tail keeps trying."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            feed_tail().begin()
            await asyncio.to_thread(build_id)  # reads files: heartbeats name it
            await send({"type": "lifespan.startup.complete"})
        else:
            await stop_hub()
            await feed_tail().stop()
            await database.close()
            await send({"type": "lifespan.shutdown.complete"})
            return
