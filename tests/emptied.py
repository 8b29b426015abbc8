"""An empty database after a test that commits, in milliseconds: only what the test has filled is emptied.

Django truncates every table there is, and writes its content types anew: more work than many a test.
"""

from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections, transaction
from django.test import TransactionTestCase

# As the migrations left them; no test changes them.
KEPT = frozenset({"django_content_type", "auth_permission"})
MANY_ROWS = 2_000  # TRUNCATE leaves no dead rows behind, which the next test would read over


def empty_quickly(patch: pytest.MonkeyPatch) -> None:
    """From now on Django empties the database so."""
    patch.setattr(TransactionTestCase, "_fixture_teardown", _empty_all)


def _empty_all(case: Any) -> None:
    for alias in case._databases_names(include_mirrors=False):
        if _delete_rows(alias) > MANY_ROWS:
            call_command("flush", verbosity=0, interactive=False, database=alias, reset_sequences=False)


def _delete_rows(alias: str) -> int:
    """How many there were."""
    connection = connections[alias]
    quote = connection.ops.quote_name
    names = connection.introspection.django_table_names(only_existing=True, include_views=False)
    tables = [quote(name) for name in names if name not in KEPT]
    with transaction.atomic(using=alias), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = 30000")
        # As TRUNCATE does: whoever still writes, such as a process that was just killed, has ended before we look.
        cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
        cursor.execute(" UNION ALL ".join(f"(SELECT '{table}' FROM {table} LIMIT 1)" for table in tables))
        filled = [table for (table,) in cursor.fetchall()]
        # The audit cannot be changed, and rows need each other; here neither counts.
        cursor.execute("SET LOCAL session_replication_role = replica")
        deleted = 0
        for table in filled:
            cursor.execute(f"DELETE FROM {table}")
            deleted += cursor.rowcount
    return deleted
