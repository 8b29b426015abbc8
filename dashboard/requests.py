"""Every request has an id: the caller's, when it sends a decent one, else ours. It is in the answer and in every log
line, and problems and audit entries quote it. One log line tells how each request ended."""

import re
import time
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
QUIET_PATHS = frozenset({"/healthz", "/readyz"})  # asked every second by machines

log = structlog.get_logger("pitstop.request")


def request_id(request: HttpRequest) -> str:
    """The id that RequestIdMiddleware gave to this request."""
    return getattr(request, "request_id", "")


class RequestIdMiddleware:
    """Outermost of all: whatever answers, the answer carries `X-Request-ID`."""

    sync_capable = async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self._answer_async(request)
        began = _begin(request)
        return _end(request, self.get_response(request), began)

    async def _answer_async(self, request: HttpRequest) -> HttpResponseBase:
        began = _begin(request)
        return _end(request, await self.get_response(request), began)


def _begin(request: HttpRequest) -> float:
    sent = request.headers.get("X-Request-ID", "")
    made = sent if REQUEST_ID.fullmatch(sent) else uuid.uuid4().hex
    request.request_id = made  # type: ignore[attr-defined]
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=made)
    return time.monotonic()


def _end(request: HttpRequest, response: HttpResponseBase, began: float) -> HttpResponseBase:
    response["X-Request-ID"] = request_id(request)
    if request.path not in QUIET_PATHS:
        log.info(
            "answered",
            method=request.method,
            path=request.path[:500],  # without the query: it may hold what nobody should read in a log
            status=response.status_code,
            ms=round((time.monotonic() - began) * 1000, 1),
            user=getattr(
                request, "person_name", ""
            ),  # access.py knows; asking the session here may need the database
        )
    structlog.contextvars.clear_contextvars()
    return response
