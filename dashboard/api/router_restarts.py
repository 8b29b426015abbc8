"""Restarting the routers of a network or VPC by REST, as CloudStack's restartNetwork and restartVPC: patched live,
replaced, or their rules applied again. A tenant has what is theirs patched live, and nothing else."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import ADMINISTRATORS, principal, visible_networks, visible_system_vms, visible_vpcs
from dashboard.api.bodies import StrictBody, Text, YesNo
from dashboard.api.live_patches import asks_as_tenant, start_for
from dashboard.api.runs import IDEMPOTENCY_KEY, by
from dashboard.api.views import CommandView
from maintenance.actions.errors import Conflict
from maintenance.actions.live_patches import PatchRequest
from maintenance.actions.router_plans import RestartRequest
from maintenance.actions.router_restarts import start_router_restart
from maintenance.domain.router_restart import RestartWay
from maintenance.domain.states import RunKind, RunState, word
from maintenance.domain.system_vms import ROUTERS
from maintenance.models import Network, Run, SystemVm, Vpc

PATCHED, RESTARTED = "live patch started", "router restart started"
TENANTS_MAY_SAY = frozenset({"livepatch", "reason"})


class HowToRestartRouters(StrictBody):
    """With `livepatch` they are patched live; with `cleanup` they are replaced; with neither their rules are applied
    again and nothing is replaced."""

    livepatch = YesNo(required=False, help_text="default false; not together with cleanup")
    cleanup = YesNo(required=False, help_text="new routers are started, and the old ones destroyed")
    makeredundant = YesNo(required=False, help_text="with cleanup: a second router is added")
    serial = YesNo(
        required=False,
        help_text="with cleanup: the old router is stopped first; for comparison, it costs downtime",
    )
    forced = YesNo(
        required=False, help_text="with livepatch: also what is current already; administrators only"
    )
    reason = Text(required=False, allow_blank=True, max_length=500)
    ticket = Text(required=False, allow_blank=True, max_length=120)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs.get("livepatch") and attrs.get("cleanup"):
            raise ValidationError(
                {"cleanup": "livepatch is given too: a live patch replaces no router; give one of the two"}
            )
        for name, with_what, why in (
            ("makeredundant", "cleanup", "a network becomes redundant only when its routers are replaced"),
            ("serial", "cleanup", "only routers that are replaced can be stopped first"),
            ("forced", "livepatch", "only a live patch can be forced"),
        ):
            if attrs.get(name) and not attrs.get(with_what):
                raise ValidationError({name: f"{why}: give {with_what} too"})
        return attrs


class RouterOfRestart(serializers.Serializer):
    id = serializers.UUIDField(source="system_vm_id")
    name = serializers.CharField()


class RestartAnswer(serializers.Serializer):
    """The run that does it; all of it is at the answer's Location."""

    id = serializers.UUIDField()
    number = serializers.IntegerField(help_text="what people call it: Run 118")
    kind = serializers.CharField(help_text=f"{RunKind.LIVE_PATCH} or {RunKind.ROUTER_RESTART}")
    state = serializers.CharField(help_text=", ".join(RunState))
    word = serializers.SerializerMethodField(help_text="the people's word for the state")
    way = serializers.CharField(help_text=f"{', '.join(RestartWay)}; empty of a live patch")
    way_words = serializers.CharField(help_text="why it is not the way that one would expect")
    makeredundant = serializers.BooleanField(source="makes_redundant")
    routers = serializers.SerializerMethodField(help_text="in the order they are done")

    def get_word(self, run: Run) -> str:
        return word(run.state)

    @extend_schema_field(RouterOfRestart(many=True))
    def get_routers(self, run: Run) -> Any:
        theirs = visible_system_vms(self.context["person"])
        targets = run.targets.filter(system_vm__in=theirs).order_by("order")
        return RouterOfRestart(targets, many=True).data


class RestartView(CommandView):
    """Shared by networks and VPCs: the place is looked up, and what is asked for is started."""

    body = HowToRestartRouters
    thing: str

    def post(self, request: Request, **ids: Any) -> Response:
        given = request.data
        is_patch = isinstance(given, dict) and given.get("livepatch") is True
        self.audited_as = PATCHED if is_patch else RESTARTED
        return super().post(request, **ids)

    def places(self, request: Request) -> QuerySet[Network] | QuerySet[Vpc]:
        raise NotImplementedError

    def patch(self, request: Request, place_id: UUID, how: Mapping[str, Any]) -> PatchRequest:
        raise NotImplementedError

    def restart(self, place_id: UUID, how: Mapping[str, Any]) -> RestartRequest:
        raise NotImplementedError

    def do(self, request: Request, given: Mapping[str, Any], **ids: Any) -> Response:
        place_id: UUID = ids["place_id"]
        if not self.places(request).filter(id=place_id, gone_at=None).exists():
            raise NotFound(f"no {self.thing} has the id {place_id}")
        _may_ask(request, given)
        why = {name: given[name] for name in ("reason", "ticket") if name in given}
        if given.get("livepatch"):
            asked = self.patch(request, place_id, why | {"forced": given.get("forced", False)})
            patched = start_for(request, asked)
            return _answer(request, patched.run, joined=patched.joined)
        how = {
            "cleanup": given.get("cleanup", False),
            "serial": given.get("serial", False),
            "makes_redundant": given.get("makeredundant", False),
        }
        started = start_router_restart(self.restart(place_id, how | why), **by(request))
        return _answer(request, started.run, joined=started.joined)

    def done_before(self, run_id: str) -> Response:
        return _answer(self.request, Run.objects.get(id=run_id), joined=False)


ANSWERS = {202: RestartAnswer, 200: RestartAnswer}


class NetworkRestart(RestartView):
    """POST: 202 with the run; 200 with the one that does the same to it already. A tier stands for its VPC."""

    thing = "network"

    @extend_schema(request=HowToRestartRouters, responses=ANSWERS, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def places(self, request: Request) -> QuerySet[Network]:
        return visible_networks(request.user)

    def patch(self, request: Request, place_id: UUID, how: Mapping[str, Any]) -> PatchRequest:
        return PatchRequest(network_ids=(place_id,), **how)

    def restart(self, place_id: UUID, how: Mapping[str, Any]) -> RestartRequest:
        return RestartRequest(network_ids=(place_id,), **how)


class VpcRestart(RestartView):
    """POST: the routers of a VPC, which serve all its tiers. 202 with the run; 200 with the one that does the same."""

    thing = "VPC"

    @extend_schema(request=HowToRestartRouters, responses=ANSWERS, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def places(self, request: Request) -> QuerySet[Vpc]:
        return visible_vpcs(request.user)

    def patch(self, request: Request, place_id: UUID, how: Mapping[str, Any]) -> PatchRequest:
        """Raises: Conflict."""
        routers = SystemVm.objects.filter(vpc=place_id, type__in=ROUTERS, gone_at=None).order_by("name")
        ids = tuple(routers.values_list("id", flat=True))
        if not ids:
            raise Conflict("it has no router: there is nothing to patch")
        return PatchRequest(system_vm_ids=ids, **how)

    def restart(self, place_id: UUID, how: Mapping[str, Any]) -> RestartRequest:
        return RestartRequest(vpc_ids=(place_id,), **how)


def _may_ask(request: Request, given: Mapping[str, Any]) -> None:
    """Raises: PermissionDenied for what the role may not say."""
    if asks_as_tenant(request):
        others = sorted(name for name in given.keys() - TENANTS_MAY_SAY if given[name])
        if others or not given.get("livepatch"):
            what = f"{others[0]}: " if others else ""
            raise PermissionDenied(
                f"{what}tenants may have it patched live: give livepatch, and a reason if any"
            )
    if given.get("forced") and principal(request.user) not in ADMINISTRATORS:
        raise PermissionDenied("forced: only administrators patch what is current already")


def _answer(request: Request, run: Run, *, joined: bool) -> Response:
    route = "api:live-patch" if run.kind == RunKind.LIVE_PATCH else "api:run"
    told = RestartAnswer(run, context={"person": request.user}).data
    where = {"Location": reverse(route, args=[run.id])}
    return Response(told, status=200 if joined else 202, headers=where)
