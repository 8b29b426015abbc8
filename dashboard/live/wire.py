"""A text as it travels: framed once for everybody who is sent it. Servers never mask, so the bytes are the same."""

from collections.abc import Callable

from websockets.frames import Frame, Opcode

type Write = Callable[[bytes], bool]  # protocol.WebSocket.write


def framed(text: str) -> bytes:
    """One whole websocket frame."""
    return bytes(Frame(Opcode.TEXT, text.encode()).serialize(mask=False))


def never(_frame: bytes) -> bool:
    """The server takes no frames: texts are sent to it one by one."""
    return False
