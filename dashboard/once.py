"""Once per key: whoever repeats a request – a double click, a retry – gets what the first one did, for 24 hours.

REST sends the key as a header, forms in a hidden field. A PostgreSQL advisory lock of this connection says who is doing
it just now; it ends with the process that holds it. An answer that was never written, because that process died, is
told from the audit: what was done is not done again.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, connection
from django.db.models.functions import Now

from maintenance.models import AuditEntry, IdempotentAnswer

KEPT_FOR = timedelta(hours=24)
LOOK_EVERY_S = 0.05


class StillBeingDone(Exception):
    """The first request with this key has no answer yet; ask again in a moment."""


class OtherBody(Exception):
    """This key came before with something else; `answer` is what that got, or None."""

    def __init__(self, answer: dict[str, Any] | None) -> None:
        super().__init__("the key was used for something else")
        self.answer = answer


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for what, under which key. `digest` names what was meant; the action signs the audit `audited_as`."""

    user_id: str
    actor: str
    route: str
    key: str
    digest: str
    request_id: str
    audited_as: str

    @property
    def whose(self) -> dict[str, str]:
        return {"user": self.user_id, "route": self.route[:200], "key": self.key}


@dataclass(frozen=True, slots=True)
class Answer:
    """What it came to, as JSON."""

    status: int
    body: Any
    is_repeated: bool = False


def digest_of(meant: Any) -> str:
    """Of what was meant, not of how it was written: the order of keys makes no other request."""
    return hashlib.sha256(json.dumps(meant, sort_keys=True, default=str).encode()).hexdigest()


def once(
    asked: Asked, do: Callable[[], Answer], done_before: Callable[[str], Answer], *, wait_s: float = 0.0
) -> Answer:
    """What `do` answers, or what it answered before. Only success is kept: an error has changed nothing, so the same
    key may try again. `done_before` makes the answer from the run of a process that died before it wrote its own.

    Raises: StillBeingDone after `wait_s`, OtherBody, and what `do` raises.
    """
    with _alone(asked.whose, wait_s):
        kept = IdempotentAnswer.objects.filter(**asked.whose, at__gt=Now() - KEPT_FOR).first()
        if kept is not None and kept.body_digest != asked.digest:
            raise OtherBody(kept.answer if kept.status is not None else None)
        if kept is not None and kept.status is not None:
            return Answer(kept.status, kept.answer, is_repeated=True)
        run_id = None if kept is None else _run_made_by(kept, asked)
        if kept is None:
            kept = _begin(asked)
        try:
            answer = done_before(run_id) if run_id else do()
        except BaseException:
            with suppress(DatabaseError):  # the database is away: then the row is taken over by the next try
                kept.delete()
            raise
        kept.status, kept.answer = answer.status, answer.body
        kept.save(update_fields=["status", "answer"])
        return replace(answer, is_repeated=False)


def _begin(asked: Asked) -> IdempotentAnswer:
    IdempotentAnswer.objects.filter(at__lte=Now() - KEPT_FOR).delete()
    return IdempotentAnswer.objects.create(
        **asked.whose, body_digest=asked.digest, answer={"request_id": asked.request_id}
    )


def _run_made_by(kept: IdempotentAnswer, asked: Asked) -> str | None:
    """The run of the request that began this row and died before it could write its answer, if it got so far."""
    assert kept.answer is not None, "_begin wrote it"
    done = AuditEntry.objects.filter(
        request_id=kept.answer["request_id"],
        actor=asked.actor,
        action=asked.audited_as,
        at__gte=kept.at - timedelta(minutes=1),
    ).first()
    if done is None:
        return None
    return str(done.object.get("run") or done.object.get("change") or done.object["payload"])


@contextmanager
def _alone(whose: dict[str, str], wait_s: float) -> Iterator[None]:
    """Nobody else does the same key's work meanwhile. Raises: StillBeingDone."""
    number = hashlib.sha256(json.dumps(["idempotency", *whose.values()]).encode()).digest()[:8]
    lock = int.from_bytes(number, "big", signed=True)
    deadline = time.monotonic() + wait_s
    while not _taken(lock):
        if time.monotonic() >= deadline:
            raise StillBeingDone
        time.sleep(LOOK_EVERY_S)
    try:
        yield
    finally:
        with (
            suppress(DatabaseError),
            connection.cursor() as cursor,
        ):  # a lost connection has let it go already
            cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])


def _taken(lock: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
        row = cursor.fetchone()
    return row is not None and bool(row[0])
