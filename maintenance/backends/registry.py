"""From a cloud's row to the code that talks to it."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from uuid import UUID

from maintenance.backends.base import Cloud

# kind → (module, class): imported when first used, so that a missing client library of one cloud hurts no other.
_KINDS = {"lab": ("maintenance.backends.lab.cloud", "LabCloud")}


class UnknownKind(Exception):
    """This cloud's kind is not one Pitstop knows."""


def cloud_of_kind(kind: str, cloud_id: UUID) -> Cloud:
    """The adapter for one cloud; one object per process and cloud, safe to use from several threads.

    Raises: UnknownKind, naming the kinds there are.
    """
    return _made(kind, cloud_id)


@cache
def _made(kind: str, cloud_id: UUID) -> Cloud:
    if kind not in _KINDS:
        raise UnknownKind(f"cloud kind {kind!r}; Pitstop knows {', '.join(sorted(_KINDS))}")
    module, name = _KINDS[kind]
    make: Callable[[UUID], Cloud] = getattr(import_module(module), name)
    return make(cloud_id)
