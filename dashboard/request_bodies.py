"""Request bodies are read whole before Django sees the request: at most so many bytes, within so many seconds.

Django's own limit believes Content-Length, so a chunked body would fill the disk, and DRF takes a body without a
length for an empty one. Here it gets the length that was counted. Files that administrators send are another matter:
uploads.py.
"""

import asyncio
import json
import uuid
from http import HTTPStatus

from django.conf import settings

from dashboard.asgi_types import Application, Message, Receive, Scope, Send
from dashboard.uploads import UploadRefused, Uploads, is_upload

READ_WITHIN_S = 30.0


class BodyRefused(Exception):
    """The body was not taken."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class CallerLeft(Exception):
    """The connection ended before the body did."""


class BoundedBodies:
    """ASGI: passes requests on with a whole, counted body; 413 and 408 otherwise."""

    def __init__(self, inner: Application) -> None:
        self.inner = inner
        self.uploads = Uploads(inner)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if _is_large(scope) and is_upload(scope):
                await self.uploads.take(scope, receive, send)
                return
            body = await _read(scope, receive, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        except CallerLeft:
            return
        except (BodyRefused, UploadRefused) as refused:
            await _refuse(send, refused)
            return
        others = [
            (name, value)
            for name, value in scope["headers"]
            if name not in {b"content-length", b"transfer-encoding"}
        ]
        lengths = [(b"content-length", str(len(body)).encode())] if body else []
        await self.inner({**scope, "headers": [*others, *lengths]}, _replayed(body, receive), send)


def _is_large(scope: Scope) -> bool:
    """More than everybody may send, or of a length that nobody told."""
    announced = dict(scope["headers"]).get(b"content-length", b"")
    return not announced.isdigit() or int(announced) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE


async def _read(scope: Scope, receive: Receive, bytes_max: int) -> bytes:
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    if announced.isdigit() and int(announced) > bytes_max:
        raise BodyRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {bytes_max} bytes")
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(READ_WITHIN_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise CallerLeft
                pieces.append(message.get("body", b""))
                size += len(pieces[-1])
                if size > bytes_max:
                    raise BodyRefused(
                        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {bytes_max} bytes"
                    )
                if not message.get("more_body", False):
                    return b"".join(pieces)
    except TimeoutError:
        raise BodyRefused(
            HTTPStatus.REQUEST_TIMEOUT, f"the body did not arrive within {READ_WITHIN_S:.0f} s"
        ) from None


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body as one message, then whatever the server has to say."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


async def _refuse(send: Send, refused: BodyRefused | UploadRefused) -> None:
    request_id = uuid.uuid4().hex
    problem = {
        "type": "about:blank",
        "title": refused.status.phrase,
        "status": refused.status.value,
        "detail": str(refused),
        "request_id": request_id,
    }
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
        (b"x-request-id", request_id.encode()),
    ]
    await send({"type": "http.response.start", "status": refused.status.value, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(problem).encode()})
