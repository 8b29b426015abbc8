"""JSON bodies, read strictly: what is ambiguous is refused, and nothing is guessed into another type."""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn
from uuid import UUID

from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

DEPTH_MAX = 20
UUID_TEXT = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.I | re.ASCII)


class StrictJson(BaseParser):
    """UTF-8 JSON objects; duplicate keys, NaN, Infinity, lone surrogates and absurd depth are 400."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> dict[str, Any]:
        try:
            body = json.loads(
                stream.read().decode("utf-8"),
                object_pairs_hook=_without_duplicates,
                parse_constant=_refuse_constant,
            )
            json.dumps(body, ensure_ascii=False).encode()  # a lone surrogate cannot be written down
        except RecursionError:
            raise ParseError("the JSON is nested too deeply") from None
        except UnicodeEncodeError:
            raise ParseError("the JSON holds half a surrogate pair") from None
        except ValueError as reason:
            raise ParseError(f"the body is not valid JSON: {reason}") from reason
        if not isinstance(body, dict):
            raise ParseError("the body must be a JSON object")
        if _depth(body) > DEPTH_MAX:
            raise ParseError("the JSON is nested too deeply")
        return body


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"the key {name[:50]!r} is there twice")
        found[name] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


def _depth(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + max(map(_depth, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_depth, value), default=0)
    return 0


# ---- fields that take their own JSON type and no other -----------------------------------------------------


class WholeNumber(serializers.IntegerField):
    """A JSON number without a fraction. `true`, `"5"` and `5.0` are none."""

    def __init__(self, *, min_value: int, max_value: int, **options: Any) -> None:
        said = f"give a whole number from {min_value} to {max_value}"
        messages: dict[str, Any] = dict.fromkeys(("min_value", "max_value", "null"), said)
        super().__init__(min_value=min_value, max_value=max_value, error_messages=messages, **options)

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            raise serializers.ValidationError("give a whole number")
        return data


class Text(serializers.CharField):
    """A JSON string, taken as it is (nothing trimmed), without NUL. `bytes_max` counts UTF-8."""

    def __init__(self, *, bytes_max: int | None = None, **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)
        self.bytes_max = bytes_max

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("give a string")
        if "\0" in data:
            raise serializers.ValidationError("a NUL character cannot be passed on")
        if self.bytes_max is not None and len(data.encode()) > self.bytes_max:
            raise serializers.ValidationError(f"it has more than {self.bytes_max} bytes")
        return data


class OneOf(Text):
    """One of a few words."""

    def __init__(self, *words: str, **options: Any) -> None:
        super().__init__(**options)
        self.words = words

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if text not in self.words:
            raise serializers.ValidationError(f"give one of {', '.join(self.words)}")
        return text


class YesNo(serializers.BooleanField):
    """`true` or `false`."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("give true or false")
        return data


class Id(serializers.UUIDField):
    """A UUID in its usual writing."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str) or not UUID_TEXT.fullmatch(data):
            raise serializers.ValidationError(f"{str(data)[:60]!r} is no id; give a UUID")
        return UUID(data)


class Moment(serializers.DateTimeField):
    """An RFC 3339 time with its zone."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, str) or not re.search(r"(?:Z|[+-]\d\d:\d\d)$", data):
            raise serializers.ValidationError("give a time with its zone, such as 2026-11-21T22:00:00Z")
        return super().to_internal_value(data)


class Ids(serializers.ListField):
    """A list of different ids."""

    def __init__(self, *, max_length: int, **options: Any) -> None:
        messages: dict[str, Any] = {
            "min_length": "give at least one id",
            "max_length": f"give at most {max_length} ids",
        }
        super().__init__(child=Id(), min_length=1, max_length=max_length, error_messages=messages, **options)

    def to_internal_value(self, data: Any) -> list[UUID]:
        if not isinstance(data, list):
            raise serializers.ValidationError("give a list of ids")
        if self.max_length is not None and len(data) > self.max_length:
            raise serializers.ValidationError(f"{len(data)} ids; give at most {self.max_length}")
        ids: list[UUID] = super().to_internal_value(data)
        seen: set[UUID] = set()
        for one in ids:
            if one in seen:
                raise serializers.ValidationError(f"{one} is there twice")
            seen.add(one)
        return ids


class StrictBody(serializers.Serializer):
    """A body whose unknown fields are an error, so that a misspelt one is not quietly left out."""

    def to_internal_value(self, data: Any) -> Any:
        unknown = [name for name in data if name not in self.fields]
        if unknown:
            known = ", ".join(self.fields) or "none"
            raise serializers.ValidationError(
                {name[:60]: f"there is no such field; the fields are: {known}" for name in unknown[:3]}
            )
        return super().to_internal_value(data)


class Nothing(StrictBody):
    """The body of a POST that needs none: empty, or `{}`."""
