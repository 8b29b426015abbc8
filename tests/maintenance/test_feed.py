"""The feed's order is the order of commits, and the audit cannot be bent."""

import threading

import psycopg
import pytest
from django.db import DatabaseError, connection, transaction

from maintenance.feed import FEED_CHANNEL, UnitOfWork, first_broken_link, unit_of_work
from maintenance.models import AuditEntry, FeedEvent

pytestmark = pytest.mark.django_db(transaction=True)


def test_events_exist_only_with_the_change_they_tell():
    def fail() -> None:
        with unit_of_work("operator") as work:
            work.event("run.state", {"run": "1"})
            work.audit("run paused", {"run": "1"})
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()

    assert not FeedEvent.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_reader_that_follows_the_numbers_misses_no_committed_event():
    writers_done = threading.Event()
    seen: list[int] = []

    def write():
        for _ in range(60):
            with unit_of_work("engine") as work:
                work.event("step.moved", {})
        connection.close()

    def read():
        while True:
            is_last = writers_done.is_set()
            last = seen[-1] if seen else 0
            seen.extend(FeedEvent.objects.filter(seq__gt=last).order_by("seq").values_list("seq", flat=True))
            if is_last:
                connection.close()
                return

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write) for _ in range(8)]
    reader.start()
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    writers_done.set()
    reader.join(60)

    assert len(seen) == len(set(seen)) == 480
    assert seen == list(FeedEvent.objects.order_by("seq").values_list("seq", flat=True))


def test_times_follow_the_feeds_order():
    for _ in range(20):
        with unit_of_work("engine") as work:
            work.event("step.moved", {})

    times = list(FeedEvent.objects.order_by("seq").values_list("at", flat=True))
    assert times == sorted(times)


def test_a_commit_rings_the_bell_and_a_rollback_does_not():
    where = {
        k: v for k, v in connection.get_connection_params().items() if k in {"dbname", "user", "host", "port"}
    }
    with psycopg.connect(**where, autocommit=True) as bell:
        bell.execute(f"LISTEN {FEED_CHANNEL}")
        with unit_of_work("engine") as work:
            work.event("run.state", {})
        assert [n.channel for n in bell.notifies(timeout=5, stop_after=1)] == [FEED_CHANNEL]

        with transaction.atomic():
            UnitOfWork("engine").append()  # nothing to tell
            work = UnitOfWork("engine")
            work.event("run.state", {})
            work.append()
            transaction.set_rollback(True)
        assert list(bell.notifies(timeout=0.2)) == []


def test_a_unit_of_work_is_a_transaction_of_its_own():
    with pytest.raises(RuntimeError), transaction.atomic(), unit_of_work("operator"):
        pass


def test_the_audit_refuses_to_be_changed_or_shortened():
    with unit_of_work("operator") as work:
        work.audit("run paused", {"run": "1"}, reason="because")

    for statement in (
        "UPDATE maintenance_auditentry SET actor = 'nobody'",
        "DELETE FROM maintenance_auditentry",
    ):
        with (
            pytest.raises(DatabaseError, match="append-only"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
    assert AuditEntry.objects.get().actor == "operator"


def test_a_bent_audit_is_found_at_its_first_bent_link():
    for number in range(5):
        with unit_of_work("operator") as work:
            work.audit("run paused", {"run": str(number)})
    assert first_broken_link() is None

    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE maintenance_auditentry DISABLE TRIGGER audit_is_kept")
        cursor.execute("UPDATE maintenance_auditentry SET reason = 'other' WHERE number = 3")
        cursor.execute("ALTER TABLE maintenance_auditentry ENABLE TRIGGER audit_is_kept")

    assert first_broken_link() == 3
