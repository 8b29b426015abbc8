"""Text from outside, cut to what its column holds: a cloud's long or odd names must not stop anybody's work."""

from collections.abc import Mapping
from typing import Any

from django.db.models import CharField, Model


def fitting(model: type[Model], values: Mapping[str, Any]) -> dict[str, Any]:
    """The values with every text at most as long as its column, and without NUL, which PostgreSQL cannot hold."""
    return {
        name: _cut(model, name, value) if isinstance(value, str) else value for name, value in values.items()
    }


def _cut(model: type[Model], name: str, text: str) -> str:
    field = model._meta.get_field(name)
    text = text.replace("\0", "\N{SYMBOL FOR NULL}")
    if isinstance(field, CharField) and field.max_length is not None and len(text) > field.max_length:
        return text[: field.max_length - 1] + "…"
    return text
