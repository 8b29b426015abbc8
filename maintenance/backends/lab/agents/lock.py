"""One change of agents at a time."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.router import ALIAS

# Any number nobody else uses. Taken after a cluster's or a server's lock, never before one.
AGENTS_LOCK = 0x6167656E7473


@contextmanager
def agents_locked(door: Door) -> Iterator[None]:
    """A short transaction in which nobody else changes agents, their lists or files."""
    with transaction.atomic(using=ALIAS):
        door.rows("SELECT pg_advisory_xact_lock(%s)", AGENTS_LOCK)
        yield
