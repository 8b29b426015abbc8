"""Networks and VPCs, with CloudStack's names, and how a restart would replace their routers.

A tenant is told of what belongs to accounts they are a member of; the ids of others do not exist for them.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import F, OuterRef, Q, QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import principal, visible_networks, visible_system_vms, visible_vpcs
from dashboard.api.filters import by_id, by_text
from dashboard.api.inventory import CLOUD, SEARCH, ListedRow, ListOfRows, OneRow, Rows
from dashboard.models import Role
from maintenance.actions.router_plans import RestartPlan, RestartRequest, plan_router_restart
from maintenance.domain.router_restart import RestartWay
from maintenance.models import Network, Vpc
from maintenance.usual_restarts import MeasuredWay, usual_restarts


class MeasuredShape(serializers.Serializer):
    """Downtime as probes measured it from outside, of networks that were restarted in this way."""

    direction = serializers.CharField(help_text="ingress, egress or load-balancer")
    times = serializers.IntegerField(help_text="so many networks were measured")
    average_ms = serializers.FloatField()
    lowest_ms = serializers.FloatField()


class RestartShape(serializers.Serializer):
    """What restarting with cleanup would be, said before it is asked for."""

    possible = serializers.BooleanField()
    way = serializers.CharField(help_text=", ".join(RestartWay))
    reason = serializers.CharField(
        help_text="why it is not possible, or why not in the way that one would expect"
    )
    new_version = serializers.CharField(help_text="of the image that new routers get; empty: not known")
    downtime = MeasuredShape(many=True, help_text="empty: this way was not measured yet")


class NetworkRow(ListedRow):
    """Its context holds `plans` of restarts by network and VPC, and what was `measured`."""

    state = serializers.CharField()
    zone = serializers.CharField(source="zone.name")
    zoneid = serializers.UUIDField(source="zone_id")
    vpc = serializers.CharField(source="vpc_name", allow_null=True)
    vpcid = serializers.UUIDField(source="vpc_id", allow_null=True)
    account = serializers.CharField()
    domain = serializers.CharField()
    redundantrouter = serializers.BooleanField(source="is_redundant", help_text="it has a pair of routers")
    routers = serializers.ListField(
        source="router_ids", child=serializers.UUIDField(), help_text="ids: its own, or its VPC's"
    )
    restart = serializers.SerializerMethodField(
        help_text="of its routers, or its VPC's; null for tenants, and where the cloud lists none of it any more"
    )

    @extend_schema_field(RestartShape(allow_null=True))
    def get_restart(self, row: Network) -> Any:
        return _restart_of(row.vpc_id or row.id, self.context)


class VpcRow(ListedRow):
    """A VPC; its tiers are `networks/?vpc=ID`. Its context is NetworkRow's."""

    zone = serializers.CharField(source="zone.name")
    zoneid = serializers.UUIDField(source="zone_id")
    account = serializers.CharField()
    domain = serializers.CharField()
    routers = serializers.ListField(source="router_ids", child=serializers.UUIDField(), help_text="ids")
    restart = serializers.SerializerMethodField(help_text="as of a network")

    @extend_schema_field(RestartShape(allow_null=True))
    def get_restart(self, row: Vpc) -> Any:
        return _restart_of(row.id, self.context)


def _restart_of(place_id: UUID, context: Mapping[str, Any]) -> dict[str, Any] | None:
    plans: Mapping[UUID, RestartPlan] = context["plans"]
    measured: Mapping[str, Sequence[MeasuredWay]] = context["measured"]
    plan = plans.get(place_id)
    if plan is None:
        return None
    return {
        "possible": not plan.refused,
        "way": str(plan.chosen.way),
        "reason": plan.refused or plan.chosen.words,
        "new_version": plan.new_version,
        "downtime": MeasuredShape(measured.get(plan.chosen.way, ()), many=True).data,
    }


def _restarts(request: Request, networks: Sequence[Network], vpcs: Sequence[Vpc]) -> dict[str, Any]:
    """What rows need beside them. The number of queries does not depend on how many they are."""
    nothing: dict[str, Any] = {"plans": {}, "measured": {}}
    if principal(request.user) == Role.TENANT:  # it would tell them of operators and their runs
        return nothing
    of_tiers = {one.vpc_id for one in networks if one.vpc_id is not None}
    listed = [vpc.id for vpc in vpcs if vpc.gone_at is None]
    if of_tiers:
        listed += Vpc.objects.filter(id__in=of_tiers, gone_at=None).values_list("id", flat=True)
    alone = [one.id for one in networks if one.vpc_id is None and one.gone_at is None]
    if not alone and not listed:
        return nothing
    plans = plan_router_restart(RestartRequest(network_ids=tuple(alone), vpc_ids=tuple(listed)))
    return {"plans": {plan.place_id: plan for plan in plans}, "measured": usual_restarts()}


class NetworkRows(Rows):
    serializer_class = NetworkRow
    filters = {
        "cloud": CLOUD,
        "zone": by_id("zone_id", "zone"),
        "vpc": by_id("vpc_id", "VPC"),
        "account": by_text("account", "the owner's account"),
        "domain": by_text("domain", "the owner's domain"),
        "search": SEARCH,
    }

    def get_queryset(self) -> QuerySet[Network]:
        rows = visible_networks(self.request.user).select_related("cloud", "zone")
        of_it = Q(network=OuterRef("pk")) | Q(vpc__isnull=False, vpc=OuterRef("vpc_id"))
        routers = visible_system_vms(self.request.user).filter(of_it, gone_at=None).order_by("name", "id")
        return rows.annotate(vpc_name=F("vpc__name"), router_ids=ArraySubquery(routers.values("id")))


class Networks(NetworkRows, ListOfRows):
    """GET: a page of networks; in a VPC they are its tiers."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page: Any = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        context = self.get_serializer_context() | _restarts(request, page, [])
        return self.get_paginated_response(NetworkRow(page, many=True, context=context).data)


class OneNetwork(NetworkRows, OneRow):
    """GET: one network by its id."""

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        context = self.get_serializer_context() | _restarts(request, [row], [])
        return Response(NetworkRow(row, context=context).data)


class VpcRows(Rows):
    serializer_class = VpcRow
    filters = {
        "cloud": CLOUD,
        "zone": by_id("zone_id", "zone"),
        "account": by_text("account", "the owner's account"),
        "domain": by_text("domain", "the owner's domain"),
        "search": SEARCH,
    }

    def get_queryset(self) -> QuerySet[Vpc]:
        rows = visible_vpcs(self.request.user).select_related("cloud", "zone")
        routers = visible_system_vms(self.request.user).filter(vpc=OuterRef("pk"), gone_at=None)
        return rows.annotate(router_ids=ArraySubquery(routers.order_by("name", "id").values("id")))


class Vpcs(VpcRows, ListOfRows):
    """GET: a page of VPCs."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page: Any = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        context = self.get_serializer_context() | _restarts(request, [], page)
        return self.get_paginated_response(VpcRow(page, many=True, context=context).data)


class OneVpc(VpcRows, OneRow):
    """GET: one VPC by its id."""

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        context = self.get_serializer_context() | _restarts(request, [], [row])
        return Response(VpcRow(row, context=context).data)
