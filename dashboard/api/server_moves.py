"""What may be asked of management servers. The engine does it, as a run; the answer waits until the server's first new
state was read back."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import visible_servers
from dashboard.api.bodies import Ids, StrictBody, Text, WholeNumber, YesNo
from dashboard.api.run_shapes import RunShort, short
from dashboard.api.runs import IDEMPOTENCY_KEY, by
from dashboard.api.servers import ServerRow, server_or_404, server_shape
from dashboard.api.views import CommandView
from maintenance.actions import servers as actions
from maintenance.actions.errors import Conflict
from maintenance.actions.run_numbers import owner_of
from maintenance.actions.server_rules import SERVERS_MAX, SETTLE_S_MAX
from maintenance.domain.servers import ALGORITHMS
from maintenance.models import Run

ALGORITHM = f"how its agents leave: {', '.join(ALGORITHMS)}; without it, by the cloud's setting"


class ServerWhy(StrictBody):
    reason = Text(required=False, allow_blank=True, max_length=500)
    ticket = Text(required=False, allow_blank=True, max_length=120)


class HowToPrepare(ServerWhy):
    algorithm = Text(required=False, allow_null=True, allow_blank=True, max_length=100, help_text=ALGORITHM)
    forced = YesNo(
        required=False, help_text="at the end of its window on to Maintenance, not back to Up; default false"
    )


class HowToCancel(StrictBody):
    rebalance = YesNo(required=False, help_text="its agents come home at once; default true")


class NoWords(StrictBody):
    """The body of a cancel: empty, or `{}`."""


class HowToRestart(HowToPrepare):
    settle_s = WholeNumber(
        required=False,
        min_value=0,
        max_value=SETTLE_S_MAX,
        help_text="how long it is watched before the next one's turn; default 30",
    )


class WhatToRestart(HowToRestart):
    management_servers = Ids(
        required=False,
        max_length=SERVERS_MAX,
        help_text="in this order; without it all, which must be Up then",
    )


class RunAndServer(serializers.Serializer):
    """The run that does it, and the server as it was read back."""

    run = RunShort()
    server = ServerRow()


class ServerMoveView(CommandView):
    """Shared: the server is looked up, the action called, and its first new state read back."""

    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def do(self, request: Request, given: Mapping[str, Any], **ids: Any) -> Response:
        server_id = ids["server_id"]
        if not visible_servers(request.user).filter(id=server_id, gone_at=None).exists():
            raise NotFound(f"no management server has the id {server_id}")
        return answer(request, self.move(server_id, **given, **by(request)), server_id)

    def move(self, server_id: UUID, **how: Any) -> Run:
        """Raises: what the action raises."""
        raise NotImplementedError

    def done_before(self, run_id: str) -> Response:
        run = Run.objects.get(id=run_id)
        return answer(self.request, run, self.kwargs.get("server_id") or run.scope_ids[0])


def answer(request: Request, run: Run, server_id: UUID) -> Response:
    """202, with what is known. Raises: Conflict when the cloud refused it after all."""
    seen = actions.read_back(run, server_id, timeout_s=settings.SERVER_READ_BACK_S)
    if seen.refused:
        raise Conflict(seen.refused, owner=owner_of(run))
    run = Run.objects.select_related("cloud").get(id=run.id)
    return Response(
        {"run": short(run), "server": server_shape(server_or_404(request, server_id))}, status=202
    )


ANSWER = {202: RunAndServer}
KEY = [IDEMPOTENCY_KEY]


class Prepare(ServerMoveView):
    """POST: into maintenance, and held there: its jobs end, its agents leave."""

    body = HowToPrepare
    audited_as = "management server put into maintenance"

    @extend_schema(request=HowToPrepare, responses=ANSWER, parameters=KEY)
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def move(self, server_id: UUID, **how: Any) -> Run:
        return actions.prepare_server(server_id, **({"algorithm": None, "forced": False} | how))


class Cancel(ServerMoveView):
    """POST: out of maintenance, or out of preparing for it; its agents come home."""

    body = HowToCancel
    audited_as = "management server taken out of maintenance"

    @extend_schema(request=HowToCancel, responses=ANSWER, parameters=KEY)
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def move(self, server_id: UUID, **how: Any) -> Run:
        return actions.cancel_server_maintenance(server_id, **how)


class PrepareShutdown(ServerMoveView):
    """POST: it refuses new jobs, becomes ReadyToShutDown, and is held there."""

    body = ServerWhy
    audited_as = "management server made ready to shut down"

    @extend_schema(request=ServerWhy, responses=ANSWER, parameters=KEY)
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def move(self, server_id: UUID, **how: Any) -> Run:
        return actions.prepare_server_shutdown(server_id, **how)


class TriggerShutdown(ServerMoveView):
    """POST: its process ends as soon as it has no job."""

    body = ServerWhy
    audited_as = "management server shut down"

    @extend_schema(request=ServerWhy, responses=ANSWER, parameters=KEY)
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def move(self, server_id: UUID, **how: Any) -> Run:
        return actions.trigger_server_shutdown(server_id, **how)


class CancelShutdown(ServerMoveView):
    """POST: it takes jobs again."""

    body = NoWords
    audited_as = "shutdown of management server cancelled"

    @extend_schema(request=NoWords, responses=ANSWER, parameters=KEY)
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def move(self, server_id: UUID, **how: Any) -> Run:
        return actions.cancel_server_shutdown(server_id, **how)


class Restart(ServerMoveView):
    """POST: maintenance, shutdown, back, Up with its agents."""

    body = HowToRestart
    audited_as = "management servers restarted"

    @extend_schema(request=HowToRestart, responses=ANSWER, parameters=KEY)
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def move(self, server_id: UUID, **how: Any) -> Run:
        return actions.restart_servers([server_id], **how)


class Restarts(ServerMoveView):
    """POST: rolling: one management server after another, each settled before the next one's turn. `server` in the
    answer is the first."""

    body = WhatToRestart
    audited_as = "management servers restarted"

    @extend_schema(request=WhatToRestart, responses=ANSWER, parameters=KEY)
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def do(self, request: Request, given: Mapping[str, Any], **ids: Any) -> Response:
        how: dict[str, Any] = dict(given)
        named = how.pop("management_servers", None)
        if named is None:
            servers = visible_servers(request.user).filter(gone_at=None).select_related("cloud")
            named = actions.all_in_order(servers)
        how |= by(request)
        run = actions.restart_servers(named, **how)
        return answer(request, run, named[0])
