"""Eight processes append to the feed as fast as it goes, while one follows it and an old part of it is dropped.

    python -m bench.feed_appends [--seconds N]

appends      transactions of one event through `unit_of_work`, each durable (a PostgreSQL that syncs), per second; how
             long one takes, and the longest of them while old partitions go (the limit of what is kept is lowered at
             half-time; the old ones hold 150,000 rows)
lost         appends that were acknowledged and are not in the table, and events of the table that a reader that goes on
             from the last number it has seen, as every web process does, has not met
out of order events whose transaction committed before that of an event with a lower number, by PostgreSQL's own commit
             timestamps
baseline of the same run and machine: INSERT and NOTIFY of the same content, in one transaction, from as many processes
             into a plain table, without the ORM, the lock and partitions; its reader shows what the lock is for
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from multiprocessing.synchronize import Barrier
from typing import Any

import psycopg

from bench.rolling_overhead import machine
from bench.stack import Stack, percentile, running_stack

WRITERS = 8
SECONDS = 60
TARGET_PER_S = 500
PLAIN = "bench_plain_feed"
PLAIN_CHANNEL = "bench_plain"
OLD_ROWS = 150_000
OLD_BY = timedelta(days=20)
KEPT_FIRST, KEPT_THEN = timedelta(days=60), timedelta(days=7)
TEND_EVERY_S = 1.0
SETTLED_S = 3.0  # longer than a reader waits when no bell rings
OUT_OF_ORDER = """
SELECT count(*) FILTER (WHERE committed < before) FROM (
    SELECT committed, lag(committed) OVER (ORDER BY seq) AS before
    FROM (SELECT seq, pg_xact_commit_timestamp(xmin) AS committed FROM {table} WHERE seq > %s) AS each
) AS pairs
"""

type Append = tuple[float, float]  # when it began (wall clock), how many ms it took


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--seconds", type=float, default=SECONDS, help="of the feed, and of the baseline")
    chosen = options.parse_args()
    os.environ["PITSTOP_LOG_LEVEL"] = "WARNING"  # standard output is the JSON object's
    with running_stack() as stack:
        keep_commit_times(stack)
        baseline = plain_appends(chosen.seconds)
        feed = feed_appends(chosen.seconds)
    bad = feed["lost"] + feed["missed_by_reader"] + feed["out_of_order"]
    is_met = feed["per_s"] >= TARGET_PER_S and bad == 0 and bool(feed["retention"]["dropped"])
    result = {
        "machine": machine(),
        "writers": WRITERS,
        "seconds": chosen.seconds,
        "feed": feed,
        "baseline": baseline,
        "target": f">= {TARGET_PER_S}/s, 0 lost, order = commit order",
        "is_met": is_met,
    }
    print(json.dumps(result, indent=2))


def keep_commit_times(stack: Stack) -> None:
    """PostgreSQL notes when each transaction was committed, from its next start on."""
    with psycopg.connect(stack.postgres.url(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET track_commit_timestamp = on")
    stack.postgres.stop()
    stack.postgres.start()


# ---- what is measured ----------------------------------------------------------------------------------------------


def feed_appends(seconds: float) -> dict[str, Any]:
    from dashboard.live.feed_tail import read_events
    from maintenance.feed import FEED_CHANNEL

    async def read(after: int) -> list[int]:
        return [event.seq for event in await read_events(after)]

    make_old_parts()
    with old_parts_going(after_s=seconds / 2) as retention:
        found, appended = measured("maintenance_feedevent", FEED_CHANNEL, read, append_to_feed, seconds)
    began, ended = retention.pop("began"), retention.pop("ended")
    meanwhile = [ms for at, ms in appended if at + ms / 1000 >= began and at <= ended]
    retention["longest_append_ms"] = round(max(meanwhile, default=0.0), 1)
    return {**found, "retention": retention}


def plain_appends(seconds: float) -> dict[str, Any]:
    from dashboard.live import database

    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(
            f"CREATE TABLE {PLAIN} (seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "
            "at timestamptz DEFAULT now(), kind text, actor text, object jsonb, after jsonb)"
        )

    async def read(after: int) -> list[int]:
        rows = await database.fetch(
            f"SELECT seq, at, kind, actor, object, after FROM {PLAIN} WHERE seq > %s ORDER BY seq LIMIT 500",
            (after,),
        )
        return [row["seq"] for row in rows]

    return measured(PLAIN, PLAIN_CHANNEL, read, append_plainly, seconds)[0]


def measured(
    table: str,
    channel: str,
    read: Callable[[int], Awaitable[list[int]]],
    append: Callable[[float], list[Append]],
    seconds: float,
) -> tuple[dict[str, Any], list[Append]]:
    """What came of it, and each append."""
    url = os.environ["DATABASE_URL"]
    with psycopg.connect(url, autocommit=True) as connection:
        (before,) = connection.execute(f"SELECT coalesce(max(seq), 0) FROM {table}").fetchone() or (0,)
        with following(channel, read, before) as seen:
            appended = from_all_writers(append, seconds)
            time.sleep(SETTLED_S)
        rows = {seq for (seq,) in connection.execute(f"SELECT seq FROM {table} WHERE seq > %s", [before])}
        (disordered,) = connection.execute(OUT_OF_ORDER.format(table=table), [before]).fetchone() or (0,)
    lengths = [ms for _, ms in appended]
    lasted = max(at + ms / 1000 for at, ms in appended) - min(at for at, _ in appended)
    return {
        "appends": len(appended),
        "per_s": round(len(appended) / lasted, 1),
        "lost": len(appended) - len(rows),
        "missed_by_reader": len(rows - set(seen)),
        "out_of_order": disordered,
        "append_ms": {
            "p50": round(percentile(lengths, 0.5), 2),
            "p99": round(percentile(lengths, 0.99), 2),
            "longest": round(max(lengths), 1),
        },
    }, appended


@contextmanager
def following(channel: str, read: Callable[[int], Awaitable[list[int]]], before: int) -> Iterator[list[int]]:
    """A reader beside us; the numbers it has met."""
    from dashboard.live import database

    seen: list[int] = []
    over = threading.Event()

    async def follow() -> None:
        last = before
        async for _ in database.listen(channel):
            while found := await read(last):
                seen.extend(found)
                last = found[-1]
            if over.is_set():
                break
        await database.close()

    thread = threading.Thread(target=lambda: asyncio.run(follow()), name="reader")
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


# ---- the writers ---------------------------------------------------------------------------------------------------


def from_all_writers(append: Callable[[float], list[Append]], seconds: float) -> list[Append]:
    """They begin together, each a process of its own."""
    spawned = multiprocessing.get_context("spawn")
    together = spawned.Barrier(WRITERS)
    with ProcessPoolExecutor(WRITERS, spawned, _get_ready, (together,)) as writers:
        return [one for some in writers.map(append, [seconds] * WRITERS) for one in some]


_together: list[Barrier] = []


def _get_ready(together: Barrier) -> None:
    import django

    django.setup()
    _together.append(together)


def append_to_feed(seconds: float) -> list[Append]:
    from maintenance.feed import unit_of_work

    def append(number: int) -> None:
        with unit_of_work("engine") as work:
            work.event("step.moved", {"writer": os.getpid()}, after={"number": number})

    return _for(seconds, append)


def append_plainly(seconds: float) -> list[Append]:
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:

        def append(number: int) -> None:
            connection.execute(
                f"INSERT INTO {PLAIN} (kind, actor, object, after) VALUES ('step.moved', 'engine', %s, %s)",
                [json.dumps({"writer": os.getpid()}), json.dumps({"number": number})],
            )
            connection.execute(f"NOTIFY {PLAIN_CHANNEL}")
            connection.commit()

        return _for(seconds, append)


def _for(seconds: float, append: Callable[[int], None]) -> list[Append]:
    """Again and again; the first one, which opens a connection, does not count in time."""
    appended: list[Append] = []
    _together[0].wait()
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        at, began = time.time(), time.perf_counter()
        append(len(appended))
        appended.append((at, (time.perf_counter() - began) * 1000))
    return appended


# ---- retention meanwhile -------------------------------------------------------------------------------------------


def make_old_parts() -> None:
    """What is in the feed is old, and much; the next event begins a new part."""
    from django.db import connection

    from maintenance.clock import database_now
    from maintenance.feed_partitions import tend_feed

    old = database_now() - OLD_BY
    with connection.cursor() as cursor:
        cursor.execute("UPDATE maintenance_feedevent SET at = %s", [old])
        cursor.execute(
            "INSERT INTO maintenance_feedevent (at, kind, actor, object) "
            "SELECT %s, 'step.moved', 'engine', jsonb_build_object('number', n) FROM generate_series(1, %s) AS n",
            [old, OLD_ROWS],
        )
    tend_feed(database_now(), KEPT_FIRST)
    connection.close()


@contextmanager
def old_parts_going(*, after_s: float) -> Iterator[dict[str, Any]]:
    """The feed is tended far more often than by an engine; what is kept is less from half-time on.

    The dictionary is filled at the end: which tables went, and when that began and ended.
    """
    from django.db import connection

    from maintenance.clock import database_now
    from maintenance.feed_partitions import partitions, tend_feed

    told: dict[str, Any] = {"dropped": [], "began": 0.0, "ended": 0.0}
    over = threading.Event()
    # The writers need some seconds to get ready; half-time counts from the first append.
    head = _head()

    def tend() -> None:
        while not over.wait(TEND_EVERY_S) and _head() == head:
            continue
        lowered_at = time.monotonic() + after_s
        while not over.wait(TEND_EVERY_S):
            kept_for = KEPT_THEN if time.monotonic() >= lowered_at else KEPT_FIRST
            before, began = {one.table for one in partitions()}, time.time()
            tend_feed(database_now(), kept_for)
            if gone := sorted(before - {one.table for one in partitions()}):
                told["dropped"] += gone
                told.update(began=told["began"] or began, ended=time.time())
                told["took_ms"] = round((told["ended"] - told["began"]) * 1000)
        connection.close()

    thread = threading.Thread(target=tend, name="retention")
    thread.start()
    try:
        yield told
    finally:
        over.set()
        thread.join()


def _head() -> int:
    from dashboard.screens.feed_head import feed_head

    return feed_head()


if __name__ == "__main__":
    main()
