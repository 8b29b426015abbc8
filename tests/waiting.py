"""Waiting for a condition instead of sleeping; a condition that never comes fails the test, with its words."""

import time
from collections.abc import Callable


def wait_until[T](condition: Callable[[], T | None], *, within_s: float = 10, every_s: float = 0.02) -> T:
    """The first true value of `condition`. Raises: AssertionError when the time is over."""
    end = time.monotonic() + within_s
    while not (value := condition()):
        assert time.monotonic() < end, f"not within {within_s} s: {_words(condition)}"
        time.sleep(every_s)
    return value


def _words(condition: Callable[[], object]) -> str:
    return getattr(condition, "__qualname__", repr(condition))
