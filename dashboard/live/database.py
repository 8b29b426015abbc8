"""PostgreSQL for the live half: asynchronous, on connections of its own, apart from the ORM's.

`fetch` reads through a small pool. `listen` waits for a channel's bell: one LISTEN connection per process and channel,
whoever and however many listen, and a poll behind it, because a notification is a hint and never data.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
import structlog
from django.db import connections
from psycopg import sql
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

POLL_S = 2.0
RECONNECT_MIN_S = 0.1
RECONNECT_MAX_S = 5.0
POOL_MAX = 4
POOL_WAIT_S = 5.0
IDLE_MAX_S = 60.0
AWAY = (psycopg.OperationalError, psycopg.InterfaceError)  # not there, cut off, or cancelled

log = structlog.get_logger("pitstop.live")


class DatabaseAway(Exception):
    """PostgreSQL does not answer just now."""


async def fetch(query: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
    """The rows of one reading query, columns by name. Raises: DatabaseAway."""
    pool = await _ours().open_pool()
    try:
        async with pool.connection() as connection, connection.cursor(row_factory=dict_row) as cursor:
            await cursor.execute(query, params)
            rows: list[dict[str, Any]] = await cursor.fetchall()
            return rows
    except (*AWAY, PoolTimeout) as reason:
        raise DatabaseAway(str(reason)) from reason


async def listen(channel: str) -> AsyncIterator[None]:
    """Yields at once, and then whenever something may be new on the channel, at least every POLL_S seconds.

    Rings that come while the caller still works are one ring.
    """
    with _ours().bell(channel).heard() as rung:
        while True:
            rung.clear()
            yield
            try:
                async with asyncio.timeout(POLL_S):
                    await rung.wait()
            except TimeoutError:
                continue


async def close() -> None:
    """Gives back every connection of the running loop. `fetch` and `listen` open them again."""
    if (ours := _per_loop.pop(asyncio.get_running_loop(), None)) is not None:
        await ours.close()


class _Bell:
    """One LISTEN connection; it rings everybody who hears it, also after each reconnection."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self.ears: set[asyncio.Event] = set()
        self.task: asyncio.Task[None] | None = None

    @contextmanager
    def heard(self) -> Iterator[asyncio.Event]:
        ear = asyncio.Event()
        self.ears.add(ear)
        if self.task is None or self.task.done():
            self.task = asyncio.create_task(self._listen(), name=f"listen {self.channel}")
        try:
            yield ear
        finally:
            self.ears.discard(ear)
            if not self.ears and self.task is not None:
                self.task.cancel()

    def ring(self) -> None:
        for ear in self.ears:
            ear.set()

    async def _listen(self) -> None:
        wait_s = RECONNECT_MIN_S
        while True:
            try:
                async with await psycopg.AsyncConnection.connect(
                    **_parameters(), autocommit=True
                ) as connection:
                    await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(self.channel)))
                    wait_s = RECONNECT_MIN_S
                    self.ring()  # for whatever was not heard before
                    async for _ in connection.notifies():
                        self.ring()
            except AWAY as reason:
                log.warning(
                    "listening was interrupted", channel=self.channel, reason=str(reason), again_in_s=wait_s
                )
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, RECONNECT_MAX_S)


class _LiveDatabase:
    """What belongs to one event loop."""

    def __init__(self) -> None:
        self._bells: dict[str, _Bell] = {}
        self._pool = AsyncConnectionPool(
            kwargs={**_parameters(), "autocommit": True},
            min_size=0,
            max_size=POOL_MAX,
            timeout=POOL_WAIT_S,
            max_idle=IDLE_MAX_S,
            reconnect_timeout=RECONNECT_MAX_S,
            check=AsyncConnectionPool.check_connection,  # one that a restarted server cut is never handed out
            open=False,
            name="live",
        )

    async def open_pool(self) -> AsyncConnectionPool[Any]:
        await self._pool.open()  # does nothing when it is open
        return self._pool

    def bell(self, channel: str) -> _Bell:
        return self._bells.setdefault(channel, _Bell(channel))

    async def close(self) -> None:
        tasks = [bell.task for bell in self._bells.values() if bell.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._pool.close()


_per_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, _LiveDatabase] = WeakKeyDictionary()


def _ours() -> _LiveDatabase:
    loop = asyncio.get_running_loop()
    if loop not in _per_loop:
        _per_loop[loop] = _LiveDatabase()
    return _per_loop[loop]


def _parameters() -> dict[str, Any]:
    """libpq's parameters of the default database, as Django would connect to it."""
    found = connections["default"].settings_dict
    named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    options = {
        k: v
        for k, v in found["OPTIONS"].items()
        if k not in {"pool", "server_side_binding", "isolation_level"}
    }
    return {
        **options,
        "application_name": "pitstop live",
        **{name: found[key] for name, key in named.items() if found.get(key)},
    }
