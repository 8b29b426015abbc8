"""Lists come in pages `{count?, next, previous, results}`, by position: a page costs the same wherever it is."""

from typing import Any

from django.core import signing
from django.db.models import QuerySet
from rest_framework.pagination import Cursor, CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import replace_query_param

from dashboard.api.problems import BadField

SIZE = 100
SIZE_MAX = 500


class Pages(CursorPagination):
    """A view sets `ordering` (unique from left to right) and, when counting is cheap, `is_counted`.

    Cursors are signed and belong to one address: a made-up or foreign one is 400.
    """

    page_size = SIZE
    max_page_size = SIZE_MAX
    page_size_query_param = "page_size"
    cursor_query_param = "cursor"
    parameters = frozenset({"cursor", "page_size"})

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        self.address = request.path
        self.count = queryset.count() if view.is_counted else None
        page: list[Any] | None = super().paginate_queryset(queryset, request, view)
        return page

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        ordering: tuple[str, ...] = view.ordering
        return ordering

    def get_page_size(self, request: Request) -> int:
        asked = request.query_params.get(self.page_size_query_param, str(SIZE))
        if not asked.isascii() or not asked.isdigit() or len(asked) > 9 or int(asked) < 1:
            raise BadField(self.page_size_query_param, f"give a number from 1 to {SIZE_MAX}")
        return min(int(asked), SIZE_MAX)

    def decode_cursor(self, request: Request) -> Cursor | None:
        sent = request.query_params.get(self.cursor_query_param)
        if sent is None:
            return None
        try:
            offset, reverse, position = signing.loads(sent, salt=self._salt())
        except signing.BadSignature:
            raise BadField(
                self.cursor_query_param, "it is none of ours; take `next` as it was given"
            ) from None
        return Cursor(offset=offset, reverse=reverse, position=position)

    def encode_cursor(self, cursor: Cursor) -> str:
        made = signing.dumps([cursor.offset, cursor.reverse, cursor.position], salt=self._salt())
        return replace_query_param(self.base_url or "", self.cursor_query_param, made)

    def _salt(self) -> str:
        return f"dashboard.api.pages {self.address}"

    def get_paginated_response(self, data: Any) -> Response:
        counted = {} if self.count is None else {"count": self.count}
        links = {"next": self.get_next_link(), "previous": self.get_previous_link()}
        return Response({**counted, **links, "results": data})

    def get_paginated_response_schema(self, schema: Any) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"count": {"type": "integer"}, "next": link, "previous": link, "results": schema},
        }
