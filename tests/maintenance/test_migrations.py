"""Making and changing the tables, on a machine that is busy with something else."""

from collections.abc import Iterator
from importlib import import_module

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import pre_migrate

from maintenance.models import FeedEvent

feed_partitions = import_module("maintenance.migrations.0009_feed_partitions")


def may_idle_for() -> str:
    """How long a transaction of this connection may stand still; 0: for ever."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        return str(cursor.fetchone()[0])


@pytest.mark.django_db(transaction=True)
def test_a_migration_may_think_for_longer_than_a_request_and_only_it():
    before, during = may_idle_for(), []

    def look(**_: object) -> None:
        during.append(may_idle_for())

    last = list(apps.get_app_configs())[-1]
    pre_migrate.connect(look, sender=last)
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        pre_migrate.disconnect(look, sender=last)

    assert during == ["0"]
    assert may_idle_for() == before != "0"


# ---- the feed's partitions -----------------------------------------------------------------------------------------


@pytest.fixture
def plain_feed(db: None) -> Iterator[None]:
    """The feed's table as it was before, in a schema of its own that hides the real one."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA before")
        cursor.execute("SET LOCAL search_path = before")
    with connection.schema_editor() as editor:
        editor.create_model(FeedEvent)
    yield
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL search_path = public")


def told(events: int) -> list[int]:
    """The numbers of new events."""
    made = FeedEvent.objects.bulk_create(
        FeedEvent(kind="host.changed", actor="engine", object={"n": n}) for n in range(events)
    )
    return [one.seq for one in made]


def index_names() -> set[str]:
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, "maintenance_feedevent")
    return {name for name, about in constraints.items() if about["index"] or about["primary_key"]}


@pytest.mark.parametrize("events", [0, 5])
def test_the_feed_is_partitioned_and_every_event_keeps_its_number(plain_feed, events):
    told(events)
    FeedEvent.objects.filter(seq=events).delete()  # its number is not given again
    before = list(FeedEvent.objects.values())
    indexes = index_names()

    for _ in range(2):  # the second one finds nothing to do
        with connection.schema_editor() as editor:
            feed_partitions.partition(apps, editor)

    assert list(FeedEvent.objects.values()) == before
    assert index_names() == indexes
    assert told(2) == [events + 1, events + 2]
    with connection.cursor() as cursor:
        cursor.execute("SELECT relkind::text FROM pg_class WHERE oid = 'maintenance_feedevent'::regclass")
        assert cursor.fetchone() == ("p",)
        cursor.execute("SELECT count(*) FROM ONLY maintenance_feedevent_1")
        assert cursor.fetchone() == (len(before),)
