"""What there is: clouds, zones, pods, clusters, instances (hosts: hosts.py), with CloudStack's names for the fields.

A row that could not be read lately shows its state as Unknown; `seen_at` says when it was last read.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import Count, F, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from rest_framework import serializers
from rest_framework.generics import GenericAPIView, ListAPIView, RetrieveAPIView

from dashboard.access import (
    visible_clouds,
    visible_clusters,
    visible_instances,
    visible_pods,
    visible_zones,
)
from dashboard.api.filters import UNKNOWN, Filter, Filters, by_id, by_state, by_text
from dashboard.api.pages import Pages
from dashboard.api.views import ApiView
from maintenance.clock import database_now
from maintenance.models import Cloud, Cluster, Host, Instance, PendingJob, Pod, Zone
from maintenance.models.inventory import Listed

MIB = 1024 * 1024


class AsSeen(serializers.CharField):
    """A value of the row, or Unknown when the row could not be read lately."""

    def get_attribute(self, instance: Listed) -> str:
        now: datetime = self.context["now"]
        return str(super().get_attribute(instance)) if instance.is_known(now) else UNKNOWN


class CloudRow(serializers.Serializer):
    id = serializers.UUIDField()
    name = serializers.CharField()
    kind = serializers.CharField()
    state = serializers.SerializerMethodField(help_text="Read, or Unknown when it could not be read lately")
    read_at = serializers.DateTimeField(help_text="our time of the last good reading")
    as_of = serializers.DateTimeField(help_text="the cloud's own time of that listing")
    read_error = serializers.CharField(help_text="why the last reading failed; empty when it went well")

    def get_state(self, row: Cloud) -> str:
        return "Read" if row.is_known(self.context["now"]) else UNKNOWN


class ListedRow(serializers.Serializer):
    """What everything that a cloud lists has."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    cloudid = serializers.UUIDField(source="cloud_id")
    cloudname = serializers.CharField(source="cloud.name")
    seen_at = serializers.DateTimeField()
    gone_at = serializers.DateTimeField(help_text="since when the cloud no longer lists it", allow_null=True)


class ZoneRow(ListedRow):
    pass


class PodRow(ListedRow):
    zoneid = serializers.UUIDField(source="zone_id")
    zonename = serializers.CharField(source="zone.name")


class ClusterRow(ListedRow):
    hypervisortype = serializers.CharField(source="hypervisor")
    allocationstate = AsSeen(source="allocation_state")
    podid = serializers.UUIDField(source="pod_id")
    podname = serializers.CharField(source="pod.name")
    zoneid = serializers.UUIDField(source="pod.zone_id")
    zonename = serializers.CharField(source="pod.zone.name")
    hosts = serializers.IntegerField(source="hosts_there", help_text="how many hosts it has")


class InstanceRow(ListedRow):
    state = AsSeen()
    account = serializers.CharField()
    domain = serializers.CharField()
    cpunumber = serializers.IntegerField(source="cpu_cores")
    memory = serializers.IntegerField(source="memory_mb", help_text="MB")
    hostid = serializers.UUIDField(source="host_id", allow_null=True)
    hostname = serializers.CharField(source="host_name", allow_null=True)
    tags = serializers.ListField(child=serializers.CharField())
    affinitygroups = serializers.ListField(child=serializers.CharField(), source="affinity_groups")


# ---- views -----------------------------------------------------------------------------------------------------


class Rows(ApiView, GenericAPIView):
    """Shared by lists and single rows of one kind; subclasses say which rows there are for whoever asks."""

    ordering: ClassVar[tuple[str, ...]] = ("name", "id")
    is_counted = True
    filters: ClassVar[Mapping[str, Filter]] = {}

    def get_serializer_context(self) -> dict[str, Any]:
        return {"request": self.request, "view": self, "now": database_now()}


class ListOfRows(Rows, ListAPIView):
    """GET: a page of rows, narrowed by `filters`. What a cloud no longer lists is found by its id only."""

    pagination_class = Pages
    filter_backends = [Filters]

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        listed = queryset.filter(gone_at=None) if issubclass(queryset.model, Listed) else queryset
        return super().filter_queryset(listed)

    def known_parameters(self) -> frozenset[str]:
        return Pages.parameters | self.filters.keys()


class OneRow(Rows, RetrieveAPIView):
    """GET: one row by its id."""

    lookup_field = lookup_url_kwarg = "id"
    filter_backends = []


class CloudRows(Rows):
    serializer_class = CloudRow
    filters = {"kind": by_text("kind", "lab, cloudstack or openstack")}

    def get_queryset(self) -> QuerySet[Cloud]:
        return visible_clouds(self.request.user)


SEARCH = by_text("name__icontains", "part of the name")
CLOUD = by_id("cloud_id", "cloud")


class ZoneRows(Rows):
    serializer_class = ZoneRow
    filters = {"cloud": CLOUD, "search": SEARCH}

    def get_queryset(self) -> QuerySet[Zone]:
        return visible_zones(self.request.user).select_related("cloud")


class PodRows(Rows):
    serializer_class = PodRow
    filters = {"cloud": CLOUD, "zone": by_id("zone_id", "zone"), "search": SEARCH}

    def get_queryset(self) -> QuerySet[Pod]:
        return visible_pods(self.request.user).select_related("cloud", "zone")


class ClusterRows(Rows):
    serializer_class = ClusterRow
    filters = {
        "cloud": CLOUD,
        "zone": by_id("pod__zone_id", "zone"),
        "pod": by_id("pod_id", "pod"),
        "hypervisor": by_text("hypervisor", "such as KVM"),
        "search": SEARCH,
    }

    def get_queryset(self) -> QuerySet[Cluster]:
        rows = visible_clusters(self.request.user).select_related("cloud", "pod__zone")
        return rows.annotate(hosts_there=how_many(Host, "cluster"))


class InstanceRows(Rows):
    serializer_class = InstanceRow
    filters = {
        "cloud": CLOUD,
        "host": by_id("host_id", "host"),
        "state": by_state("state"),
        "account": by_text("account", "the owner's account"),
        "domain": by_text("domain", "the owner's domain"),
        "search": SEARCH,
    }

    def get_queryset(self) -> QuerySet[Instance]:
        rows = visible_instances(self.request.user).select_related("cloud")
        return rows.annotate(host_name=F("host__name"))


def how_many(model: type[Host | Instance | PendingJob], field: str) -> Coalesce:
    """Counted beside the rows, in the same query: those of the model that point at the row and are still listed."""
    there = model._default_manager.filter(**{field: OuterRef("pk")}, gone_at=None).order_by().values(field)
    return Coalesce(Subquery(there.annotate(n=Count("pk")).values("n")), 0, output_field=IntegerField())


class Clouds(CloudRows, ListOfRows):
    pass


class OneCloud(CloudRows, OneRow):
    pass


class Zones(ZoneRows, ListOfRows):
    pass


class OneZone(ZoneRows, OneRow):
    pass


class Pods(PodRows, ListOfRows):
    pass


class OnePod(PodRows, OneRow):
    pass


class Clusters(ClusterRows, ListOfRows):
    pass


class OneCluster(ClusterRows, OneRow):
    pass


class Instances(InstanceRows, ListOfRows):
    pass


class OneInstance(InstanceRows, OneRow):
    pass
