"""What REST says when it says no: RFC 9457 problem JSON, whatever went wrong and wherever.

`{type, title, status, detail, errors?, request_id}`, and beside it what the case can tell: the `owner` of a conflict,
the `legal` moves, the `items` that stand in the way.
"""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.serializers.json import DjangoJSONEncoder
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

from dashboard.requests import request_id
from maintenance.actions.errors import (
    ActionError,
    AllBlocked,
    BadInput,
    Conflict,
    IllegalMove,
    NotFound,
    PlanChanged,
)
from maintenance.actions.live_patches import RateLimited

CONTENT_TYPE = "application/problem+json"
RETRY_DATABASE_S = 5
NOBODY = (
    "you are not logged in; get a token with POST /api/v1/auth/token/ and send it as Authorization: Token …"
)

log = structlog.get_logger("pitstop.api")

type Facts = dict[str, Any]


class BadField(exceptions.APIException):
    """One field, parameter or header of the request is wrong; it is named."""

    status_code = HTTPStatus.BAD_REQUEST

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field


class KeyReused(exceptions.APIException):
    """This Idempotency-Key came before with another body."""

    status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    default_detail = "this Idempotency-Key was used before with another body; use a new key"


class KeyBusy(exceptions.APIException):
    """The first request with this Idempotency-Key is still being done."""

    status_code = HTTPStatus.CONFLICT
    default_detail = "the first request with this Idempotency-Key is still being done; ask again in a moment"
    wait = 1


class TooLarge(exceptions.APIException):
    """The body is larger than we take."""

    status_code = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    default_detail = f"the body has more than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes"


def problem_response(reason: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's exception handler. None: nobody foresaw this; Django logs it and answers with `server_error`."""
    request = context["request"]
    told = _told(reason)
    if told is None:
        return None
    status, facts = told
    response = Response(_body(status, facts, request), status=status, content_type=CONTENT_TYPE)
    for name, value in _headers(reason).items():
        response[name] = value
    return response


def problem(request: HttpRequest, status: int, detail: str) -> HttpResponse:
    """The same, for answers that no DRF view gives."""
    content = json.dumps(_body(status, {"detail": detail}, request), cls=DjangoJSONEncoder)
    return HttpResponse(content, status=status, content_type=CONTENT_TYPE)


def _body(status: int, facts: Facts, request: Any) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "request_id": request_id(getattr(request, "_request", request)),
        **facts,
    }


def _told(reason: Exception) -> tuple[int, Facts] | None:
    """The status and what there is to say; None for what we did not foresee."""
    match reason:
        case ActionError():
            return _told_by_action(reason)
        case BadField():
            return 400, {
                "detail": f"{reason.field}: {reason.detail}",
                "errors": [_error(reason.field, str(reason.detail))],
            }
        case exceptions.ValidationError():
            errors = list(_errors(reason.detail))
            return 400, {
                "detail": "; ".join(f"{e['field']}: {e['detail']}" for e in errors[:3]),
                "errors": errors,
            }
        case exceptions.NotAuthenticated():
            return reason.status_code, {"detail": NOBODY}
        case exceptions.APIException():
            return reason.status_code, {"detail": _sentence(reason.detail)}
        case Http404():
            return 404, {"detail": "there is no such thing here"}
        case PermissionDenied():
            return 403, {"detail": "your role may not do this"}
        case RequestDataTooBig():
            return 413, {"detail": TooLarge.default_detail}
        case SuspiciousOperation():
            return 400, {"detail": "the request is malformed"}
        case OperationalError() | InterfaceError():
            log.warning("the database did not answer", reason=str(reason))
            return 503, {
                "detail": "the database does not answer just now; nothing was changed by this request"
            }
        case _:
            return None


def _told_by_action(reason: ActionError) -> tuple[int, Facts]:
    sentence = str(reason)
    match reason:
        case BadInput():
            error = _error(reason.field, sentence) | ({"value": str(reason.bad)[:200]} if reason.bad else {})
            return 400, {"detail": sentence, "errors": [error]}
        case NotFound():
            return 404, {"detail": sentence}
        case AllBlocked():
            return 503, {"type": "urn:pitstop:all-blocked", "detail": sentence}
        case RateLimited():
            return 429, {"type": "urn:pitstop:rate-limited", "detail": sentence}
        case IllegalMove():
            return 409, {
                "type": "urn:pitstop:illegal-move",
                "detail": sentence,
                "legal": sorted(reason.legal),
            }
        case PlanChanged():
            return 409, {
                "type": "urn:pitstop:plan-changed",
                "detail": sentence,
                "plan_hash": reason.plan.hash,
            }
        case Conflict():
            return 409, {
                "type": "urn:pitstop:conflict",
                "detail": sentence,
                "owner": reason.owner,
                "items": list(reason.items),
            }
        case _:
            return 409, {"detail": sentence}


def _headers(reason: Exception) -> dict[str, str]:
    headers: dict[str, str] = {}
    if challenge := getattr(reason, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait_s := getattr(reason, "wait", None):
        headers["Retry-After"] = str(int(wait_s))
    if isinstance(reason, AllBlocked | RateLimited):
        headers["Retry-After"] = str(reason.retry_after_s)
    if isinstance(reason, OperationalError | InterfaceError):
        headers["Retry-After"] = str(RETRY_DATABASE_S)
    return headers


def _error(field: str, detail: str) -> dict[str, str]:
    return {"field": field, "detail": detail}


def _errors(detail: Any, path: str = "") -> Sequence[dict[str, str]]:
    """DRF's nested details as a flat list; a place in a list is named `hosts[3]`."""
    if isinstance(detail, Mapping):
        found: list[dict[str, str]] = []
        for name, inner in detail.items():
            if name == "non_field_errors":
                place = path
            elif isinstance(name, int):
                place = f"{path}[{name}]"
            else:
                place = f"{path}.{name}" if path else str(name)
            found.extend(_errors(inner, place))
        return found
    if isinstance(detail, list):
        found = []
        for position, inner in enumerate(detail):
            found.extend(_errors(inner, f"{path}[{position}]" if isinstance(inner, Mapping) else path))
        return found
    return [_error(path or "body", str(detail))]


def _sentence(detail: Any) -> str:
    return str(detail) if isinstance(detail, str) else "; ".join(e["detail"] for e in _errors(detail))
