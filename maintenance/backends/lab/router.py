"""Keeps the lab's tables on the lab's own connection: the lab is outside, though it lives in the same database."""

from typing import Any

from django.db.models import Model

APP = "lab"
ALIAS = "lab"


class LabRouter:
    """App `lab` reads and writes on alias "lab"; its tables are migrated once, through "default"."""

    def db_for_read(self, model: type[Model], **hints: Any) -> str | None:
        return ALIAS if model._meta.app_label == APP else None

    def db_for_write(self, model: type[Model], **hints: Any) -> str | None:
        return ALIAS if model._meta.app_label == APP else None

    def allow_relation(self, one: Model, other: Model, **hints: Any) -> bool | None:
        """The lab's rows know only one another: nothing inside may hang on something outside."""
        ours = [one._meta.app_label == APP, other._meta.app_label == APP]
        return all(ours) if any(ours) else None

    def allow_migrate(
        self, db: str, app_label: str, model_name: str | None = None, **hints: Any
    ) -> bool | None:
        return False if db == ALIAS else None
