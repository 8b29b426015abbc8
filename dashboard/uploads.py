"""Files of many megabytes: only from those who may send them, a few at once, and never whole in memory.

All other bodies are small and read whole (request_bodies.py). A large one is passed on piece by piece, and Django puts
it on the disk; so who sends it is looked at before its first byte is taken.
"""

import asyncio
from http import HTTPStatus
from io import BytesIO

from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.sessions.backends.db import SessionStore
from django.core.handlers.asgi import ASGIRequest
from django.db import close_old_connections
from django.urls import Resolver404, resolve
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from dashboard.access import may
from dashboard.api.authentication import Tokens
from dashboard.asgi_types import Application, Message, Receive, Scope, Send
from maintenance.payloads.manifest import SIZE_MAX

ROUTES = frozenset({"settings-payloads", "api:payloads"})
BYTES_MAX = sum(SIZE_MAX.values()) + settings.DATA_UPLOAD_MAX_MEMORY_SIZE
WITHIN_S = 900.0
AT_ONCE = 2


class UploadRefused(Exception):
    """The body is not taken."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


def is_upload(scope: Scope) -> bool:
    """Whether this is a form with files, to an address that takes files."""
    content_type = dict(scope["headers"]).get(b"content-type", b"")
    if scope["method"] != "POST" or not content_type.lower().startswith(b"multipart/form-data"):
        return False
    try:
        return resolve(scope["path"]).view_name in ROUTES
    except Resolver404:
        return False


class Uploads:
    """Passes on what is allowed; `under_way` at once at most AT_ONCE."""

    def __init__(self, inner: Application) -> None:
        self.inner = inner
        self.under_way = 0

    async def take(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises: UploadRefused, before anything was read."""
        _check_length(scope)
        if not await sync_to_async(_may_send, thread_sensitive=False)(scope):
            raise UploadRefused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                f"the body has more than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes",
            )
        if self.under_way >= AT_ONCE:
            raise UploadRefused(
                HTTPStatus.SERVICE_UNAVAILABLE, "others are sending files; try again in a minute"
            )
        self.under_way += 1
        try:
            await self.inner(scope, _bounded(receive), send)
        finally:
            self.under_way -= 1


def _check_length(scope: Scope) -> None:
    announced = dict(scope["headers"]).get(b"content-length", b"")
    if not announced.isdigit():
        raise UploadRefused(HTTPStatus.LENGTH_REQUIRED, "say how long the body is: Content-Length is missing")
    if int(announced) > BYTES_MAX:
        raise UploadRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body has more than {BYTES_MAX} bytes")


def _bounded(receive: Receive) -> Receive:
    """What comes, until it takes too long: then it is as if the sender had left."""
    ends = asyncio.get_running_loop().time() + WITHIN_S
    is_whole = False

    async def bounded() -> Message:
        nonlocal is_whole
        if is_whole:
            return await receive()
        try:
            async with asyncio.timeout_at(ends):
                message = await receive()
        except TimeoutError:
            return {"type": "http.disconnect"}
        is_whole = not message.get("more_body", False)
        return message

    return bounded


def _may_send(scope: Scope) -> bool:
    """By token or session, as the doors will look at it once more."""
    request = ASGIRequest(scope, BytesIO())
    try:
        if "Authorization" in request.headers:
            found = Tokens().authenticate(Request(request))
            person = found[0] if found else None
        else:
            request.session = SessionStore(request.COOKIES.get(settings.SESSION_COOKIE_NAME))
            person = get_user(request)
        return person is not None and may(person, resolve(scope["path"]).view_name, "POST")
    except AuthenticationFailed:
        return False
    finally:
        close_old_connections()
