"""System VMs and routers, with CloudStack's names. The version told is the one probed, with its time.

A tenant is told of what belongs to accounts they are a member of; the ids of others do not exist for them.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import Person, principal, visible_system_vms
from dashboard.api.bodies import Nothing
from dashboard.api.filters import Filter, by_id, by_state, by_text, by_word
from dashboard.api.inventory import CLOUD, SEARCH, AsSeen, ListedRow, ListOfRows, OneRow, Rows
from dashboard.api.views import CommandView, person_of
from dashboard.models import Role
from dashboard.requests import request_id
from dashboard.screens.system_vms.census import SECURITY, annotated, census
from maintenance.actions.probing import ask_for_probe
from maintenance.clock import database_now
from maintenance.domain.system_vms import SystemVmType, Update, UpdateState
from maintenance.models import SystemVm
from maintenance.updates import updates_of

NOT_PROBED = "it could not be probed"
_KINDS = (SECURITY, *(str(state) for state in UpdateState))


class UpdateShape(serializers.Serializer):
    """What can be said of an update before anybody asks for it."""

    state = serializers.CharField(help_text=", ".join(UpdateState))
    available = serializers.BooleanField(help_text="there is one, though it may have to wait")
    possible = serializers.BooleanField(help_text="a live patch would be done now")
    reason = serializers.CharField(help_text="why not, or a remark")
    services = serializers.ListField(child=serializers.CharField(), help_text="what would restart")
    version = serializers.CharField(help_text="the newest published for its type; empty: none is")
    security = serializers.BooleanField(help_text="it fixes something of security")


class ServiceShape(serializers.Serializer):
    name = serializers.CharField()
    is_enabled = serializers.BooleanField()
    is_active = serializers.BooleanField()
    version = serializers.CharField(help_text="what it answered; empty when it did not")


class SystemVmRow(ListedRow):
    """Its context holds `now`, `updates`: what can be said of each, and whether it is told to a tenant."""

    systemvmtype = serializers.CharField(source="type", help_text=", ".join(SystemVmType))
    state = AsSeen()
    zone = serializers.CharField(source="zone.name")
    zoneid = serializers.UUIDField(source="zone_id")
    network = serializers.CharField(source="network_name", allow_null=True)
    networkid = serializers.UUIDField(source="network_id", allow_null=True)
    vpc = serializers.CharField(source="vpc_name", allow_null=True)
    vpcid = serializers.UUIDField(source="vpc_id", allow_null=True)
    account = serializers.CharField()
    domain = serializers.CharField()
    redundantstate = serializers.CharField(
        source="redundant_state", help_text="PRIMARY or BACKUP; empty: no pair"
    )
    version = serializers.CharField(source="template_version", help_text="of the image it runs")
    scriptsversion = serializers.CharField(source="scripts_checksum", help_text="as probed")
    softwareversion = serializers.CharField(source="software_version", help_text="as probed")
    requiresupgrade = serializers.SerializerMethodField(
        help_text="a live patch is not enough: it has to be made anew from a newer image"
    )
    services = ServiceShape(many=True, help_text="as probed")
    update = serializers.SerializerMethodField()  # type: ignore[assignment]  # a field, as the name is asked for
    probed_at = serializers.DateTimeField(allow_null=True)
    probe_error = serializers.SerializerMethodField(
        help_text="why it could not be probed since; empty when it could; to tenants only that"
    )

    def get_requiresupgrade(self, row: SystemVm) -> bool:
        return self._update(row).state is UpdateState.NEEDS_UPGRADE

    def get_probe_error(self, row: SystemVm) -> str:
        """The cloud's own words name the host."""
        return NOT_PROBED if row.probe_error and self.context["is_tenant"] else row.probe_error

    @extend_schema_field(UpdateShape)
    def get_update(self, row: SystemVm) -> Any:
        update = self._update(row)
        return {
            "state": str(update.state),
            "available": update.state in {UpdateState.AVAILABLE, UpdateState.WAITS},
            "possible": update.possible,
            "reason": update.reason,
            "services": list(update.services),
            "version": update.version,
            "security": update.fixes_security,
        }

    def _update(self, row: SystemVm) -> Update:
        found: Mapping[UUID, Update] = self.context["updates"]
        return found[row.id]


def _of_update(value: str) -> Q:
    if value not in _KINDS:
        raise ValueError(f"give one of {', '.join(_KINDS)}")
    return Q(pk__in=annotated().filter(census().which(value)).values("pk"))


class SystemVmRows(Rows):
    serializer_class = SystemVmRow
    filters = {
        "cloud": CLOUD,
        "zone": by_id("zone_id", "zone"),
        "network": by_id("network_id", "network"),
        "vpc": by_id("vpc_id", "VPC"),
        "systemvmtype": by_word("type", tuple(SystemVmType), "type"),
        "state": by_state("state"),
        "account": by_text("account", "the owner's account"),
        "domain": by_text("domain", "the owner's domain"),
        "update": Filter(_of_update, f"what can be said of an update: {', '.join(_KINDS)}"),
        "search": SEARCH,
    }

    def get_queryset(self) -> QuerySet[SystemVm]:
        rows = visible_system_vms(self.request.user).select_related("cloud", "zone")
        return rows.annotate(network_name=F("network__name"), vpc_name=F("vpc__name"))


class SystemVms(SystemVmRows, ListOfRows):
    """GET: a page of system VMs and routers."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page: Any = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(
            SystemVmRow(page, many=True, context=context_of(page, request.user)).data
        )


class OneSystemVm(SystemVmRows, OneRow):
    """GET: one system VM or router by its id."""

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        row = self.get_object()
        return Response(SystemVmRow(row, context=context_of([row], request.user)).data)


def context_of(rows: list[SystemVm], person: Person) -> dict[str, Any]:
    return {
        "now": database_now(),
        "updates": updates_of(rows),
        "is_tenant": principal(person) == Role.TENANT,
    }


class ProbeAsked(serializers.Serializer):
    id = serializers.UUIDField()
    probed_at = serializers.DateTimeField(
        allow_null=True, help_text="of the probe before: it changes with the new"
    )


class Probe(CommandView):
    """POST: an engine probes it within seconds; `probed_at` of the VM tells when it has."""

    audited_as = "system VM: probe asked for"

    @extend_schema(request=Nothing, responses={202: ProbeAsked})
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def do(self, request: Request, given: Mapping[str, Any], **ids: Any) -> Response:
        vm_id = ids["system_vm_id"]
        if not visible_system_vms(request.user).filter(id=vm_id, gone_at=None).exists():
            raise NotFound(f"no system VM has the id {vm_id}")
        who = person_of(request).get_username()
        vm = ask_for_probe(vm_id, actor=who, request_id=request_id(request._request))
        return Response({"id": str(vm.id), "probed_at": vm.probed_at}, status=202)

    def done_before(self, run_id: str) -> Response:
        raise AssertionError("no run is made by it")
