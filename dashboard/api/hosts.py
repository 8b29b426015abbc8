"""Hosts, with CloudStack's names for the fields, as programs read them by the ten thousand.

Which hosts are on a page is found first, among narrow rows; then those are read with what belongs to them, in one
statement that gives most of them as they are written. Through the fields of a serializer it would take three times as
long; they say what there is.
"""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import DateTimeField, Func, QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from dashboard.access import visible_hosts
from dashboard.api.filters import UNKNOWN, by_id, by_state, by_text
from dashboard.api.inventory import CLOUD, MIB, SEARCH, ListedRow, ListOfRows, OneRow, Rows
from maintenance.domain.hook_stages import STAGES
from maintenance.models import Cloud, Host

_PRESENT = ", ".join(f"host.hooks #>> '{{{stage},present}}'" for stage in STAGES)
# The server may be gone from the inventory while the host still names it: no join may lose the host.
_ROWS = f"""
    SELECT host.id::text, host.name, host.cloud_id, host.changed_at, host.gone_at, host.state, host.resource_state,
        host.hypervisor, zone.id::text, zone.name, pod.id::text, pod.name, cluster.id::text, cluster.name,
        host.management_server_id::text, server.name, host.cpu_cores, host.memory_mb * {MIB},
        (SELECT coalesce(string_agg(tag, ',' ORDER BY place), '')
            FROM jsonb_array_elements_text(host.tags) WITH ORDINALITY AS every (tag, place)),
        host.agent_version, ARRAY[{_PRESENT}],
        (SELECT count(*) FROM maintenance_instance AS one WHERE one.host_id = host.id AND one.gone_at IS NULL)
    FROM maintenance_host AS host
    JOIN maintenance_cluster AS cluster ON cluster.id = host.cluster_id
    JOIN maintenance_pod AS pod ON pod.id = cluster.pod_id
    JOIN maintenance_zone AS zone ON zone.id = pod.zone_id
    LEFT JOIN maintenance_managementserver AS server ON server.id = host.management_server_id
    WHERE host.id = ANY(%s)
"""
_WRITTEN = {"true": True, "false": False, None: None}


class Values(NamedTuple):
    """A row of _ROWS. `present`: of each stage whether there is a script, as text."""

    id: str
    name: str
    cloud_id: UUID
    changed_at: datetime
    gone_at: datetime | None
    state: str
    resource_state: str
    hypervisor: str
    zone_id: str
    zone: str
    pod_id: str
    pod: str
    cluster_id: str
    cluster: str
    server_id: str | None
    server: str | None
    cores: int
    memory: int
    tags: str
    version: str
    present: list[str | None]
    instances: int


class HooksFound(serializers.Serializer):
    """Whether the host has a script for the stage; null: not known."""

    PreFlight = serializers.BooleanField(allow_null=True)
    PreMaintenance = serializers.BooleanField(allow_null=True)
    Maintenance = serializers.BooleanField(allow_null=True)
    PostMaintenance = serializers.BooleanField(allow_null=True)


class HostRow(ListedRow):
    """The fields as they are described; `to_representation` writes them, in this order."""

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
    memorytotal = serializers.IntegerField(help_text="bytes")
    hosttags = serializers.CharField()
    version = serializers.CharField()
    hooks = serializers.SerializerMethodField()
    instances = serializers.IntegerField(help_text="instances on it, as last read")

    @extend_schema_field(HooksFound)
    def get_hooks(self, row: Values) -> dict[str, bool | None]:
        return {stage: _WRITTEN[one] for stage, one in zip(STAGES, row.present, strict=True)}

    def to_representation(self, row: Values) -> dict[str, Any]:
        cloud: _CloudNow = self.context["clouds"][row.cloud_id]
        is_known = cloud.is_known and row.gone_at is None
        return {
            "id": row.id,
            "name": row.name,
            "cloudid": cloud.id,
            "cloudname": cloud.name,
            "seen_at": cloud.read_at if row.gone_at is None and cloud.read_at else _time(row.changed_at),
            "gone_at": _time(row.gone_at),
            "state": row.state if is_known else UNKNOWN,
            "resourcestate": row.resource_state if is_known else UNKNOWN,
            "hypervisor": row.hypervisor,
            "zoneid": row.zone_id,
            "zonename": row.zone,
            "podid": row.pod_id,
            "podname": row.pod,
            "clusterid": row.cluster_id,
            "clustername": row.cluster,
            "managementserverid": row.server_id,
            "managementservername": row.server,
            "cpunumber": row.cores,
            "memorytotal": row.memory,
            "hosttags": row.tags,
            "version": row.version,
            "hooks": self.get_hooks(row),
            "instances": row.instances,
        }


class _CloudNow:
    """What all rows of a cloud have in common, worked out once."""

    def __init__(self, cloud: Cloud, now: datetime) -> None:
        self.id, self.name = str(cloud.id), cloud.name
        self.is_known = cloud.is_known(now)
        self.read_at = _time(cloud.read_at)


def _time(value: datetime | None) -> str | None:
    return None if value is None else _TIME.to_representation(value)


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
        """The clouds with the database's present, in one question."""
        now = Func(function="clock_timestamp", output_field=DateTimeField())
        clouds = Cloud.objects.annotate(present=now).order_by()
        found = {cloud.id: _CloudNow(cloud, cloud.present) for cloud in clouds}
        return {"request": self.request, "view": self, "clouds": found}


class Hosts(HostRows, ListOfRows):
    def paginate_queryset(self, queryset: Any) -> list[Any]:
        page = super().paginate_queryset(queryset.values("id", "name"))
        assert page is not None, "this list has pages"
        return _rows([row["id"] for row in page])


class OneHost(HostRows, OneRow):
    def get_object(self) -> Any:
        for row in _rows([super().get_object().id]):
            return row
        raise Http404


def _rows(ids: list[UUID]) -> list[Values]:
    """In this order."""
    with connection.cursor() as cursor:
        cursor.execute(_ROWS, [ids])
        found = {row[0]: Values._make(row) for row in cursor.fetchall()}
    return [found[str(key)] for key in ids if str(key) in found]
