"""Making and changing the tables, on a machine that is busy with something else."""

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.models.signals import pre_migrate


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
