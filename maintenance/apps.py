"""The work: runs, engine, clouds. Knows no HTTP and no HTML."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate, pre_migrate


class MaintenanceConfig(AppConfig):
    name = "maintenance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        pre_migrate.connect(_let_migrations_think, sender=self)
        post_migrate.connect(_think_as_before, sender=self)


# A migration works out what the tables are between two statements of its transaction, on a busy machine for longer than
# a request may. Nobody waits for its locks: whoever works on the tables is not started yet.
def _let_migrations_think(using: str, **_: Any) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = 0")


def _think_as_before(using: str, **_: Any) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute("RESET idle_in_transaction_session_timeout")
