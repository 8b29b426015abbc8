"""The lab's own door to the database: alias "lab", autocommit, taken for one call and given back.

The lab plays a cloud on the other side of a network. A call from inside one of our transactions would hang that
transaction on the outside world, so it is refused.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connections, transaction

from maintenance.backends.base import Later
from maintenance.backends.lab.router import ALIAS


class CalledInsideTransaction(Exception):
    """A cloud was called from inside a transaction of ours. Commit first: calls outside may take seconds."""


class NoLab(Later):
    """The lab has not been seeded: run `manage.py lab reset`."""


_taken = threading.local()


class Door:
    """One lab connection in the hands of one thread: runs SQL, and knows the clock."""

    def __init__(self) -> None:
        self.connection = connections[ALIAS]

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def row(self, sql: str, *values: Any) -> tuple[Any, ...] | None:
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            found: tuple[Any, ...] | None = cursor.fetchone()
            return found

    def run(self, sql: str, *values: Any) -> int:
        """How many rows it touched."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql, values)
            return int(cursor.rowcount)

    def rest(self, seconds: float) -> None:
        """Waits with the connection given back, as a call on its way through a network would."""
        if seconds > 0:
            self.connection.close()
            time.sleep(seconds)

    def now(self) -> datetime:
        """The database's clock, also in mid-transaction."""
        found = self.row("SELECT clock_timestamp()")
        assert found is not None
        moment: datetime = found[0]
        return moment


@contextmanager
def lab_door() -> Iterator[Door]:
    """The lab's connection for one call. Raises: CalledInsideTransaction."""
    if connections["default"].in_atomic_block:
        raise CalledInsideTransaction(CalledInsideTransaction.__doc__)
    door = Door()
    is_outermost = not getattr(_taken, "by_this_thread", False)
    _taken.by_this_thread = True
    try:
        yield door
    finally:
        if is_outermost:
            _taken.by_this_thread = False
            door.connection.close()


@contextmanager
def cluster_locked(door: Door, cluster_id: Any) -> Iterator[None]:
    """A short transaction in which nobody else changes the cluster."""
    with transaction.atomic(using=ALIAS):
        door.rows("SELECT 1 FROM lab_cluster WHERE id = %s FOR NO KEY UPDATE", cluster_id)
        yield
