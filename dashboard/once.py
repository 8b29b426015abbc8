"""One press, one run: a form's key is spent by the first request that brings it; the others get the same answer."""

import time
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from django.db.models.functions import Now

from maintenance.models import IdempotentAnswer, Run

WAIT_S = 10.0
LOOK_EVERY_S = 0.05
# After this the process that spent the key has died: the work may be asked for again.
ABANDONED_AFTER = timedelta(seconds=30)


class StillBeingDone(Exception):
    """The first request with this key has no answer yet; look at the list of runs in a moment."""


def run_once(start: Callable[[], Run], *, user: str, route: str, key: str) -> UUID:
    """The run that `start` made, now or at the first request with this key. Errors of `start` do not spend the key.

    Raises: StillBeingDone, and whatever `start` raises.
    """
    named = {"user": user, "route": route, "key": key[:200]}
    deadline = time.monotonic() + WAIT_S
    while True:
        answer, is_first = IdempotentAnswer.objects.get_or_create(**named, defaults={"body_digest": ""})
        if is_first:
            return _answered(answer, start)
        if answer.answer is not None:
            return UUID(answer.answer["run"])
        IdempotentAnswer.objects.filter(**named, answer__isnull=True, at__lt=Now() - ABANDONED_AFTER).delete()
        if time.monotonic() > deadline:
            raise StillBeingDone
        time.sleep(LOOK_EVERY_S)


def _answered(answer: IdempotentAnswer, start: Callable[[], Run]) -> UUID:
    try:
        run = start()
    except Exception:
        answer.delete()
        raise
    answer.answer, answer.status = {"run": str(run.id)}, 303
    answer.save(update_fields=["answer", "status"])
    return run.id
