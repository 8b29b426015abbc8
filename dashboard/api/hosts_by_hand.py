"""One host by hand: into maintenance, and back. The engine does it, as a run over this host alone."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import visible_hosts
from dashboard.api.bodies import Nothing, StrictBody, Text
from dashboard.api.run_shapes import RunShort, short
from dashboard.api.runs import IDEMPOTENCY_KEY, by
from dashboard.api.views import CommandView
from maintenance import actions
from maintenance.models import Run


class Why(StrictBody):
    reason = Text(required=False, allow_blank=True, max_length=500)


class Prepare(CommandView):
    """POST: the host goes into maintenance and is held there until it is asked back. 202: the run that does it."""

    body = Why
    audited_as = "host put into maintenance"

    @extend_schema(request=Why, responses={202: RunShort}, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def do(self, request: Request, given: Mapping[str, Any], **ids: Any) -> Response:
        host_id = _visible(request, ids["host_id"])
        return Response(short(actions.prepare_host(host_id, **given, **by(request))), status=202)

    def done_before(self, run_id: str) -> Response:
        return Response(short(Run.objects.get(id=run_id)), status=202)


class Return(CommandView):
    """POST: the host we hold, or one that a run left flagged, goes back into service. 202: the run that does it."""

    audited_as = "host returned to service"

    @extend_schema(request=Nothing, responses={202: RunShort}, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def do(self, request: Request, given: Mapping[str, Any], **ids: Any) -> Response:
        host_id = _visible(request, ids["host_id"])
        return Response(short(actions.return_host(host_id, **by(request))), status=202)

    def done_before(self, run_id: str) -> Response:
        return Response(short(Run.objects.get(id=run_id)), status=202)


def _visible(request: Request, host_id: UUID) -> UUID:
    if not visible_hosts(request.user).filter(id=host_id).exists():
        raise NotFound(f"no host has the id {host_id}")
    return host_id
