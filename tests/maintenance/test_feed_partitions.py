"""The feed's old parts go as whole tables: nobody waits, no write fails, and readers open only what they need."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
from django.db import connection

from maintenance import feed_partitions
from maintenance.feed import unit_of_work
from maintenance.feed_partitions import numbers_given, partitions, tend_feed
from maintenance.models import AuditEntry, FeedEvent
from tests.waiting import wait_until

KEPT_FOR = timedelta(days=10)  # a stretch is a day
BEGAN = datetime(2026, 3, 1, tzinfo=UTC)


def write(at: datetime, events: int = 1) -> list[int]:
    """Events of that time; their numbers."""
    made = FeedEvent.objects.bulk_create(
        FeedEvent(at=at, kind="host.changed", actor="engine", object={}) for _ in range(events)
    )
    return [one.seq for one in made]


def live(days: int) -> list[int]:
    """An event every six hours of these days, and an engine that looks after each; all numbers."""
    seqs = []
    for sixth in range(4 * days):
        at = BEGAN + timedelta(hours=6 * sixth)
        seqs += write(at)
        tend_feed(at, KEPT_FOR)
    return seqs


def other_connection(**options: Any) -> psycopg.Connection[Any]:
    parameters = connection.get_connection_params()
    for ours in ("cursor_factory", "context", "prepare_threshold", "pool"):
        parameters.pop(ours, None)
    return psycopg.connect(**parameters, **options)


def set_next_number(number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('maintenance_feedevent_seq_seq', %s, false)", [number])


@pytest.fixture
def next_number(db: None) -> Iterator[Callable[[int], None]]:
    """To jump to a number, in a test that is rolled back: the jump is not."""
    before = numbers_given() + 1
    yield set_next_number
    set_next_number(before)


def table_names() -> list[str]:
    return [one.table for one in partitions()]


# ---- what is kept --------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_each_stretch_of_a_quiet_feed_is_a_table_that_is_dropped_when_it_is_too_old(monkeypatch):
    monkeypatch.setattr(feed_partitions, "DELETED_MAX", 0)  # no row goes alone
    tend_feed(BEGAN, KEPT_FOR)
    first_tables = set(table_names()[:1])

    seqs = live(days=15)

    assert not first_tables & set(table_names())
    assert 8 <= len(partitions()) <= 13
    kept = list(FeedEvent.objects.values_list("seq", flat=True))
    assert kept == seqs[-len(kept) :]
    ends = BEGAN + timedelta(days=15)
    oldest = FeedEvent.objects.earliest("seq").at
    assert ends - KEPT_FOR - timedelta(days=2) <= oldest <= ends - KEPT_FOR


@pytest.mark.django_db
def test_the_limit_of_this_moment_decides_and_the_audit_stays():
    with_audit = AuditEntry.objects.count()
    live(days=4)
    tend_feed(BEGAN + timedelta(days=4), timedelta(days=2))
    assert FeedEvent.objects.earliest("seq").at >= BEGAN + timedelta(days=1, hours=12)
    assert AuditEntry.objects.count() == with_audit


@pytest.mark.django_db
def test_what_shares_a_table_with_newer_events_goes_row_by_row_a_stretch_later(monkeypatch):
    monkeypatch.setattr(feed_partitions, "SCANNED_MAX", 0)  # as if it were too full to be ended early
    monkeypatch.setattr(feed_partitions, "DELETED_MAX", 2)
    tend_feed(BEGAN, KEPT_FOR)
    old = write(BEGAN, events=3)
    new = write(BEGAN + timedelta(days=11, hours=1))

    tend_feed(BEGAN + timedelta(days=11), KEPT_FOR)
    assert list(FeedEvent.objects.values_list("seq", flat=True)) == old + new
    for left in ([old[2], *new], new, new):
        tend_feed(BEGAN + timedelta(days=11, hours=2), KEPT_FOR)
        assert list(FeedEvent.objects.values_list("seq", flat=True)) == left


# ---- what is ahead -------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_without_an_engine_for_very_many_events_every_write_finds_its_place_and_the_next_engine_goes_on():
    last = partitions()[-1]
    assert last.end is None
    assert last.first is not None
    beyond = last.first + 5_000_000
    set_next_number(beyond)
    with unit_of_work() as work:
        for _ in range(3):
            work.event("host.changed", {})
    with connection.cursor() as cursor:  # an engine came, and died over it
        cursor.execute(
            f"ALTER TABLE {last.table} ADD CONSTRAINT feed_ends CHECK (seq < {beyond + 4}) NOT VALID"
        )

    tend_feed(datetime.now(UTC), KEPT_FOR)

    assert list(FeedEvent.objects.values_list("seq", flat=True)) == [beyond, beyond + 1, beyond + 2]
    assert [one.table for one in partitions() if one.first == last.first] == [last.table]
    ahead = [one for one in partitions() if one.first is not None and one.first > beyond + 2]
    assert len(ahead) >= 2
    assert ahead[-1].end is None
    with unit_of_work() as work:
        for _ in range(3):
            work.event("host.changed", {})
    assert FeedEvent.objects.latest("seq").seq == beyond + 5


@pytest.mark.django_db
def test_when_much_happens_a_partition_has_as_many_numbers_as_the_stretch_before(monkeypatch, next_number):
    monkeypatch.setattr(feed_partitions, "NUMBERS_MIN", 50)
    tend_feed(BEGAN, KEPT_FOR)
    last = partitions()[-1]
    assert last.first is not None
    next_number(last.first - 60)
    for hour in range(12):
        tend_feed(BEGAN + timedelta(hours=hour), KEPT_FOR)
        write(BEGAN + timedelta(hours=hour), events=20)

    sizes = [one.end - one.first for one in partitions() if one.end and one.first and one.first >= last.first]
    assert sizes[0] == 50
    assert 100 < sizes[-1] <= 240
    assert FeedEvent.objects.latest("seq").seq < (partitions()[-1].first or 0)
    assert FeedEvent.objects.count() == 240


@pytest.mark.django_db
def test_what_an_engine_left_half_done_is_gone_after_the_next_round():
    tend_feed(BEGAN, KEPT_FOR)
    serial = partitions()[-1].serial
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE maintenance_feedevent_gone_0 ()")
        cursor.execute(f"CREATE TABLE maintenance_feedevent_{serial + 1} ()")

    live(days=2)

    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('maintenance_feedevent_gone_0')")
        assert cursor.fetchone() == (None,)
    assert partitions()[-1].serial > serial


# ---- nobody waits --------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_long_reader_keeps_the_old_part_there_and_nobody_waits_behind_it(monkeypatch):
    monkeypatch.setattr(feed_partitions, "PAUSE_S", 0.01)
    now = datetime.now(UTC)
    write(now - timedelta(days=20))
    tend_feed(now - timedelta(days=15), KEPT_FOR)  # the next event begins a new part
    old = table_names()[0]
    written, writing = count(), threading.Event()
    failures: list[BaseException] = []

    def append() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SET lock_timeout = '1s'"
                )  # far more than a moment, far less than the reader takes
            while not writing.is_set() or next(written) < 20:
                with unit_of_work() as work:
                    work.event("step.moved", {})
        except BaseException as failure:
            failures.append(failure)
        finally:
            with connection.cursor() as cursor:
                cursor.execute("RESET lock_timeout")
            connection.close()

    writer = threading.Thread(target=append)
    with other_connection() as reader:
        reader.execute("SELECT count(*) FROM maintenance_feedevent")
        writer.start()
        wait_until(lambda: FeedEvent.objects.filter(kind="step.moved").exists())
        tend_feed(now, KEPT_FOR)
        assert old in table_names()
        writing.set()
        writer.join(30)
    assert not failures

    tend_feed(now, KEPT_FOR)
    assert old not in table_names()
    assert FeedEvent.objects.filter(kind="step.moved").count() >= 20
    assert not FeedEvent.objects.filter(at__lt=now - KEPT_FOR).exists()


@pytest.mark.django_db(transaction=True)
def test_one_engine_at_a_time_tends_the_feed():
    write(BEGAN)
    with other_connection(autocommit=True) as other_engine:
        other_engine.execute("SELECT pg_advisory_lock(%s)", [feed_partitions.TENDING_LOCK])
        tend_feed(datetime.now(UTC), KEPT_FOR)
        assert FeedEvent.objects.exists()
    wait_until(lambda: (tend_feed(datetime.now(UTC), KEPT_FOR), not FeedEvent.objects.exists())[1])


@pytest.mark.django_db
def test_who_follows_the_feed_opens_no_old_part_and_sorts_nothing():
    seqs = live(days=6)
    tables = table_names()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off")  # as it is with more rows than these few
        cursor.execute(
            "EXPLAIN (FORMAT JSON) SELECT * FROM maintenance_feedevent WHERE seq > %s ORDER BY seq LIMIT 500",
            [seqs[-1]],
        )
        plan = str(cursor.fetchone())
    assert "Sort" not in plan
    assert "Merge Append" not in plan
    opened = [table for table in tables if f"'Relation Name': '{table}'" in plan]
    assert opened == tables[-len(opened) :]
    assert len(opened) <= 3 < len(tables)
