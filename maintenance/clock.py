"""The one clock of leases and deadlines: the database's, so that a wrong clock on one machine decides nothing."""

from datetime import datetime

from django.db import connection


def database_now() -> datetime:
    """The database's present (not the start of its transaction), aware."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    assert row is not None
    now: datetime = row[0]
    return now
