"""What several parts of one push are drawn from is read once for all of them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

_read: ContextVar[dict[object, Any] | None] = ContextVar("drawn_once", default=None)


@contextmanager
def one_push() -> Iterator[None]:
    """Within it, each `once` is built at most once; nothing is kept beyond."""
    token = _read.set({})
    try:
        yield
    finally:
        _read.reset(token)


def once[T](build: Callable[[], T]) -> T:
    """What `build` gives, or gave to an earlier part of this push."""
    kept = _read.get()
    if kept is None:
        return build()
    if build not in kept:
        kept[build] = build()
    return cast(T, kept[build])
