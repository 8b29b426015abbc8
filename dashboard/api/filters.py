"""Query parameters that narrow a list: each view names the ones it knows, and what each does."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request

from dashboard.api.bodies import UUID_TEXT
from dashboard.api.problems import BadField
from maintenance.clock import database_now
from maintenance.models.inventory import known_cloud

TEXT_MAX = 100
UNKNOWN = "Unknown"
NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Filter:
    """What one parameter means. `condition` raises ValueError, with a sentence, for a value that means nothing."""

    condition: Callable[[str], Q]
    description: str
    kind: str = "string"
    form: str = ""


def by_id(lookup: str, what: str) -> Filter:
    def condition(value: str) -> Q:
        if not UUID_TEXT.fullmatch(value):
            raise ValueError(f"{value[:60]!r} is no id; give a UUID")
        return Q(**{lookup: UUID(value)})

    return Filter(condition, f"id of the {what}", form="uuid")


def by_text(lookup: str, what: str) -> Filter:
    def condition(value: str) -> Q:
        if not value or len(value) > TEXT_MAX:
            raise ValueError(f"give 1 to {TEXT_MAX} characters")
        return Q(**{lookup: value})

    return Filter(condition, what)


def by_number(lookup: str, what: str) -> Filter:
    def condition(value: str) -> Q:
        if not NUMBER.fullmatch(value):
            raise ValueError("give a whole number ≥ 0")
        return Q(**{lookup: int(value)})

    return Filter(condition, what, kind="integer")


def by_word(lookup: str, words: tuple[str, ...], what: str) -> Filter:
    def condition(value: str) -> Q:
        if value not in words:
            raise ValueError(f"give one of {', '.join(words)}")
        return Q(**{lookup: value})

    return Filter(condition, f"{what}: {', '.join(words)}")


def by_state(lookup: str) -> Filter:
    """As shown: a row that could not be read lately is Unknown, whatever it was before."""

    def condition(value: str) -> Q:
        if not value or len(value) > TEXT_MAX:
            raise ValueError(f"give 1 to {TEXT_MAX} characters")
        is_known = Q(gone_at=None) & known_cloud(database_now())
        return ~is_known | Q(**{lookup: value}) if value == UNKNOWN else is_known & Q(**{lookup: value})

    return Filter(condition, f"as shown, in the cloud's spelling; {UNKNOWN} when it could not be read lately")


class Filters(BaseFilterBackend):
    """Applies the view's `filters` to its rows."""

    def filter_queryset(self, request: Request, queryset: QuerySet[Any], view: Any) -> QuerySet[Any]:
        filters: Mapping[str, Filter] = view.filters
        for name, one in filters.items():
            if (value := request.query_params.get(name)) is not None:
                try:
                    queryset = queryset.filter(one.condition(value))
                except ValueError as reason:
                    raise BadField(name, str(reason)) from reason
        return queryset

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "required": False,
                "in": "query",
                "description": one.description,
                "schema": {"type": one.kind} | ({"format": one.form} if one.form else {}),
            }
            for name, one in view.filters.items()
        ]
