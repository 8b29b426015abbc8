"""`Idempotency-Key`: the same key and body do a thing once and get the first answer again, for 24 hours.

A PostgreSQL advisory lock of this connection says who is doing it just now; it ends with the process that holds it. An
answer that was never written, because that process died, is told from the audit: what was done is not done again.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.models.functions import Now
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from dashboard.api.problems import BadField, KeyBusy, KeyReused
from dashboard.requests import request_id
from maintenance.models import AuditEntry, IdempotentAnswer

HEADER = "Idempotency-Key"
KEPT_FOR = timedelta(hours=24)
KEY = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)
REPEATED = "Idempotency-Replayed"


def once(
    request: Request,
    do: Callable[[], Response],
    audited_as: str,
    done_before: Callable[[str], Response],
) -> Response:
    """What `do` answers, or what it answered before. Only success is kept: an error has changed nothing, so the same
    key may try again.

    Raises: BadField, KeyReused, KeyBusy, and what `do` raises.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return do()
    if not KEY.fullmatch(key):
        raise BadField(HEADER, "give 1 to 200 printable ASCII characters without spaces")
    whose = {"user": str(request.user.pk), "route": request.path[:200], "key": key}
    digest = _digest(request)
    with _alone(whose):
        kept = IdempotentAnswer.objects.filter(**whose, at__gt=Now() - KEPT_FOR).first()
        if kept is not None and kept.body_digest != digest:
            raise KeyReused
        if kept is not None and kept.status is not None:
            return Response(kept.answer, status=kept.status, headers={REPEATED: "true"})
        run_id = None if kept is None else _run_made_by(kept, request, audited_as)
        if kept is None:
            kept = _begin(whose, digest, request)
        try:
            response = done_before(run_id) if run_id else do()
        except BaseException:
            with suppress(DatabaseError):  # the database is away: then the row is taken over by the next try
                kept.delete()
            raise
        kept.status, kept.answer = response.status_code, json.loads(JSONRenderer().render(response.data))
        kept.save(update_fields=["status", "answer"])
        return response


def _digest(request: Request) -> str:
    """Of what was meant, not of how it was written: key order and spaces make no other request."""
    return hashlib.sha256(json.dumps(request.data, sort_keys=True).encode()).hexdigest()


def _begin(whose: dict[str, str], digest: str, request: Request) -> IdempotentAnswer:
    IdempotentAnswer.objects.filter(at__lte=Now() - KEPT_FOR).delete()
    return IdempotentAnswer.objects.create(
        **whose, body_digest=digest, answer={"request_id": request_id(request._request)}
    )


def _run_made_by(kept: IdempotentAnswer, request: Request, audited_as: str) -> str | None:
    """The run of the request that began this row and died before it could write its answer, if it got so far."""
    assert kept.answer is not None, "_begin wrote it"
    done = AuditEntry.objects.filter(
        request_id=kept.answer["request_id"],
        actor=request.user.get_username(),
        action=audited_as,
        at__gte=kept.at - timedelta(minutes=1),
    ).first()
    return None if done is None else str(done.object["run"])


@contextmanager
def _alone(whose: dict[str, str]) -> Iterator[None]:
    """Nobody else does the same key's work meanwhile. Raises: KeyBusy."""
    number = hashlib.sha256(json.dumps(["idempotency", *whose.values()]).encode()).digest()[:8]
    lock = int.from_bytes(number, "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
        row = cursor.fetchone()
    if row is None or not row[0]:
        raise KeyBusy
    try:
        yield
    finally:
        with (
            suppress(DatabaseError),
            connection.cursor() as cursor,
        ):  # a lost connection has let it go already
            cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])
