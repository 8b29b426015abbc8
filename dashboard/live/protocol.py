"""uvicorn's websocket protocol, with a short way in and a way out.

In: what many sockets are sent is framed once and written at once. Out: sockets that do not drain are aborted, where
close would wait for ever. Start uvicorn with `--ws dashboard.live.protocol:WebSocket`.
"""

import socket
import struct
from asyncio import BaseTransport

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from dashboard.live.limits import BYTES_AT_ONCE, BYTES_PER_S, Allowance

NOTHING_LINGERS = struct.pack("ii", 1, 0)


class WebSocket(WebSocketsSansIOProtocol):
    """Offers two extensions in the scope.

    `pitstop.abort` is `abort`, `pitstop.write` is `write`.
    """

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.inbound = Allowance(BYTES_AT_ONCE, BYTES_PER_S)
        self.is_full = False

    def data_received(self, data: bytes) -> None:
        """A page says next to nothing. Who floods us, be it with pings or with fragments, is dropped."""
        if self.inbound.takes(len(data)):
            super().data_received(data)
        else:
            self.transport.abort()

    async def run_asgi(self) -> None:
        extensions: dict[str, object] = self.scope["extensions"]  # type: ignore[assignment]
        extensions["pitstop.abort"] = self.abort
        extensions["pitstop.write"] = self.write
        await super().run_asgi()

    def write(self, frame: bytes) -> bool:
        """Whether the frame is on its way: it is not when the reader's buffer is full, or nobody is there any more.

        A compressed connection takes no frames: what it sends depends on what it has sent before.
        """
        # Asked for each page and push: attributes only, and the cheap ones first.
        if self.is_full or self.close_sent or not self.handshake_complete or self.conn.extensions:
            return False
        if self.transport.is_closing():
            return False
        self.transport.write(frame)
        return True

    def pause_writing(self) -> None:
        super().pause_writing()
        self.is_full = True

    def resume_writing(self) -> None:
        super().resume_writing()
        self.is_full = False

    def abort(self) -> None:
        """The connection is dropped at once, with everything that was not sent."""
        self._leave_nothing_to_the_kernel()
        self.transport.abort()

    def keepalive_timeout(self) -> None:
        """A peer that answers no ping reads nothing either: a close frame would stay in the buffer."""
        self._leave_nothing_to_the_kernel()
        super().keepalive_timeout()
        self.transport.abort()

    def _leave_nothing_to_the_kernel(self) -> None:
        """It would keep what the peer does not take, megabytes, and try again for minutes after we have let go."""
        if not self.transport.is_closing():
            ours = self.transport.get_extra_info("socket")
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOTHING_LINGERS)
