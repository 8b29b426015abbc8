"""Live patches by REST: of system VMs, of the routers of networks, or of whatever is outdated.

A tenant patches what is theirs and nothing else, and is told nothing of what others have in the same run.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import (
    ADMINISTRATORS,
    principal,
    visible_live_patches,
    visible_networks,
    visible_system_vms,
)
from dashboard.api.bodies import Id, Ids, Moment, OneOf, StrictBody, Text, WholeNumber, YesNo
from dashboard.api.filters import by_id, by_word
from dashboard.api.inventory import ListOfRows
from dashboard.api.live_patch_shapes import PatchLong, PatchShort, patch_long, patch_short, patch_shorts
from dashboard.api.runs import IDEMPOTENCY_KEY, by
from dashboard.api.views import ApiView, CommandView
from dashboard.models import Role
from maintenance.actions.errors import AllBlocked, Conflict
from maintenance.actions.live_patches import (
    PER_ZONE_MAX,
    SOAK_S_MAX,
    VMS_MAX,
    PatchRequest,
    PatchStarted,
    start_live_patch,
)
from maintenance.domain.states import OnFailure, RunState
from maintenance.models import Run

SCOPES = ("system_vms", "networks", "zones", "all_outdated")
TENANTS_MAY_SAY = frozenset({"system_vms", "networks", "not_before", "reason"})
CLOUD_BUSY = "the cloud takes no changes just now; try again later"
BUSY = "some of these are being updated already, or operators work on the cloud; try again when that is over"


class Throttle(StrictBody):
    per_zone = WholeNumber(
        required=False, min_value=1, max_value=PER_ZONE_MAX, help_text="at once; default 1"
    )
    canary = WholeNumber(required=False, min_value=0, max_value=VMS_MAX, help_text="first, alone; default 0")
    soak_s = WholeNumber(
        required=False,
        min_value=0,
        max_value=SOAK_S_MAX,
        help_text="services are watched so long; default 10",
    )

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValidationError("give an object")
        return super().to_internal_value(data)


class WhatToPatch(StrictBody):
    """Exactly one of system_vms, networks, zones, all_outdated; and how."""

    system_vms = Ids(required=False, max_length=VMS_MAX)
    networks = Ids(required=False, max_length=VMS_MAX, help_text="their routers; a VPC's serve all its tiers")
    zones = Ids(required=False, max_length=VMS_MAX)
    all_outdated = YesNo(required=False)
    forced = YesNo(required=False, help_text="also what is current already; administrators only")
    payload = Id(required=False, help_text="a published payload; without it, the newest")
    throttle = Throttle(required=False)
    on_failure = OneOf(*OnFailure, required=False)
    not_before = Moment(required=False, allow_null=True)
    reason = Text(required=False, allow_blank=True, max_length=500)
    ticket = Text(required=False, allow_blank=True, max_length=120)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        given = [name for name in SCOPES if attrs.get(name)]
        if len(given) != 1:
            wrong = given[1] if given else "system_vms"
            raise ValidationError({wrong: f"give exactly one of {', '.join(SCOPES)}"})
        return attrs


class LivePatches(CommandView, ListOfRows):
    """GET: a page of live patches, the newest first. POST: 201 with a new one; 200 with the one that has the same
    system VMs already."""

    body = WhatToPatch
    audited_as = "live patch started"
    serializer_class = PatchShort
    ordering = ("-number",)
    filters = {
        "state": by_word("state", tuple(RunState), "state"),
        "system_vm": by_id("targets__system_vm_id", "system VM"),
    }

    def get_queryset(self) -> QuerySet[Run]:
        return visible_live_patches(self.request.user).select_related("cloud")

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        asked = request.query_params.get("system_vm")
        rows = self.filter_queryset(self.get_queryset())
        if asked is not None and not visible_system_vms(request.user).filter(id=asked).exists():
            rows = rows.none()  # what is not theirs is in no patch of theirs
        page: Any = self.paginate_queryset(rows)
        return self.get_paginated_response(patch_shorts(page, request.user))

    @extend_schema(
        request=WhatToPatch, responses={201: PatchShort, 200: PatchShort}, parameters=[IDEMPOTENCY_KEY]
    )
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def do(self, request: Request, given: Mapping[str, Any], **ids: Any) -> Response:
        _may_ask(request, given)
        asked = PatchRequest(
            system_vm_ids=tuple(given.get("system_vms", ())),
            network_ids=tuple(given.get("networks", ())),
            zone_ids=tuple(given.get("zones", ())),
            all_outdated=given.get("all_outdated", False),
            forced=given.get("forced", False),
            payload_id=given.get("payload"),
            **given.get("throttle", {}),
            **{
                name: given[name]
                for name in ("on_failure", "not_before", "reason", "ticket")
                if name in given
            },
        )
        started = start_for(request, asked)
        return _answer(request, started.run, status=200 if started.joined else 201)

    def done_before(self, run_id: str) -> Response:
        return _answer(self.request, Run.objects.get(id=run_id), status=201)


class OneLivePatch(ApiView):
    """GET: the patch with each of its system VMs, its steps, and how it ended."""

    @extend_schema(responses=PatchLong)
    def get(self, request: Request, run_id: UUID) -> Response:
        run = visible_live_patches(request.user).select_related("cloud").filter(id=run_id).first()
        if run is None:
            raise NotFound(f"no live patch has the id {run_id}")
        return Response(patch_long(run, request.user))


def asks_as_tenant(request: Request) -> bool:
    return principal(request.user) == Role.TENANT


def _may_ask(request: Request, given: Mapping[str, Any]) -> None:
    """Raises: PermissionDenied for what the role may not say, NotFound for what it may not see."""
    if given.get("forced") and principal(request.user) not in ADMINISTRATORS:
        raise PermissionDenied("forced: only administrators patch what is current already")
    if asks_as_tenant(request) and (others := sorted(given.keys() - TENANTS_MAY_SAY)):
        allowed = ", ".join(sorted(TENANTS_MAY_SAY))
        raise PermissionDenied(f"{others[0]}: tenants may say {allowed}")
    for name, what, visible in (
        ("system_vms", "system VM", visible_system_vms(request.user)),
        ("networks", "network", visible_networks(request.user)),
    ):
        ids = given.get(name, ())
        known = set(visible.filter(id__in=ids, gone_at=None).values_list("id", flat=True)) if ids else set()
        for key in ids:
            if key not in known:
                raise NotFound(f"no {what} has the id {key}")


def start_for(request: Request, asked: PatchRequest) -> PatchStarted:
    """The patch, asked for by this person. To tenants a refusal names no other run, no person and no server. Raises:
    what the action raises."""
    who, is_tenant = by(request), asks_as_tenant(request)
    try:
        return start_live_patch(asked, is_tenant=is_tenant, actor=who["actor"], request_id=who["request_id"])
    except Conflict as refused:
        if is_tenant and refused.owner is not None:
            raise Conflict(BUSY) from None
        raise
    except AllBlocked as refused:
        if not is_tenant:
            raise
        raise AllBlocked(CLOUD_BUSY, retry_after_s=refused.retry_after_s) from None


def _answer(request: Request, run: Run, *, status: int) -> Response:
    where = {"Location": reverse("api:live-patch", args=[run.id])}
    return Response(patch_short(run, request.user), status=status, headers=where)
