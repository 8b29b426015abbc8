"""One durable unit of work: changes, the audit and the feed in one transaction, the feed last.

Feed order is commit order: events are appended as the last statements of the transaction, under one advisory lock
(a serial id alone is not a cursor: a trial lost 24 % of events that way). One tiny NOTIFY wakes the readers; it is
never data.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.utils import timezone

from maintenance.models import AuditEntry, FeedEvent

FEED_CHANNEL = "pitstop_feed"
ENGINE_CHANNEL = "pitstop_engine"
FEED_LOCK = 0x70697473  # "pits": one lock for feed and audit, always taken last
ENGINE = "engine"

# Statements that go to PostgreSQL in one message: while the lock is held, nobody waits for our process.
RING = "SELECT pg_notify(%s, '');"  # it rings at the commit
LOCK = "SET CONSTRAINTS ALL IMMEDIATE; SELECT pg_advisory_xact_lock(%s);"
APPEND = "INSERT INTO maintenance_feedevent (at, kind, actor, object, before, after) VALUES "
EVENT = "(clock_timestamp(), %s, %s, %s, %s, %s)"  # stamped under the lock: times follow the feed's order

type Json = Mapping[str, Any]


@dataclass
class UnitOfWork:
    """Collects what must be told about the changes of one transaction."""

    actor: str
    request_id: str = ""
    _events: list[FeedEvent] = field(default_factory=list)
    _audits: list[AuditEntry] = field(default_factory=list)
    _wakes_engine: bool = False

    def event(self, kind: str, about: Json, *, before: Json | None = None, after: Json | None = None) -> None:
        """Tell viewers that something changed. `about` names the things: run, target, host, cluster, step ids."""
        self._events.append(
            FeedEvent(kind=kind, actor=self.actor, object=dict(about), before=before, after=after)
        )

    def audit(
        self,
        action: str,
        about: Json,
        *,
        reason: str = "",
        before: Json | None = None,
        after: Json | None = None,
    ) -> None:
        """Record for ever who did what, and why."""
        self._audits.append(
            AuditEntry(
                actor=self.actor, action=action, object=dict(about), reason=reason, before=before, after=after
            )
        )

    def wake_engine(self) -> None:
        """Have an engine look for work as soon as this commits (it would look within a second anyway)."""
        self._wakes_engine = True

    def append(self) -> None:
        """Write what was collected. Must be the last statements before the commit."""
        values: list[str | int | None] = []
        script = ""
        if self._wakes_engine:
            script, values = RING, [ENGINE_CHANNEL]
        if self._events:
            script, values = script + RING, [*values, FEED_CHANNEL]
        if self._events or self._audits:
            script, values = script + LOCK, [*values, FEED_LOCK]
        rows = [one for event in self._events for one in _row(event)]
        with connection.cursor() as cursor:
            if self._audits:
                cursor.execute(script, values)
                script, values = "", []
                for entry in self._audits:
                    _chain(entry, self.request_id)
            if self._events:
                script += APPEND + ", ".join([EVENT] * len(self._events))
            if script:
                cursor.execute(script, [*values, *rows])


@contextmanager
def unit_of_work(actor: str = ENGINE, *, request_id: str = "") -> Iterator[UnitOfWork]:
    """A transaction of its own whose events and audit are written with it, or not at all."""
    with transaction.atomic(durable=True):
        work = UnitOfWork(actor, request_id)
        yield work
        work.append()


def _row(event: FeedEvent) -> tuple[str | None, ...]:
    values = (None if one is None else json.dumps(one) for one in (event.object, event.before, event.after))
    return (event.kind, event.actor, *values)


def _chain(entry: AuditEntry, request_id: str) -> None:
    last = AuditEntry.objects.order_by("-number").values_list("number", "digest").first()
    number, previous = last or (0, "")
    entry.number, entry.previous = number + 1, previous
    entry.at, entry.request_id = timezone.now(), request_id
    entry.digest = audit_digest(entry)
    entry.save(force_insert=True)


def audit_digest(entry: AuditEntry) -> str:
    """SHA-256 over the entry and the digest before it: a changed or missing entry breaks every later one."""
    content = json.dumps(
        [
            entry.number,
            entry.at.isoformat(),
            entry.actor,
            entry.action,
            entry.object,
            entry.reason,
            entry.before,
            entry.after,
            entry.request_id,
            entry.previous,
        ],
        sort_keys=True,
        cls=DjangoJSONEncoder,
    )
    return hashlib.sha256(content.encode()).hexdigest()


def first_broken_link() -> int | None:
    """The number of the first audit entry whose chain does not hold, or None when all do."""
    number, previous = 0, ""
    for entry in AuditEntry.objects.order_by("number").iterator(chunk_size=1000):
        if entry.number != number + 1 or entry.previous != previous or entry.digest != audit_digest(entry):
            return entry.number
        number, previous = entry.number, entry.digest
    return None


__all__ = ["ENGINE", "ENGINE_CHANNEL", "FEED_CHANNEL", "UnitOfWork", "first_broken_link", "unit_of_work"]
