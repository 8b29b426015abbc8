"""Management servers, with CloudStack's names for what CloudStack tells, and beside them what we know of each.

A server that could not be read lately has the state Unknown; `seen_at` says when it was last read.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import visible_agents, visible_servers
from dashboard.api.filters import by_text
from dashboard.api.inventory import CLOUD, SEARCH, AsSeen, ListedRow, ListOfRows, OneRow, Rows, how_many
from dashboard.api.servers_beside import Beside, LeavingShape, RunOfServer, beside
from dashboard.api.views import ApiView
from maintenance.clock import database_now
from maintenance.domain.servers import ServerMove, ServerState, server_state
from maintenance.models import ManagementServer, PendingJob

NAMED_MAX = 50  # names of agents; the counts beside them count all

MAINTENANCE = frozenset({ServerState.PREPARING_FOR_MAINTENANCE, ServerState.MAINTENANCE})
SHUTDOWN = frozenset(
    {ServerState.PREPARING_FOR_SHUTDOWN, ServerState.READY_TO_SHUTDOWN, ServerState.SHUTTING_DOWN}
)


class PeerShape(serializers.Serializer):
    """How the server sees another one."""

    peername = serializers.CharField(source="name")
    peerserviceip = serializers.CharField(source="address")
    peerstate = serializers.CharField(source="state")


class ServerRow(ListedRow):
    """Its context holds `now` and `beside`: what is known of each server beside its row."""

    state = AsSeen(help_text=f"{', '.join(ServerState)}; Unknown when it could not be read lately")
    word = serializers.SerializerMethodField(help_text="the people's words for the state")
    known = serializers.SerializerMethodField(help_text="whether it was read lately")
    version = serializers.CharField()
    serviceip = serializers.CharField(source="address", help_text="as `ipaddress`; CloudStack's older name")
    ipaddress = serializers.CharField(source="address", help_text="what the setting `host` calls it")
    pendingjobscount = serializers.IntegerField(source="jobs_there", help_text="as many as GET jobs/ lists")
    agentscount = serializers.IntegerField(source="agents")
    agents = serializers.ListField(
        source="agent_names", child=serializers.CharField(), help_text=f"names, at most {NAMED_MAX}"
    )
    lastagents = serializers.SerializerMethodField(
        help_text=f"names of agents whose last server it was, at most {NAMED_MAX}"
    )
    lastagentscount = serializers.SerializerMethodField()
    peers = PeerShape(many=True)
    osdistribution = serializers.CharField(source="os_distribution")
    kernelversion = serializers.CharField(source="kernel_version")
    javaversion = serializers.CharField(source="java_version")
    lastserverstart = serializers.DateTimeField(source="started_at", allow_null=True)
    lastserverstop = serializers.DateTimeField(source="stopped_at", allow_null=True)
    lastboottime = serializers.DateTimeField(source="booted_at", allow_null=True)
    maintenanceinitiated = serializers.SerializerMethodField(
        help_text="PreparingForMaintenance or Maintenance"
    )
    shutdowntriggered = serializers.SerializerMethodField(
        help_text="PreparingForShutDown, ReadyToShutDown or ShuttingDown, as CloudStack says it"
    )
    readyforshutdown = serializers.SerializerMethodField(
        help_text="no job is pending, whatever the state, as CloudStack says it; false while nobody knows"
    )
    window_ends_at = serializers.DateTimeField(allow_null=True)
    forced = serializers.BooleanField(
        source="is_forced", help_text="at the end of the window it goes on to Maintenance, not back to Up"
    )
    tasks = serializers.DictField(
        child=serializers.BooleanField(),
        help_text="its background tasks and listeners by name, and whether each runs; empty where it is not told",
    )
    legal_moves = serializers.SerializerMethodField(
        help_text=f"what may be asked of it now: {', '.join(ServerMove)}"
    )
    why_not = serializers.SerializerMethodField(help_text="by move that is not possible now: the reason")
    run = serializers.SerializerMethodField(help_text="the run of ours that has it now")
    preparing = serializers.SerializerMethodField(
        help_text="while it prepares: what is left, and why it hangs; null otherwise"
    )

    def get_word(self, row: ManagementServer) -> str:
        return self._beside(row).word

    def get_known(self, row: ManagementServer) -> bool:
        now: datetime = self.context["now"]
        return row.is_known(now)

    def get_lastagents(self, row: ManagementServer) -> list[str]:
        return list(row.last_agents[:NAMED_MAX])

    def get_lastagentscount(self, row: ManagementServer) -> int:
        return len(row.last_agents)

    def get_maintenanceinitiated(self, row: ManagementServer) -> bool:
        return self.get_known(row) and server_state(row.state) in MAINTENANCE

    def get_shutdowntriggered(self, row: ManagementServer) -> bool:
        return self.get_known(row) and server_state(row.state) in SHUTDOWN

    def get_readyforshutdown(self, row: Any) -> bool:
        return self.get_known(row) and row.jobs_there == 0

    def get_legal_moves(self, row: ManagementServer) -> list[str]:
        return list(self._beside(row).legal)

    @extend_schema_field(serializers.DictField(child=serializers.CharField()))
    def get_why_not(self, row: ManagementServer) -> dict[str, str]:
        return dict(self._beside(row).why_not)

    @extend_schema_field(RunOfServer(allow_null=True))
    def get_run(self, row: ManagementServer) -> Any:
        return self._beside(row).run

    @extend_schema_field(LeavingShape(allow_null=True))
    def get_preparing(self, row: ManagementServer) -> Any:
        return self._beside(row).preparing

    def _beside(self, row: ManagementServer) -> Beside:
        found: dict[UUID, Beside] = self.context["beside"]
        return found[row.id]


class ServerRows(Rows):
    serializer_class = ServerRow
    filters = {
        "cloud": CLOUD,
        "search": SEARCH,
        "name": by_text("name", "its name"),
        "version": by_text("version", "its version"),
    }

    def get_queryset(self) -> QuerySet[ManagementServer]:
        return server_rows(self.request)


class Servers(ServerRows, ListOfRows):
    """GET: a page of management servers."""

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page: Any = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(ServerRow(page, many=True, context=context_of(page)).data)


class OneServer(ServerRows, OneRow):
    """GET: one management server by its id."""

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response(server_shape(self.get_object()))


class Readiness(serializers.Serializer):
    """CloudStack's answer to readyForShutdown."""

    managementserverid = serializers.UUIDField(source="id")
    state = AsSeen()
    maintenanceinitiated = serializers.BooleanField()
    shutdowntriggered = serializers.BooleanField()
    readyforshutdown = serializers.BooleanField()
    pendingjobscount = serializers.IntegerField()
    agentscount = serializers.IntegerField()
    agents = serializers.ListField(child=serializers.CharField())
    known = serializers.BooleanField()
    seen_at = serializers.DateTimeField()


class ReadyForShutdown(ApiView):
    """GET: whether no job is pending on the server any more."""

    @extend_schema(responses=Readiness)
    def get(self, request: Request, server_id: UUID) -> Response:
        shown = server_shape(server_or_404(request, server_id))
        keys = Readiness().fields.keys() - {"managementserverid"}
        return Response(
            {"managementserverid": shown["id"]} | {key: shown[key] for key in shown if key in keys}
        )


def server_rows(request: Request) -> QuerySet[ManagementServer]:
    """What the shape needs of every server, in one query."""
    names = visible_agents(request.user).filter(management_server=OuterRef("pk"), gone_at=None)
    rows = visible_servers(request.user).select_related("cloud")
    return rows.annotate(
        jobs_there=how_many(PendingJob, "management_server"),
        agent_names=ArraySubquery(names.order_by("name").values("name")[:NAMED_MAX]),
    )


def server_or_404(request: Request, server_id: UUID) -> ManagementServer:
    """Raises: NotFound."""
    row = server_rows(request).filter(id=server_id).first()
    if row is None:
        raise NotFound(f"no management server has the id {server_id}")
    return row


def server_shape(row: ManagementServer) -> dict[str, Any]:
    """One server as REST tells it; `row` is one of `server_rows`."""
    return dict(ServerRow(row, context=context_of([row])).data)


def context_of(rows: list[ManagementServer]) -> dict[str, Any]:
    now = database_now()
    return {"now": now, "beside": beside(rows, now)}
