"""Many who ask within a moment are answered by one reading: a thousand sockets do not make a thousand queries.

Nothing is remembered: whoever asks while a reading is under way is answered by the next one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping


class _Asked[K: Hashable, V]:
    """Those who will be answered by the same reading."""

    def __init__(self) -> None:
        self.keys: set[K] = set()
        self.answers: Mapping[K, V] | None = None
        self.failure: Exception | None = None


class AskedTogether[K: Hashable, V]:
    """`read` answers a set of keys; keys that it leaves out have no answer. One reading at a time; whoever comes first
    waits `gather_s` for others."""

    def __init__(self, read: Callable[[set[K]], Awaitable[Mapping[K, V]]], gather_s: float = 0.0) -> None:
        self._read, self._gather_s = read, gather_s
        self._reading = asyncio.Lock()
        self._next: _Asked[K, V] = _Asked()

    async def ask(self, key: K) -> V | None:
        """The answer as of a moment after the question. Raises: what `read` raises."""
        asked = self._next
        asked.keys.add(key)
        async with self._reading:
            if asked.answers is None and asked.failure is None:
                await self._answer(asked)
        if asked.failure is not None:
            raise asked.failure
        assert asked.answers is not None
        return asked.answers.get(key)

    async def _answer(self, asked: _Asked[K, V]) -> None:
        """Whoever comes first asks for all; when they leave meanwhile, the next of them does."""
        if self._gather_s:
            await asyncio.sleep(self._gather_s)
        if self._next is asked:
            self._next = _Asked()
        try:
            asked.answers = await self._read(asked.keys)
        except Exception as failure:
            asked.failure = failure
