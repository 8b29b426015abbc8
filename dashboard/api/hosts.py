"""Hosts, with CloudStack's names for the fields, as programs read them by the ten thousand.

Which hosts are on a page is found first, among narrow rows; then those are read with what belongs to them, once. Each
is written from its values: through a field object apiece it would take three times as long.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dashboard.access import visible_hosts
from dashboard.api.filters import UNKNOWN, by_id, by_state, by_text
from dashboard.api.inventory import CLOUD, MIB, SEARCH, ListedRow, ListOfRows, OneRow, Rows, how_many
from maintenance.domain.hook_stages import STAGES
from maintenance.models import Cloud, Host, Instance

VALUES = (
    *("id", "name", "cloud_id", "changed_at", "gone_at", "state", "resource_state", "hypervisor"),
    *("cluster_id", "cluster__name", "cluster__pod_id", "cluster__pod__name"),
    *("cluster__pod__zone_id", "cluster__pod__zone__name"),
    # The server may be gone from the inventory while the host still names it: no join may lose the host.
    *("management_server_id", "management_server__name"),
    *("cpu_cores", "memory_mb", "tags", "agent_version", "hooks", "instances_there"),
)

type Values = Mapping[str, Any]


class HooksFound(serializers.Serializer):
    """Whether the host has a script for the stage; null: not known."""

    PreFlight = serializers.BooleanField(allow_null=True)
    PreMaintenance = serializers.BooleanField(allow_null=True)
    Maintenance = serializers.BooleanField(allow_null=True)
    PostMaintenance = serializers.BooleanField(allow_null=True)


class HostRow(ListedRow):
    """The fields as they are described; `to_representation` writes them, in this order, from a row's values."""

    state = serializers.CharField(help_text="the agent's state")
    resourcestate = serializers.CharField()
    hypervisor = serializers.CharField()
    zoneid = serializers.UUIDField()
    zonename = serializers.CharField()
    podid = serializers.UUIDField()
    podname = serializers.CharField()
    clusterid = serializers.UUIDField()
    clustername = serializers.CharField()
    managementserverid = serializers.UUIDField(allow_null=True)
    managementservername = serializers.CharField(allow_null=True)
    cpunumber = serializers.IntegerField()
    memorytotal = serializers.SerializerMethodField(help_text="bytes")
    hosttags = serializers.SerializerMethodField()
    version = serializers.CharField()
    hooks = serializers.SerializerMethodField()
    instances = serializers.IntegerField(help_text="instances on it, as last read")

    def get_memorytotal(self, row: Values) -> int:
        return int(row["memory_mb"]) * MIB

    def get_hosttags(self, row: Values) -> str:
        return ",".join(row["tags"])

    @extend_schema_field(HooksFound)
    def get_hooks(self, row: Values) -> dict[str, bool | None]:
        found: Mapping[str, Any] = row["hooks"] or {}
        return {stage: found[stage]["present"] if stage in found else None for stage in STAGES}

    def to_representation(self, row: Values) -> dict[str, Any]:
        cloud: _CloudNow = self.context["clouds"][row["cloud_id"]]
        is_known = cloud.is_known and row["gone_at"] is None
        server = row["management_server_id"]
        return {
            "id": str(row["id"]),
            "name": row["name"],
            "cloudid": cloud.id,
            "cloudname": cloud.name,
            "seen_at": cloud.read_at
            if row["gone_at"] is None and cloud.read_at
            else _time(row["changed_at"]),
            "gone_at": _time(row["gone_at"]),
            "state": row["state"] if is_known else UNKNOWN,
            "resourcestate": row["resource_state"] if is_known else UNKNOWN,
            "hypervisor": row["hypervisor"],
            "zoneid": str(row["cluster__pod__zone_id"]),
            "zonename": row["cluster__pod__zone__name"],
            "podid": str(row["cluster__pod_id"]),
            "podname": row["cluster__pod__name"],
            "clusterid": str(row["cluster_id"]),
            "clustername": row["cluster__name"],
            "managementserverid": None if server is None else str(server),
            "managementservername": row["management_server__name"],
            "cpunumber": row["cpu_cores"],
            "memorytotal": self.get_memorytotal(row),
            "hosttags": self.get_hosttags(row),
            "version": row["agent_version"],
            "hooks": self.get_hooks(row),
            "instances": row["instances_there"],
        }


class _CloudNow:
    """What all rows of a cloud have in common, worked out once."""

    def __init__(self, cloud: Cloud, now: datetime) -> None:
        self._cloud = cloud
        self.id, self.name = str(cloud.id), cloud.name
        self.is_known = cloud.is_known(now)

    @cached_property
    def read_at(self) -> str | None:
        return _time(self._cloud.read_at)


def _time(value: datetime | None) -> str | None:
    written: str | None = _TIME.to_representation(value)
    return written


_TIME = serializers.DateTimeField()


# ---- views -----------------------------------------------------------------------------------------------------


class HostRows(Rows):
    serializer_class = HostRow
    filters = {
        "cloud": CLOUD,
        "zone": by_id("cluster__pod__zone_id", "zone"),
        "pod": by_id("cluster__pod_id", "pod"),
        "cluster": by_id("cluster_id", "cluster"),
        "state": by_state("state"),
        "resourcestate": by_state("resource_state"),
        "hypervisor": by_text("hypervisor", "such as KVM"),
        "managementserver": by_id("management_server_id", "management server"),
        "search": SEARCH,
    }

    def get_queryset(self) -> QuerySet[Host]:
        return visible_hosts(self.request.user)

    def get_serializer_context(self) -> dict[str, Any]:
        context = super().get_serializer_context()
        clouds = {cloud.id: _CloudNow(cloud, context["now"]) for cloud in Cloud.objects.all()}
        return {**context, "clouds": clouds}


class Hosts(HostRows, ListOfRows):
    def paginate_queryset(self, queryset: Any) -> list[Any]:
        page = super().paginate_queryset(queryset.values("id", "name"))
        assert page is not None, "this list has pages"
        found = _values([row["id"] for row in page])
        return [found[row["id"]] for row in page if row["id"] in found]


class OneHost(HostRows, OneRow):
    def get_object(self) -> Any:
        key = super().get_object().id
        found = _values([key])
        if key not in found:
            raise Http404
        return found[key]


def _values(ids: Collection[UUID]) -> dict[UUID, Values]:
    rows = Host.objects.filter(id__in=ids).order_by().annotate(instances_there=how_many(Instance, "host"))
    return {row["id"]: row for row in rows.values(*VALUES)}
