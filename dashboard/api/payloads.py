"""Payloads: the signed updates of system VMs. Published by administrators, read by all who see system VMs."""

from collections.abc import Mapping
from typing import Any, BinaryIO, cast
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.urls import reverse
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.access import visible_payloads
from dashboard.api.bodies import StrictBody, StrictJson, Text
from dashboard.api.idempotency import once
from dashboard.api.inventory import ListOfRows
from dashboard.api.problems import BadField
from dashboard.api.runs import IDEMPOTENCY_KEY, by
from dashboard.api.views import ApiView, CommandView
from maintenance.actions.errors import BadInput
from maintenance.models import Payload
from maintenance.payloads.behind import Behind, behind
from maintenance.payloads.manifest import AGENT, BYTES_MAX, FILES, SCRIPTS, URL_MAX
from maintenance.payloads.publish import AUDITED_PUBLISHED, AUDITED_WITHDRAWN, Given, publish, withdraw
from maintenance.payloads.sources import MetalinkAt

FETCH_S = 120.0  # of a file, while the caller waits; `manage.py payload publish` waits longer
FIELDS = {
    AGENT: "agent",
    SCRIPTS: "scripts",
    "source": "from",
}  # what our errors name → what the body calls it


class AdvisoryShape(serializers.Serializer):
    id = serializers.CharField()
    title = serializers.CharField()
    security = serializers.BooleanField(source="is_security")


class VmsShape(serializers.Serializer):
    """Of the system VMs of its types, by what was probed in them."""

    behind = serializers.IntegerField(source="older")
    current = serializers.IntegerField()
    newer = serializers.IntegerField()
    unknown = serializers.IntegerField()


class PayloadRow(serializers.Serializer):
    """Its context holds `behind` by payload."""

    id = serializers.UUIDField()
    version = serializers.CharField()
    systemvmtypes = serializers.ListField(source="types", child=serializers.CharField())
    baseimage = serializers.CharField(source="base_image", help_text="empty: any")
    agentsha256 = serializers.CharField(source="agent_sha256", help_text=f"of {AGENT}")
    scriptssha256 = serializers.CharField(source="scripts_sha256", help_text=f"of {SCRIPTS}")
    scriptsversion = serializers.CharField(
        source="scripts_md5", help_text="as CloudStack signs the scripts: md5"
    )
    security = serializers.BooleanField(source="fixes_security")
    advisories = AdvisoryShape(many=True)
    signedby = serializers.CharField(source="signed_by", help_text="the name of the publisher's key")
    published_at = serializers.DateTimeField()
    published_by = serializers.CharField()
    withdrawn_at = serializers.DateTimeField(allow_null=True, help_text="since when it is offered to nobody")
    systemvms = serializers.SerializerMethodField()

    @extend_schema_field(VmsShape)
    def get_systemvms(self, row: Payload) -> dict[str, Any]:
        return dict(VmsShape(self.context["behind"].get(row.id, Behind())).data)


class ToPublish(StrictBody):
    """A manifest, and where its files can be had; without `folder` and `metalink`: where the manifest says."""

    manifest = Text(max_length=BYTES_MAX, help_text="the signed file, as it is, with its last line's end")
    folder = Text(
        required=False, max_length=URL_MAX, help_text=f"address below which {AGENT} and {SCRIPTS} lie"
    )
    metalink = Text(required=False, max_length=URL_MAX, help_text="the address of a metalink of both")


class Uploaded(serializers.Serializer):
    """multipart/form-data."""

    manifest = serializers.FileField()
    agent = serializers.FileField(help_text=AGENT)
    scripts = serializers.FileField(help_text=SCRIPTS)


class WhyWithdrawn(StrictBody):
    reason = Text(required=False, allow_blank=True, max_length=500)


class Payloads(ListOfRows):
    """GET: a page of payloads, the newest first. POST: publish one."""

    serializer_class = PayloadRow
    ordering = ("-published_at", "id")
    filters = {}
    parser_classes = [StrictJson, MultiPartParser]
    content_types = frozenset({"application/json", "multipart/form-data"})

    def get_queryset(self) -> QuerySet[Payload]:
        return visible_payloads(self.request.user)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page: Any = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response(PayloadRow(page, many=True, context={"behind": behind(page)}).data)

    @extend_schema(
        request={"application/json": ToPublish, "multipart/form-data": Uploaded},
        responses={200: PayloadRow, 201: PayloadRow},
        parameters=[IDEMPOTENCY_KEY],
    )
    def post(self, request: Request) -> Response:
        """201 with the payload; 200 when the very same was published already."""
        manifest, given, meant = _read(request)
        # The manifest names the files' checksums: it tells requests apart, and their megabytes need not be compared.
        return once(
            request,
            lambda: self._publish(request, manifest, given),
            AUDITED_PUBLISHED,
            lambda payload_id: Response(payload_shape(Payload.objects.get(id=payload_id)), status=201),
            meant={"manifest": manifest.decode("latin-1"), **meant},
        )

    def _publish(self, request: Request, manifest: bytes, given: Mapping[str, Given]) -> Response:
        try:
            published = publish(manifest, given, within_s=FETCH_S, **by(request))
        except BadInput as reason:
            raise BadInput(str(reason), field=_called(reason.field, request)) from reason
        payload = published.payload
        where = {"Location": reverse("api:payload", args=[payload.id])}
        return Response(payload_shape(payload), status=201 if published.is_new else 200, headers=where)


class OnePayload(ApiView):
    """GET: one payload."""

    @extend_schema(responses=PayloadRow)
    def get(self, request: Request, payload_id: UUID) -> Response:
        return Response(payload_shape(_found(request, payload_id)))


class Withdraw(CommandView):
    """POST: it is offered to no VM any more; patches that run go on, VMs keep what they run."""

    body = WhyWithdrawn
    audited_as = AUDITED_WITHDRAWN

    @extend_schema(request=WhyWithdrawn, responses=PayloadRow, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request, **ids: Any) -> Response:
        return super().post(request, **ids)

    def do(self, request: Request, given: Mapping[str, Any], **ids: Any) -> Response:
        found = _found(request, ids["payload_id"])
        return Response(payload_shape(withdraw(found.id, reason=given.get("reason", ""), **by(request))))

    def done_before(self, run_id: str) -> Response:
        return Response(payload_shape(Payload.objects.get(id=run_id)))


def payload_shape(payload: Payload) -> dict[str, Any]:
    return dict(PayloadRow(payload, context={"behind": behind([payload])}).data)


def _found(request: Request, payload_id: UUID) -> Payload:
    found = visible_payloads(request.user).filter(id=payload_id).first()
    if found is None:
        raise NotFound(f"no payload has the id {payload_id}")
    return found


def _called(field: str, request: Request) -> str:
    """What the request calls it that is wrong."""
    if field == "manifest" or _has_files(request):
        return FIELDS.get(field, field)
    return "metalink" if cast(Mapping[str, Any], request.data).get("metalink") else "folder"


def _has_files(request: Request) -> bool:
    return (request.content_type or "").lower().startswith("multipart/")


def _read(request: Request) -> tuple[bytes, dict[str, Given], dict[str, str]]:
    """The manifest, the files or where they can be had, and what beside the manifest was meant. Raises: BadField."""
    if _has_files(request):
        return _uploaded(request)
    body = ToPublish(data=request.data)
    body.is_valid(raise_exception=True)
    found = cast(Mapping[str, str], body.validated_data)
    base, metalink = found.get("folder", ""), found.get("metalink", "")
    if base and metalink:
        raise BadField("metalink", "give folder or metalink, not both")
    given: dict[str, Given] = {}
    if base:
        given = {name: [f"{base.rstrip('/')}/{name}"] for name in FILES}
    elif metalink:
        given = {name: [MetalinkAt(metalink)] for name in FILES}
    return found["manifest"].encode(), given, {"folder": base, "metalink": metalink}


def _uploaded(request: Request) -> tuple[bytes, dict[str, Given], dict[str, str]]:
    known = ("manifest", "agent", "scripts")
    sent: Any = request.data  # a QueryDict, with files in it
    for name, values in sent.lists():
        if name not in known:
            raise BadField(name[:60], f"there is no such field; the fields are: {', '.join(known)}")
        if len(values) > 1:
            raise BadField(name, "it is there twice")
        if not isinstance(values[0], UploadedFile):
            raise BadField(name, "send it as a file")
    missing = [name for name in known if name not in sent]
    if missing:
        raise BadField(missing[0], "this file is missing")
    files: dict[str, Given] = {
        AGENT: cast(BinaryIO, sent["agent"].file),
        SCRIPTS: cast(BinaryIO, sent["scripts"].file),
    }
    return sent["manifest"].read(BYTES_MAX + 1), files, {"folder": "", "metalink": ""}
