"""What a stage's script printed: all that is kept of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from dashboard.access import visible_targets
from dashboard.api.filters import NUMBER
from dashboard.api.problems import BadField
from dashboard.api.views import ApiView
from maintenance.domain.states import Stage
from maintenance.hooks.inert import inert
from maintenance.models import OutputChunk, Step


@dataclass(frozen=True, slots=True)
class Piece:
    """Kept bytes without a gap, and how many bytes before them were not kept."""

    gap: int
    content: bytes


def kept_output(step: Step) -> Iterator[Piece]:
    """All that is kept, in order; the head and the tail of a long output, with the gap between them counted."""
    end, gap, joined = 0, 0, b""
    for chunk in OutputChunk.objects.filter(step=step).order_by("start"):
        if chunk.start > end:
            if joined:
                yield Piece(gap, joined)
            gap, joined = chunk.start - end, b""
        joined += bytes(chunk.content)
        end = chunk.start + len(chunk.content)
    if joined:
        yield Piece(gap, joined)


class WhateverIsAccepted(DefaultContentNegotiation):
    """The answer is text or bytes whatever the caller accepts; problems are JSON."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class StageOutput(ApiView):
    """GET: what the stage's script printed, as text in which nothing acts; with `raw=1` its very bytes, to save."""

    parameters = frozenset({"raw", "attempt"})
    content_negotiation_class = WhateverIsAccepted

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "raw", OpenApiTypes.STR, description="1: the bytes as they were printed", enum=["0", "1"]
            ),
            OpenApiParameter(
                "attempt", OpenApiTypes.INT, description="an earlier attempt; without it the last one"
            ),
        ],
        responses={
            (200, "text/plain"): OpenApiTypes.STR,
            (200, "application/octet-stream"): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request, run_id: UUID, host_id: UUID, stage: str) -> HttpResponse:
        raw = request.query_params.get("raw", "0")
        if raw not in {"0", "1"}:
            raise BadField("raw", "give 1 or 0")
        step = self._step(request, run_id, host_id, stage)
        pieces = list(kept_output(step))
        if raw == "1":
            answer = HttpResponse(
                b"".join(p.content for p in pieces), content_type="application/octet-stream"
            )
        else:
            answer = HttpResponse(as_text(pieces), content_type="text/plain; charset=utf-8")
        kind = "bin" if raw == "1" else "txt"
        answer["Content-Disposition"] = f'attachment; filename="{step.stage}-{step.attempt}-{host_id}.{kind}"'
        answer["X-Content-Type-Options"] = "nosniff"
        answer["X-Output-Bytes"] = str(step.output_bytes)
        return answer

    def _step(self, request: Request, run_id: UUID, host_id: UUID, stage: str) -> Step:
        target = visible_targets(request.user).filter(run_id=run_id, host_id=host_id).first()
        if target is None or stage not in set(Stage):
            raise NotFound("there is no such stage of this host in this run")
        steps: QuerySet[Step] = Step.objects.filter(target=target, stage=stage)
        if (attempt := request.query_params.get("attempt")) is not None:
            if not NUMBER.fullmatch(attempt) or int(attempt) > 32767:
                raise BadField("attempt", "give a number from 1")
            steps = steps.filter(attempt=int(attempt))
        step = steps.order_by("-attempt", "-round").first()
        if step is None:
            raise NotFound(f"{stage} has not begun on this host")
        return step


def as_text(pieces: list[Piece]) -> str:
    """Inert, and with a line where something is missing."""
    parts: list[str] = []
    for piece in pieces:
        if piece.gap:
            parts.append(f"\n[… {piece.gap} bytes were not kept …]\n")
        parts.append(inert(piece.content))
    return "".join(parts)
