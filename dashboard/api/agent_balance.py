"""Agent balance: a cloud's settings, agents as they should be spread and as they are, and what a change would do.

The settings' names: `host`, `algorithm` (`indirect.agent.lb.algorithm`), `checkinterval`
(`indirect.agent.lb.check.interval`, seconds, 0 is off; `clusters` where a cluster has its own), `maintenancetimeout`
(`management.server.maintenance.timeout`, minutes) and `ignoremaintenancehosts`
(`management.server.maintenance.ignore.maintenance.hosts`).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import visible_clouds
from dashboard.api.balance_shapes import (
    AnsweredShape,
    BalanceShape,
    PreviewShape,
    balance_shape,
    change_shape,
    preview_shape,
    settings_shape,
)
from dashboard.api.bodies import UUID_TEXT, Id, OneOf, StrictBody, Text, WholeNumber, YesNo
from dashboard.api.idempotency import once
from dashboard.api.problems import BadField
from dashboard.api.runs import IDEMPOTENCY_KEY, by
from dashboard.api.views import ApiView, CommandView
from maintenance.actions import agent_balance
from maintenance.actions.agent_balance import HOSTS_MAX, INTERVAL_S_MAX, TIMEOUT_MIN_MAX
from maintenance.actions.errors import Conflict
from maintenance.agents_view import agents_view
from maintenance.backends.servers import BalanceChange
from maintenance.domain.servers import ALGORITHMS
from maintenance.models import Cloud, CloudChange

WAIT_S = 10.0
CLUSTERS_MAX = 1000
CLOUD = OpenApiParameter(
    "cloud",
    UUID,
    description="id of the cloud; may be left out where there is only one that tells its agents",
)


class OwnIntervals(serializers.DictField):
    """By id of a cluster: its own interval; null removes it. Also as GET gives it: a list of {id, checkinterval}."""

    def __init__(self, **options: Any) -> None:
        child = WholeNumber(min_value=0, max_value=INTERVAL_S_MAX, allow_null=True)
        super().__init__(child=child, **options)

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, list):
            data = _by_cluster(data)
        if not isinstance(data, dict):
            raise serializers.ValidationError("give an object: ids of clusters with their intervals")
        if len(data) > CLUSTERS_MAX:
            raise serializers.ValidationError(f"{len(data)} clusters; give at most {CLUSTERS_MAX}")
        given: dict[str, Any] = super().to_internal_value(data)
        return {Id().run_validation(cluster): seconds for cluster, seconds in given.items()}


def _by_cluster(listed: list[Any]) -> dict[str, Any]:
    """A list of {id, checkinterval} as an object; what GET tells besides, the name, is not looked at."""
    found: dict[str, Any] = {}
    for one in listed:
        if not isinstance(one, dict) or not {"id", "checkinterval"} <= one.keys() <= {
            "id",
            "name",
            "checkinterval",
        }:
            raise serializers.ValidationError("give an object, or a list of {id, checkinterval}")
        if str(one["id"]) in found:
            raise serializers.ValidationError(f"{one['id']} is there twice")
        found[str(one["id"])] = one["checkinterval"]
    return found


class Settings(StrictBody):
    """What may be changed; what is left out stays as it is."""

    algorithm = OneOf(*ALGORITHMS, required=False, help_text=f"{', '.join(ALGORITHMS)}")
    host = serializers.ListField(
        child=Text(max_length=255, allow_blank=True),
        required=False,
        max_length=HOSTS_MAX,
        help_text="addresses of management servers, in order; second mentions are left out",
    )
    checkinterval = WholeNumber(
        min_value=0, max_value=INTERVAL_S_MAX, required=False, help_text="seconds; 0 is off"
    )
    clusters = OwnIntervals(
        required=False,
        help_text="by id of a cluster, or a list of {id, checkinterval}: its own interval in seconds; null removes it",
    )
    maintenancetimeout = WholeNumber(
        min_value=1, max_value=TIMEOUT_MIN_MAX, required=False, help_text="minutes"
    )
    ignoremaintenancehosts = YesNo(required=False)


class Asked(Settings):
    """As `Settings`; with `previewhash` only if it still does what that preview showed."""

    reason = Text(required=False, allow_blank=True, max_length=500)
    previewhash = Text(required=False, max_length=64)


class AskedToPreview(Settings):
    """As `Settings`; `rebalance` instead: what sending every agent to its preferred server now would do."""

    rebalance = YesNo(required=False)


class AskedHome(StrictBody):
    reason = Text(required=False, allow_blank=True, max_length=500)
    previewhash = Text(required=False, max_length=64)


class Asking(CommandView):
    """What both changes share: they are asked of the cloud by an engine, and waited for."""

    parameters = frozenset({"cloud"})

    def done_before(self, run_id: str) -> Response:
        return answer(CloudChange.objects.get(id=run_id))


class Balance(Asking):
    """GET: settings, expected against actual, drift, lint. PATCH: other settings, at once and without a restart."""

    body = Asked
    audited_as = agent_balance.AUDITED_CHANGE
    http_method_names = ["get", "head", "patch"]

    @extend_schema(responses=BalanceShape, parameters=[CLOUD])
    def get(self, request: Request) -> Response:
        cloud = the_cloud(request)
        view = agents_view(cloud)
        if view is None:
            raise Conflict(
                f"how {cloud.name} spreads its agents is not known: its settings were not read yet"
            )
        return Response(balance_shape(cloud, view))

    @extend_schema(
        request=Asked,
        responses={200: AnsweredShape, 202: AnsweredShape},
        parameters=[CLOUD, IDEMPOTENCY_KEY],
    )
    def patch(self, request: Request) -> Response:
        """200 once the settings were read back; 202 while the cloud has not answered; 409 with its words when it
        refuses."""
        return once(request, lambda: self.do(request, self._read(request)), self.audited_as, self.done_before)

    def do(self, request: Request, given: Mapping[str, Any], **ids: Any) -> Response:
        asked = agent_balance.change_balance(
            the_cloud(request).id,
            change_of(given),
            reason=given.get("reason", ""),
            seen_hash=given.get("previewhash", ""),
            **by(request),
        )
        return answer(asked)


class Preview(ApiView):
    """POST: who would move by a change, or by a rebalance. Nothing is changed."""

    parameters = frozenset({"cloud"})

    @extend_schema(request=AskedToPreview, responses=PreviewShape, parameters=[CLOUD])
    def post(self, request: Request) -> Response:
        body = AskedToPreview(data=request.data)
        body.is_valid(raise_exception=True)
        given = dict(body.validated_data)
        is_home = given.pop("rebalance", False)
        if is_home and given:
            raise BadField("rebalance", f"either a rebalance or a change, not both: {', '.join(given)}")
        change = None if is_home else change_of(given)
        return Response(preview_shape(agent_balance.preview(the_cloud(request).id, change)))


class Rebalance(Asking):
    """POST: every agent is sent its list, and goes to its preferred server at once, whatever its interval."""

    body = AskedHome
    audited_as = agent_balance.AUDITED_REBALANCE

    @extend_schema(
        request=AskedHome,
        responses={200: AnsweredShape, 202: AnsweredShape},
        parameters=[CLOUD, IDEMPOTENCY_KEY],
    )
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def do(self, request: Request, given: Mapping[str, Any], **ids: Any) -> Response:
        asked = agent_balance.rebalance(
            the_cloud(request).id,
            reason=given.get("reason", ""),
            seen_hash=given.get("previewhash", ""),
            **by(request),
        )
        return answer(asked)


def the_cloud(request: Request) -> Cloud:
    """The one that is named, or the only one. Raises: NotFound, BadField."""
    clouds = visible_clouds(request.user)
    if (given := request.query_params.get("cloud")) is not None:
        if not UUID_TEXT.fullmatch(given):
            raise BadField("cloud", f"{given[:60]!r} is no id; give a UUID")
        if (found := clouds.filter(id=UUID(given)).first()) is None:
            raise NotFound(f"no cloud has the id {given}")
        return found
    telling = list(clouds.filter(balance__isnull=False)[:2]) or list(clouds[:2])
    if len(telling) > 1:
        raise BadField("cloud", "there are several clouds; name one")
    if not telling:
        raise NotFound("there is no cloud yet")
    return telling[0]


def change_of(given: Mapping[str, Any]) -> BalanceChange:
    """The change that a body asks for."""
    hosts = given.get("host")
    return BalanceChange(
        hosts=None if hosts is None else tuple(hosts),
        algorithm=given.get("algorithm"),
        check_interval_s=given.get("checkinterval"),
        check_interval_of_cluster_s=given.get("clusters", {}),
        maintenance_timeout_min=given.get("maintenancetimeout"),
        ignore_maintenance_hosts=given.get("ignoremaintenancehosts"),
    )


def answer(asked: CloudChange) -> Response:
    """What came of it within WAIT_S. Raises: Conflict with the cloud's words when it refused, or nobody knows."""
    change = agent_balance.outcome_of(asked, timeout_s=WAIT_S)
    if change.state in {CloudChange.State.REFUSED, CloudChange.State.EXPIRED}:
        raise Conflict(f"{change.cloud.name}: {change.answer}", owner={"change": str(change.id)})
    is_over = change.state == CloudChange.State.DONE and agent_balance.is_read_back(change)
    shown = {"change": change_shape(change), "settings": settings_shape(change.cloud)}
    return Response(shown, status=200 if is_over else 202)
