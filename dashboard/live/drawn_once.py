"""What several parts of one push are drawn from is read once for all of them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, cast

type Place = tuple[str, str, str]  # topic, part, the part's own thing

_read: ContextVar[dict[object, Any] | None] = ContextVar("drawn_once", default=None)
_parts: ContextVar[tuple[Place, ...]] = ContextVar("drawn_together", default=())


@contextmanager
def one_push(parts: Iterable[Place] = ()) -> Iterator[None]:
    """Within it, each `once` is built at most once; nothing is kept beyond. `parts`: all that will be drawn."""
    read, together = _read.set({}), _parts.set(tuple(parts))
    try:
        yield
    finally:
        _read.reset(read)
        _parts.reset(together)


def drawn_together(topic: str, name: str) -> frozenset[str]:
    """The things whose part of this name is drawn for the topic in this push: they may be read in one query."""
    return frozenset(
        one for its_topic, its_name, one in _parts.get() if (its_topic, its_name) == (topic, name)
    )


def once[T](build: Callable[[], T]) -> T:
    """What `build` gives, or gave to an earlier part of this push."""
    kept = _read.get()
    if kept is None:
        return build()
    if build not in kept:
        kept[build] = build()
    return cast(T, kept[build])
