"""The feed in partitions, each one a stretch of time: what is too old goes by dropping a table, and nobody waits.

A partition is a range of `seq`, not of `at`. Numbers follow time (both are given under the feed lock), so a range of
numbers is a stretch of time as well, and everything that reads the feed reads by number:
* `seq > N ORDER BY seq` and pages from the end backwards open one or two partitions, in order, whatever their count;
  by time each such reading would open and merge all of them.
* `seq` alone stays the primary key. By time the key would be (seq, at), and nothing would forbid a number twice.
* Numbers run out only when events come, not while no engine is there. The last partition is open-ended: a write always
  finds its place, also after a year without engines. (A DEFAULT partition would do that too, but with one there is no
  reading in order.)

Every engine tends the table once a minute, one at a time. There are always empty partitions ahead. One ends when its
stretch of time, a tenth of what is kept, is over; or, when much happens, with as many numbers as the stretch before
has used. It is detached and dropped when its newest event is too old.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import structlog
from django.db import OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg.errors import LockNotAvailable, QueryCanceled

from maintenance.models import FeedEvent

TABLE = "maintenance_feedevent"
GONE = f"{TABLE}_gone_"  # detached, to be dropped
ENDS = "feed_ends"  # the constraint that proves where a filled partition ends
TENDING_LOCK = 0x66656564  # "feed": one engine at a time

STRETCHES = 10  # in what is kept: each reading without a number plans with every partition
NUMBERS_MIN = 100_000  # a partition's, and always free ahead: minutes of the most that can happen
SCANNED_MAX = 100_000  # rows that may be looked at while others wait: some 20 ms
NUMBERS_LATE = 10_000_000  # of the partition that was written beyond what had been made ahead
LOCK_WAIT_MS = 50  # nobody queues behind us for longer
MOMENT_MS = 1000  # and what we do then is over, or taken back
TRIES = 10
PAUSE_S = 0.1
DELETED_MAX = 5000  # rows in one round

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Partition:
    """One stretch: the numbers from `first` on, below `end`. None is no limit."""

    table: str
    first: int | None
    end: int | None

    @property
    def serial(self) -> int:
        return int(self.table.rpartition("_")[2])

    def bounds(self) -> str:
        first = "MINVALUE" if self.first is None else self.first
        end = "MAXVALUE" if self.end is None else self.end
        return f"FOR VALUES FROM ({first}) TO ({end})"


def stretch_of(kept_for: timedelta) -> timedelta:
    """How long a partition lasts: an event is gone at the latest so long after its time."""
    return kept_for / STRETCHES


def tend_feed(now: datetime, kept_for: timedelta) -> None:
    """There is room ahead, each stretch has its partition, and what is older than `kept_for` and a stretch is gone.

    Does nothing while another engine tends the feed. What could not be had without making others wait is left for the
    next time.
    """
    with _alone() as is_alone:
        if is_alone:
            limit, stretch = now - kept_for, stretch_of(kept_for)
            _make_room(now - stretch)
            _end_with_the_stretch(now - stretch)
            _detach_before(limit)
            _drop_detached()
            _delete_before(limit - stretch)


def partitions() -> list[Partition]:
    """All there are, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, pg_get_expr(relpartbound, pg_class.oid) FROM pg_inherits "
            "JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = %s::regclass",
            [TABLE],
        )
        found = [_partition(*row) for row in cursor.fetchall()]
    return sorted(found, key=lambda one: (one.first is not None, one.first))


BOUNDS = re.compile(r"FOR VALUES FROM \('?(-?\d+|MINVALUE)'?\) TO \('?(-?\d+|MAXVALUE)'?\)")


def _partition(table: str, bounds: str) -> Partition:
    found = BOUNDS.fullmatch(bounds)
    assert found is not None, bounds
    first, end = found.groups()
    return Partition(
        table, None if first == "MINVALUE" else int(first), None if end == "MAXVALUE" else int(end)
    )


# ---- ahead ---------------------------------------------------------------------------------------------------------


def _make_room(stretch_began: datetime) -> None:
    """Two are ahead of the one that is written, and the open-ended one is so far ahead that it stays empty."""
    while True:
        every, given = partitions(), numbers_given()
        last = every[-1]
        ahead = [one for one in every if one.first is not None and one.first > given]
        if len(ahead) >= 2 and last.first is not None and last.first - given > NUMBERS_MIN:
            return
        new = _new_partition(last.serial + 1)
        numbers = _numbers_since(stretch_began, given)
        if ahead and last.first is not None:
            end = last.first + max(NUMBERS_MIN, numbers)
        else:  # no engine was here for very many events
            end = given + 1 + max(NUMBERS_LATE, numbers)
            if not _prove_end(last, end):
                return
        if not _in_a_moment(partial(_cut, last=last, end=end, new=new)):
            return


def numbers_given() -> int:
    """The highest number that any event has, or was meant to have."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'seq')", [TABLE])
        (sequence,) = cursor.fetchone()
        cursor.execute(f"SELECT last_value - (NOT is_called)::int FROM {sequence}")
        (given,) = cursor.fetchone()
    assert isinstance(given, int)
    return given


def _numbers_since(began: datetime, given: int) -> int:
    by_time = FeedEvent.objects.filter(at__gte=began).order_by("at", "seq")
    first = by_time.values_list("seq", flat=True).first()
    return 0 if first is None else given - first + 1


def _new_partition(serial: int) -> str:
    """A table that is ready to be one, with its indexes, so that little is left to do while others wait."""
    table = f"{TABLE}_{serial}"
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {table}")  # of an engine that came no further than this
        cursor.execute(f"CREATE TABLE {table} (LIKE {TABLE} INCLUDING ALL)")
    return table


def _prove_end(filled: Partition, end: int) -> bool:
    """PostgreSQL knows that no row of it is at or beyond `end`: nobody waits while it looks at all of them.

    Until it is cut there, it takes no number from `end` on. If we die meanwhile, the next engine has the time of ten
    million events to go on from here.
    """
    if not _in_a_moment(partial(_promise_end, filled=filled, end=end)):
        return False
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute(f"ALTER TABLE {filled.table} VALIDATE CONSTRAINT {ENDS}")
    return True


def _promise_end(cursor: CursorWrapper, *, filled: Partition, end: int) -> None:
    cursor.execute(f"ALTER TABLE {filled.table} DROP CONSTRAINT IF EXISTS {ENDS}")
    cursor.execute(f"ALTER TABLE {filled.table} ADD CONSTRAINT {ENDS} CHECK (seq < {end}) NOT VALID")


def _cut(cursor: CursorWrapper, *, last: Partition, end: int, new: str) -> None:
    cursor.execute(f"ALTER TABLE {TABLE} DETACH PARTITION {last.table}")
    _attach(cursor, Partition(last.table, last.first, end))
    _attach(cursor, Partition(new, end, None))
    cursor.execute(f"ALTER TABLE {last.table} DROP CONSTRAINT IF EXISTS {ENDS}")


def _attach(cursor: CursorWrapper, one: Partition) -> None:
    cursor.execute(f"ALTER TABLE {TABLE} ATTACH PARTITION {one.table} {one.bounds()}")


# ---- the one that is written ---------------------------------------------------------------------------------------


def _end_with_the_stretch(stretch_began: datetime) -> None:
    """The next event begins a new partition, when the one it would go to has events from before the stretch.

    One with more rows than may be looked at in a moment ends with its numbers.
    """
    number = numbers_given() + 1
    for written, following in pairwise(partitions()):
        if written.end is None or not (written.first or 0) <= number < written.end:
            continue
        oldest, lowest = _look(written, "min(at), min(seq)")
        if oldest is not None and oldest < stretch_began and number - lowest <= SCANNED_MAX:
            _in_a_moment(partial(_end_now, written=written, following=following))


def _end_now(cursor: CursorWrapper, *, written: Partition, following: Partition) -> None:
    end = numbers_given() + 1  # nobody writes while we are here
    if written.end is None or end >= written.end:
        return
    for one in (written, following):
        cursor.execute(f"ALTER TABLE {TABLE} DETACH PARTITION {one.table}")
    _attach(cursor, Partition(written.table, written.first, end))
    _attach(cursor, Partition(following.table, end, following.end))


def _look(one: Partition, what: str) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {what} FROM {one.table}")
        row: tuple[Any, ...] = cursor.fetchone()
    return row


# ---- behind --------------------------------------------------------------------------------------------------------


def _detach_before(limit: datetime) -> None:
    """Partitions that get no more events and have none that is newer than `limit` are no longer the feed's."""
    given = numbers_given()
    for one in partitions():
        if one.end is not None and one.end <= given + 1 and _is_over(one, limit):
            _in_a_moment(partial(_detach, one=one, limit=limit))


def _is_over(one: Partition, limit: datetime) -> bool:
    newest: datetime | None = _look(one, "max(at)")[0]
    return newest is None or newest < limit


def _detach(cursor: CursorWrapper, *, one: Partition, limit: datetime) -> None:
    if _is_over(one, limit):  # still, now that nobody writes
        cursor.execute(f"ALTER TABLE {TABLE} DETACH PARTITION {one.table}")
        cursor.execute(f"ALTER TABLE {one.table} RENAME TO {GONE}{one.serial}")


def _drop_detached() -> None:
    """Also what an engine has left behind that died between the two. Nobody reads these tables any more."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND NOT relispartition AND starts_with(relname, %s) "
            "AND relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = %s::regclass)",
            [GONE, TABLE],
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f"DROP TABLE {table}")
            log.info("a part of the feed is gone", table=table)


def _delete_before(limit: datetime) -> None:
    """What its partition keeps longer than a stretch, because it is not full, goes as single rows, few at a time."""
    old = FeedEvent.objects.filter(at__lt=limit).order_by("seq").values_list("seq", flat=True)
    if seqs := list(old[:DELETED_MAX]):
        FeedEvent.objects.filter(seq__lte=seqs[-1], at__lt=limit).delete()


# ---- without making others wait ------------------------------------------------------------------------------------


@contextmanager
def _alone() -> Iterator[bool]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [TENDING_LOCK])
        (is_alone,) = cursor.fetchone()
        try:
            yield is_alone
        finally:
            if is_alone:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [TENDING_LOCK])


def _in_a_moment(change: Callable[[CursorWrapper], None]) -> bool:
    """Make a change that needs the whole table for itself; whether it was to be had.

    Whoever comes while we wait for the table waits behind us: so we give up soon, let them pass, and try again.
    """
    for _ in range(TRIES):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL lock_timeout = {LOCK_WAIT_MS}")
                cursor.execute(f"SET LOCAL statement_timeout = {MOMENT_MS}")
                cursor.execute(f"LOCK TABLE ONLY {TABLE} IN ACCESS EXCLUSIVE MODE")
                change(cursor)
        except OperationalError as reason:
            if not isinstance(reason.__cause__, LockNotAvailable | QueryCanceled):
                raise
            time.sleep(PAUSE_S)
        else:
            return True
    log.warning("the feed's partitions could not be changed: its table is in use", tries=TRIES)
    return False
