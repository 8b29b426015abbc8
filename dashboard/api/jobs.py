"""Asynchronous jobs that management servers still work on, with CloudStack's names; completed ones are in no list."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import visible_cut_off_jobs, visible_jobs
from dashboard.api.bodies import UUID_TEXT, Nothing
from dashboard.api.filters import TEXT_MAX, Filter, by_text, by_word
from dashboard.api.inventory import CLOUD, ListOfRows
from dashboard.api.runs import IDEMPOTENCY_KEY, by
from dashboard.api.servers_beside import RunOfServer, run_in_short
from dashboard.api.views import CommandView
from maintenance.actions.cut_off_jobs import reconcile
from maintenance.clock import database_now
from maintenance.models import CutOffJob, Intent, PendingJob


def of_server(name_field: str) -> Filter:
    """By the server's id or name."""

    def condition(value: str) -> Q:
        if UUID_TEXT.fullmatch(value):
            return Q(management_server_id=UUID(value))
        if not value or len(value) > TEXT_MAX:
            raise ValueError(f"give an id, or a name of 1 to {TEXT_MAX} characters")
        return Q(**{name_field: value})

    return Filter(condition, "id or name of a management server")


class JobRow(serializers.Serializer):
    """Its context holds `now`, and `runs` by job."""

    id = serializers.UUIDField()
    jobid = serializers.UUIDField(source="id")
    cmd = serializers.CharField(source="name", help_text="without the Java package")
    jobstatus = serializers.SerializerMethodField(help_text="0, as CloudStack says it: in progress")
    jobinstancetype = serializers.CharField(source="resource_type")
    jobinstancename = serializers.CharField(source="resource_name")
    account = serializers.CharField()
    domainpath = serializers.CharField(source="domain")
    created = serializers.DateTimeField()
    age_s = serializers.SerializerMethodField()
    progress = serializers.IntegerField(allow_null=True, help_text="percent, where the cloud tells it")
    managementserverid = serializers.UUIDField(source="management_server_id", allow_null=True)
    managementservername = serializers.CharField(source="server_name", allow_null=True)
    cloudid = serializers.UUIDField(source="cloud_id")
    cloudname = serializers.CharField(source="cloud.name")
    known = serializers.SerializerMethodField(help_text="whether it was read lately")
    seen_at = serializers.SerializerMethodField()
    run = serializers.SerializerMethodField(help_text="the run of ours that asked for it; null: not ours")

    def get_jobstatus(self, row: PendingJob) -> int:
        return 0

    def get_age_s(self, row: PendingJob) -> int:
        now: datetime = self.context["now"]
        return max(0, int((now - row.created).total_seconds()))

    def get_known(self, row: PendingJob) -> bool:
        return row.is_known(self.context["now"])

    @extend_schema_field(serializers.DateTimeField())
    def get_seen_at(self, row: PendingJob) -> datetime:
        return row.cloud.servers_read_at or row.changed_at

    @extend_schema_field(RunOfServer(allow_null=True))
    def get_run(self, row: PendingJob) -> Any:
        return self.context["runs"].get(row.id)


class Jobs(ListOfRows):
    """GET: a page of pending jobs, the oldest first."""

    serializer_class = JobRow
    ordering = ("created", "id")
    filters = {
        "cloud": CLOUD,
        "management_server": of_server("management_server__name"),
        "cmd": by_text("name", "its command"),
        "account": by_text("account", "the owner's account"),
    }

    def get_queryset(self) -> QuerySet[PendingJob]:
        rows = visible_jobs(self.request.user).select_related("cloud")
        return rows.annotate(server_name=F("management_server__name"))

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page: Any = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        context = {"now": database_now(), "runs": runs_of_jobs(page)}
        return self.get_paginated_response(JobRow(page, many=True, context=context).data)


def runs_of_jobs(jobs: list[PendingJob]) -> dict[UUID, dict[str, Any]]:
    """By job that a request of ours began: its run. One query."""
    asked = Intent.objects.filter(job_id__in=[str(job.id) for job in jobs]).select_related(
        "step__target__run"
    )
    return {UUID(intent.job_id): run_in_short(intent.step.target) for intent in asked}


class CutOffRow(serializers.Serializer):
    """A job that ended because its server did: nobody knows how far its resource got."""

    id = serializers.UUIDField()
    cmd = serializers.CharField(source="name", help_text="without the Java package")
    jobinstancetype = serializers.CharField(source="resource_type")
    jobinstancename = serializers.CharField(source="resource_name", help_text="what is to be reconciled")
    account = serializers.CharField()
    domainpath = serializers.CharField(source="domain")
    created = serializers.DateTimeField()
    ended_at = serializers.DateTimeField()
    why = serializers.CharField()
    managementserverid = serializers.UUIDField(source="management_server_id", allow_null=True)
    managementservername = serializers.CharField(source="server_name")
    cloudid = serializers.UUIDField(source="cloud_id")
    cloudname = serializers.CharField(source="cloud.name")
    reconciled_at = serializers.DateTimeField(allow_null=True)
    reconciled_by = serializers.CharField()


def _reconciled() -> Filter:
    words = by_word("reconciled", ("yes", "no"), "whether a person has reconciled it")

    def condition(value: str) -> Q:
        words.condition(value)
        return ~Q(reconciled_at=None) if value == "yes" else Q(reconciled_at=None)

    return Filter(condition, words.description)


class CutOffRows(ListOfRows):
    """GET: a page of jobs that were cut off, the last ended first; `reconciled=no`: those that wait for a person."""

    serializer_class = CutOffRow
    ordering = ("-ended_at", "id")
    filters = {
        "cloud": CLOUD,
        "management_server": of_server("server_name"),
        "reconciled": _reconciled(),
    }

    def get_queryset(self) -> QuerySet[CutOffJob]:
        return visible_cut_off_jobs(self.request.user).select_related("cloud")

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Also those that the cloud has forgotten: they wait for a person, not for the cloud."""
        found = queryset
        for backend in self.filter_backends:
            found = backend().filter_queryset(self.request, found, self)
        return found


class Reconcile(CommandView):
    """POST: somebody has looked at what the job left behind, and it is in order. The answer is the job."""

    audited_as = ""  # it makes no run; a second request is told that it was reconciled, and by whom

    @extend_schema(request=Nothing, responses=CutOffRow, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def do(self, request: Request, given: Mapping[str, Any], **ids: Any) -> Response:
        cut_off_id = ids["cut_off_id"]
        if not visible_cut_off_jobs(request.user).filter(id=cut_off_id).exists():
            raise NotFound(f"no job that was cut off has the id {cut_off_id}")
        reconcile(cut_off_id, **by(request))
        return Response(CutOffRow(CutOffJob.objects.select_related("cloud").get(id=cut_off_id)).data)
