"""Rows that follow a listing: new ones made, changed ones written, vanished ones marked, each change told."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models

from maintenance.feed import UnitOfWork
from maintenance.fitting import fitting
from maintenance.models import Cloud
from maintenance.models.inventory import Listed


@dataclass(frozen=True, slots=True)
class Kind[Reading]:
    """One kind of listed thing: its table, how a row is made of what was read, how its changes are told."""

    model: type[Listed]
    event: str
    rows: Callable[[Reading], Iterable[tuple[UUID, dict[str, Any]]]]
    about: Callable[[Any], dict[str, str]]


def named(key: str) -> Callable[[Any], dict[str, str]]:
    return lambda row: {key: str(row.id), "name": row.name}


def follow(
    work: UnitOfWork,
    cloud: Cloud,
    kind: Kind[Any],
    rows: Iterable[tuple[UUID, dict[str, Any]]],
    as_of: datetime,
) -> None:
    """Make the table what the listing says, writing only what differs. What was looked at after the listing was made
    (`observed.py`) is newer, and stays."""
    manager: models.Manager[Any] = kind.model._default_manager
    existing = {row.id: row for row in manager.filter(cloud=cloud)}
    new: list[Any] = []
    changed: list[Any] = []
    columns: set[str] = set()
    for key, listed in rows:
        values = fitting(kind.model, listed)
        row = existing.pop(key, None)
        if row is None:
            new.append(kind.model(id=key, cloud=cloud, changed_at=as_of, **values))
            continue
        differing = {name: value for name, value in values.items() if getattr(row, name) != value}
        if (not differing and row.gone_at is None) or row.changed_at > as_of:
            continue
        before = {name: getattr(row, name) for name in differing}
        for name, value in differing.items():
            setattr(row, name, value)
        row.gone_at, row.changed_at = None, as_of
        changed.append(row)
        columns.update(differing)
        work.event(kind.event, kind.about(row), before=_plain(before), after=_plain(differing))
    manager.bulk_create(new, batch_size=2000)
    if changed:
        manager.bulk_update(changed, [*columns, "gone_at", "changed_at"], batch_size=500)
    vanished = [row for row in existing.values() if row.gone_at is None]
    if vanished:
        manager.filter(id__in=[row.id for row in vanished]).update(gone_at=as_of)
        for row in vanished:
            work.event(kind.event, kind.about(row), after={"gone": True})
    for row in new:
        work.event(kind.event, kind.about(row), after={"new": True})


def follow_one(
    work: UnitOfWork, kind: Kind[Any], key: UUID, values: dict[str, Any], seen_at: datetime
) -> None:
    """One row is what was just seen of it. A listing made before `seen_at` will not turn it back."""
    manager: models.Manager[Any] = kind.model._default_manager
    row = manager.select_for_update(no_key=True).filter(id=key).first()
    if row is None or row.changed_at > seen_at:
        return
    differing = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not differing:
        return
    before = {name: getattr(row, name) for name in differing}
    for name, value in differing.items():
        setattr(row, name, value)
    row.changed_at = seen_at
    row.save(update_fields=[*differing, "changed_at"])
    work.event(kind.event, kind.about(row), before=_plain(before), after=_plain(differing))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, UUID | datetime) else value for name, value in values.items()
    }
