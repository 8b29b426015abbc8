"""The live half's own connections: heard bells, and what happens when PostgreSQL cuts them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import closing

import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections

from dashboard.live import database
from dashboard.live.database import DatabaseAway, fetch, listen

CHANNEL = "pitstop_test"
WITHIN_S = 15  # on a busy machine


def execute(sql: str) -> None:
    with closing(connection), connection.cursor() as cursor:  # it belongs to a thread that outlives the test
        cursor.execute(sql)


async def ring() -> None:
    await sync_to_async(execute)(f"NOTIFY {CHANNEL}")


async def next_within(heard: AsyncIterator[None], seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await anext(heard)
    except TimeoutError:
        return False
    return True


async def wait_for_listeners() -> None:
    """Until the bell's connection listens."""
    async with asyncio.timeout(10):
        while not await fetch(
            "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' AND datname = current_database()"
        ):
            await asyncio.sleep(0.02)


async def test_rows_come_with_their_names(live_database):
    assert await fetch("SELECT %s::int AS number, 'a' AS letter", [7]) == [{"number": 7, "letter": "a"}]


async def test_a_listener_looks_at_once_and_at_every_ring(live_database, monkeypatch):
    monkeypatch.setattr(database, "POLL_S", 60)
    heard = listen(CHANNEL)
    assert await next_within(heard, WITHIN_S)
    await wait_for_listeners()
    assert await next_within(heard, WITHIN_S)  # the connection is there: look for what was missed before
    await ring()
    assert await next_within(heard, WITHIN_S)


async def test_a_listener_looks_now_and_then_although_no_bell_rings(live_database, monkeypatch):
    monkeypatch.setattr(database, "POLL_S", 0.2)
    heard = listen(CHANNEL)
    for _ in range(4):
        assert await next_within(heard, WITHIN_S)


async def test_all_listeners_of_a_channel_share_one_connection(live_database, monkeypatch):
    monkeypatch.setattr(database, "POLL_S", 60)
    listening = (
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%%'"
    )
    before = {
        row["pid"] for row in await fetch(listening)
    }  # of a test whose end PostgreSQL has not noticed yet
    one, other = listen(CHANNEL), listen(CHANNEL)
    for heard in (one, other):
        await anext(heard)
    await wait_for_listeners()
    for heard in (one, other):
        assert await next_within(heard, WITHIN_S)
    await ring()
    assert await next_within(one, WITHIN_S)
    assert await next_within(other, WITHIN_S)
    assert len({row["pid"] for row in await fetch(listening)} - before) == 1


async def test_a_cut_connection_is_made_again_and_heard_again(live_database, monkeypatch):
    monkeypatch.setattr(database, "POLL_S", 60)
    heard = listen(CHANNEL)
    await anext(heard)
    await wait_for_listeners()
    assert await next_within(heard, WITHIN_S)
    await sync_to_async(execute)(
        # Not those of tests beside this one, which share the server.
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'pitstop live' AND datname = current_database()"
    )
    assert await next_within(heard, WITHIN_S)  # reconnected
    await ring()
    assert await next_within(heard, WITHIN_S)
    assert await fetch("SELECT 1 AS one") == [{"one": 1}]


async def test_a_database_that_is_away_is_called_away(transactional_db, monkeypatch):
    monkeypatch.setattr(database, "POOL_WAIT_S", 0.3)
    monkeypatch.setitem(connections["default"].settings_dict, "HOST", "/nowhere")
    with pytest.raises(DatabaseAway):
        await fetch("SELECT 1")
    await database.close()
