"""Rolling maintenance by REST: start, look, steer. Every POST is one call to `maintenance.actions`."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import visible_runs
from dashboard.api.bodies import Id, Ids, Moment, Nothing, OneOf, StrictBody, Text, WholeNumber, YesNo
from dashboard.api.filters import by_id, by_text, by_word
from dashboard.api.inventory import ListOfRows
from dashboard.api.run_shapes import RunLong, RunShort, long, short, short_context
from dashboard.api.views import ApiView, CommandView, person_of
from dashboard.requests import request_id
from maintenance import actions
from maintenance.actions.requests import HOSTS_OUT_MAX, IDS_MAX, PAYLOAD_BYTES_MAX, SCOPE_KINDS, TIMEOUT_S_MAX
from maintenance.domain.states import OnFailure, RunKind, RunState
from maintenance.limits import rules_of_new_runs
from maintenance.models import Run

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="the same key and body do it once and get the first answer again, for 24 hours",
)


class Start(StrictBody):
    """What to take through maintenance (exactly one of zones, pods, clusters, hosts), and the rules."""

    cloud = Id(required=False)
    zones = Ids(required=False, max_length=IDS_MAX)
    pods = Ids(required=False, max_length=IDS_MAX)
    clusters = Ids(required=False, max_length=IDS_MAX)
    hosts = Ids(required=False, max_length=IDS_MAX)
    payload = Text(required=False, allow_null=True, allow_blank=True, bytes_max=PAYLOAD_BYTES_MAX)
    timeout_s = WholeNumber(required=False, min_value=1, max_value=TIMEOUT_S_MAX)
    drain_timeout_s = WholeNumber(required=False, min_value=1, max_value=TIMEOUT_S_MAX)
    on_failure = OneOf(*OnFailure, required=False)
    max_unavailable = WholeNumber(required=False, min_value=1, max_value=HOSTS_OUT_MAX)
    clusters_in_parallel = WholeNumber(required=False, min_value=1, max_value=HOSTS_OUT_MAX)
    skip_unready = YesNo(required=False)
    not_before = Moment(required=False, allow_null=True)
    reason = Text(required=False, allow_blank=True, max_length=500)
    ticket = Text(required=False, allow_blank=True, max_length=120)
    plan_hash = Text(required=False, allow_blank=True, max_length=64)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = [kind for kind in SCOPE_KINDS if kind in attrs]
        if not given:
            raise ValidationError({"hosts": f"no ids: give exactly one of {', '.join(SCOPE_KINDS)}"})
        if len(given) > 1:
            raise ValidationError(
                {given[1]: f"{given[0]} is given too; give exactly one of {', '.join(SCOPE_KINDS)}"}
            )
        return attrs


class Runs(CommandView, ListOfRows):
    """GET: a page of runs, the newest first. POST: a rolling maintenance."""

    body = Start
    audited_as = "rolling maintenance started"
    serializer_class = RunShort
    ordering = ("-number",)
    filters = {
        "cloud": by_id("cloud_id", "cloud"),
        "state": by_word("state", tuple(RunState), "state"),
        "kind": by_word("kind", tuple(RunKind), "kind"),
        "started_by": by_text("started_by", "a user's name"),
        "host": by_id("targets__host_id", "host"),
    }

    def get_queryset(self) -> QuerySet[Run]:
        return visible_runs(self.request.user).select_related("cloud")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page: Any = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(RunShort(page, many=True, context=short_context(page)).data)

    @extend_schema(request=Start, responses={201: RunShort}, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def do(self, request: Request, given: Mapping[str, Any], **ids: Any) -> Response:
        scope_kind = next(kind for kind in SCOPE_KINDS if kind in given)
        chosen = {name: value for name, value in given.items() if name not in {*SCOPE_KINDS, "cloud"}}
        rules: dict[str, Any] = {**rules_of_new_runs(), **chosen}
        asked = actions.StartRequest(
            scope_kind=scope_kind, scope_ids=tuple(given[scope_kind]), cloud_id=given.get("cloud"), **rules
        )
        run = actions.start_rolling_maintenance(asked, **by(request))
        return _created(run)

    def done_before(self, run_id: str) -> Response:
        return _created(Run.objects.get(id=run_id))


class OneRun(ApiView):
    """GET: the run with its hosts, their stages, and the result."""

    @extend_schema(responses=RunLong)
    def get(self, request: Request, run_id: UUID) -> Response:
        run = visible_runs(request.user).select_related("cloud").filter(id=run_id).first()
        if run is None:
            raise NotFound(f"no run has the id {run_id}")
        return Response(long(run))


class Steer(CommandView):
    """POST: one move of the whole run, or of one of its hosts. The answer is the run."""

    move: Callable[..., Run]

    @extend_schema(request=Nothing, responses=RunShort, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def do(self, request: Request, given: Mapping[str, Any], **ids: Any) -> Response:
        run_id = ids["run_id"]
        if not visible_runs(request.user).filter(id=run_id).exists():
            raise NotFound(f"no run has the id {run_id}")
        return Response(short(self.move(*ids.values(), **by(request))))

    def done_before(self, run_id: str) -> Response:
        return Response(short(Run.objects.get(id=run_id)))


class Pause(Steer):
    """No further host starts; begun ones finish their way home."""

    move = staticmethod(actions.pause_run)
    audited_as = "run: pause"


class Resume(Steer):
    """The run goes on."""

    move = staticmethod(actions.resume_run)
    audited_as = "run: resume"


class Cancel(Steer):
    """Running scripts are stopped, hosts that are out are returned to service, then the run is Cancelled."""

    move = staticmethod(actions.cancel_run)
    audited_as = "run: cancel"


class Retry(Steer):
    """A new attempt of a failed host of a paused run."""

    move = staticmethod(actions.retry_host)
    audited_as = "run: retry a host"


class Skip(Steer):
    """The waiting host, or the failed one of a paused run, ends Skipped."""

    move = staticmethod(actions.skip_host)
    audited_as = "run: skip a host"


def by(request: Request) -> dict[str, str]:
    """Who acts, for the audit."""
    return {"actor": person_of(request).get_username(), "request_id": request_id(request._request)}


def _created(run: Run) -> Response:
    return Response(short(run), status=201, headers={"Location": reverse("api:run", args=[run.id])})
