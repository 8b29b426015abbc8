"""A loopback port that is chosen once and kept, and a small HTTP on it."""

import socket

from .files import read, write_whole

REQUEST_BYTES_MAX = 4096
CLIENT_TIMEOUT_S = 0.5
BACKLOG = 128

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def listen(root: str, name: str) -> socket.socket:
    """Listens on 127.0.0.1, on the port it had before when that is free; run/NAME.port says which."""
    kept = f"{root}/run/{name}.port"
    before = read(kept).strip()
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", int(before or 0)))
        listener.listen(BACKLOG)
    except OSError:  # somebody else has that port now
        listener.close()
        listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
    port = str(listener.getsockname()[1])
    if port != before:
        write_whole(kept, port)
    return listener


def answer_one(listener: socket.socket, page: "Callable[[str], str | None]") -> None:
    """One caller is answered: what `page` says about the path; 404 for what it does not know."""
    try:
        client, _ = listener.accept()
    except OSError:  # went away again
        return
    with client:
        client.settimeout(CLIENT_TIMEOUT_S)
        try:
            asked = client.recv(REQUEST_BYTES_MAX).decode("latin-1").split()
            body = page(asked[1]) if len(asked) > 1 else None
            status = "404 Not Found" if body is None else "200 OK"
            text = f"{body or 'no such thing'}\n".encode()
            client.sendall(f"HTTP/1.0 {status}\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
        except OSError:  # a caller that does not speak, or does not listen
            return
