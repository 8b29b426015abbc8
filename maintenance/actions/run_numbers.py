"""What people call a run by, and how it is named where it is in somebody's way."""

from django.db import connection

from maintenance.models import Run

RUN_NUMBER_LOCK = 0x72756E73  # "runs"


def owner_of(run: Run) -> dict[str, str | int]:
    """Who is in the way: run, person, since when."""
    since = run.created_at.isoformat()
    return {"run": str(run.id), "number": run.number, "by": run.started_by, "since": since}


def runs_begin_one_by_one() -> None:
    """Until the transaction ends no other run is made: what is read now of the runs there are stays so."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [RUN_NUMBER_LOCK])


def next_run_number() -> int:
    """The number people call the next run by: without gaps, because the lock is held until the commit."""
    runs_begin_one_by_one()
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(number), 0) + 1 FROM maintenance_run")
        row = cursor.fetchone()
    assert row is not None
    return int(row[0])
