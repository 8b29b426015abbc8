"""Mirrors for tests: a real HTTP server on loopback that can break off, lie, serve other bytes, ignore ranges."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any


@dataclass
class Mirror:
    """What it serves, how it behaves, and what it was asked."""

    content: bytes
    breaks_after: list[int] = field(default_factory=list)  # bytes, for one connection after the other
    announces: int | None = None  # another Content-Length
    ignores_range: bool = False
    lies_about_range: bool = False
    other_from: int | None = None  # from this request on it serves other bytes of the same length
    other_until: int = 0  # and up to this one
    etag: str = '"v1"'
    redirects_to: str = ""
    status: int = 200
    tls: ssl.SSLContext | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/agent.zip"

    def ranges(self) -> list[str | None]:
        return [headers.get("range") for headers in self.asked]


@contextmanager
def running(mirror: Mirror) -> Iterator[Mirror]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_words: Any) -> None:
            """Tests say what went wrong."""

        def do_GET(self) -> None:
            _answer(self, mirror)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    mirror.port = server.server_address[1]
    if mirror.tls is not None:
        server.socket = mirror.tls.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield mirror
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _answer(handler: BaseHTTPRequestHandler, mirror: Mirror) -> None:
    headers = {name.lower(): value for name, value in handler.headers.items()}
    mirror.asked.append(headers)
    handler.close_connection = True
    if mirror.redirects_to:
        handler.send_response(302)
        handler.send_header("Location", mirror.redirects_to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    if mirror.status != 200:
        handler.send_response(mirror.status)
        handler.send_header("Content-Length", "0")
        handler.end_headers()
        return
    content, etag = mirror.content, mirror.etag
    number = len(mirror.asked)
    if number <= mirror.other_until or (mirror.other_from is not None and number >= mirror.other_from):
        content, etag = b"!" * len(content), '"v2"'
    start = 0
    asked = headers.get("range", "")
    if asked and not mirror.ignores_range and headers.get("if-range", etag) == etag:
        start = int(asked.removeprefix("bytes=").removesuffix("-"))
    handler.send_response(206 if start else 200)
    rest = content[start:]
    handler.send_header("ETag", etag)
    if start:
        said = start - 1 if mirror.lies_about_range else start
        handler.send_header("Content-Range", f"bytes {said}-{len(content) - 1}/{len(content)}")
    handler.send_header("Content-Length", str(mirror.announces or len(rest)))
    handler.end_headers()
    if mirror.breaks_after:
        rest = rest[: mirror.breaks_after.pop(0)]
    handler.wfile.write(rest)
