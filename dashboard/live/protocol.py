"""uvicorn's websocket protocol, with a way out for sockets that do not drain: abort, where close would wait for ever.

Start uvicorn with `--ws dashboard.live.protocol:WebSocket`.
"""

from asyncio import BaseTransport

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from dashboard.live.limits import BYTES_AT_ONCE, BYTES_PER_S, Allowance


class WebSocket(WebSocketsSansIOProtocol):
    """The scope's extension `pitstop.abort` drops the connection at once, with everything that was not sent."""

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.inbound = Allowance(BYTES_AT_ONCE, BYTES_PER_S)

    def data_received(self, data: bytes) -> None:
        """A page says next to nothing. Who floods us, be it with pings or with fragments, is dropped."""
        if self.inbound.takes(len(data)):
            super().data_received(data)
        else:
            self.transport.abort()

    async def run_asgi(self) -> None:
        extensions: dict[str, object] = self.scope["extensions"]  # type: ignore[assignment]
        extensions["pitstop.abort"] = self.transport.abort
        await super().run_asgi()

    def keepalive_timeout(self) -> None:
        """A peer that answers no ping reads nothing either: a close frame would stay in the buffer."""
        super().keepalive_timeout()
        self.transport.abort()
