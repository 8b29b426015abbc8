"""The feed's table becomes a partitioned one: every row stays where it is, with its number, in the first partition.

Why, and how partitions come and go afterwards: maintenance/feed_partitions.py.
"""

from django.db import migrations

AHEAD = 100_000  # numbers of the partition that is written next; engines make the following ones


def partition(apps, schema_editor):
    """A second call changes nothing."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT relkind::text FROM pg_class WHERE oid = to_regclass('maintenance_feedevent')")
        if cursor.fetchone() == ("p",):
            return
        # The numbers of the rows that are there are looked at once; that may take as long as it takes.
        cursor.execute("SET LOCAL statement_timeout = 0")
        cursor.execute("LOCK TABLE maintenance_feedevent IN ACCESS EXCLUSIVE MODE")
        given = _numbers_given(cursor)
        _make_way(cursor, given)
        _make_partitions(cursor, given)


def _numbers_given(cursor):
    cursor.execute("SELECT pg_get_serial_sequence('maintenance_feedevent', 'seq')")
    sequence = cursor.fetchone()[0]
    cursor.execute(
        f"SELECT greatest((SELECT last_value - (NOT is_called)::int FROM {sequence}), "
        "(SELECT coalesce(max(seq), 0) FROM maintenance_feedevent))"
    )
    return cursor.fetchone()[0]


def _make_way(cursor, given):
    """The table is the first partition's from now on; its names, and its indexes' names, are the new one's."""
    cursor.execute(
        "SELECT indexname, indexdef FROM pg_indexes "
        "WHERE tablename = 'maintenance_feedevent' AND schemaname = current_schema()"
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f'ALTER INDEX "{name}" RENAME TO "{name}_1"')
    cursor.execute("ALTER TABLE maintenance_feedevent RENAME TO maintenance_feedevent_1")
    cursor.execute("ALTER TABLE maintenance_feedevent_1 ALTER COLUMN seq DROP IDENTITY")
    # A sequence and not an identity: partitioned tables have those since PostgreSQL 17 only.
    cursor.execute(f"CREATE SEQUENCE maintenance_feedevent_seq_seq START WITH {given + 1}")
    cursor.execute(
        "CREATE TABLE maintenance_feedevent "
        "(LIKE maintenance_feedevent_1 INCLUDING DEFAULTS INCLUDING STORAGE INCLUDING COMPRESSION) "
        "PARTITION BY RANGE (seq)"
    )
    cursor.execute(
        "ALTER TABLE maintenance_feedevent "
        "ADD CONSTRAINT maintenance_feedevent_pkey PRIMARY KEY (seq), "
        "ALTER COLUMN seq SET DEFAULT nextval('maintenance_feedevent_seq_seq')"
    )
    cursor.execute("ALTER SEQUENCE maintenance_feedevent_seq_seq OWNED BY maintenance_feedevent.seq")
    for name, definition in indexes:
        if name != "maintenance_feedevent_pkey":
            cursor.execute(definition)


def _make_partitions(cursor, given):
    begins = given + 1
    cursor.execute(
        "ALTER TABLE maintenance_feedevent ATTACH PARTITION maintenance_feedevent_1 "
        f"FOR VALUES FROM (MINVALUE) TO ({begins})"
    )
    cursor.execute(
        "CREATE TABLE maintenance_feedevent_2 PARTITION OF maintenance_feedevent "
        f"FOR VALUES FROM ({begins}) TO ({begins + AHEAD})"
    )
    cursor.execute(
        "CREATE TABLE maintenance_feedevent_3 PARTITION OF maintenance_feedevent "
        f"FOR VALUES FROM ({begins + AHEAD}) TO (MAXVALUE)"
    )


class Migration(migrations.Migration):

    dependencies = [
        ('maintenance', '0008_router_restart'),
    ]

    # Back: earlier versions work with a partitioned table as with any other.
    operations = [migrations.RunPython(partition, migrations.RunPython.noop)]
