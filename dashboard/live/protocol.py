"""uvicorn's websocket protocol, with a way out for sockets that do not drain: abort, where close would wait for ever.

Start uvicorn with `--ws dashboard.live.protocol:WebSocket`.
"""

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


class WebSocket(WebSocketsSansIOProtocol):
    """The scope's extension `pitstop.abort` drops the connection at once, with everything that was not sent."""

    async def run_asgi(self) -> None:
        extensions: dict[str, object] = self.scope["extensions"]  # type: ignore[assignment]
        extensions["pitstop.abort"] = self.transport.abort
        await super().run_asgi()

    def keepalive_timeout(self) -> None:
        """A peer that answers no ping reads nothing either: a close frame would stay in the buffer."""
        super().keepalive_timeout()
        self.transport.abort()
