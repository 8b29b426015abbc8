"""Asking a cloud to change its settings: one engine takes a due change, asks until it is answered or has expired.

The same change asked twice does no harm, so nothing is lost when an engine dies between asking and writing: the next
one asks again.
"""

from datetime import timedelta

import structlog
from django.db.models.functions import Now

from maintenance.backends.base import Cloud as CloudAdapter
from maintenance.backends.base import Expired, Later, Never, NoReply
from maintenance.backends.registry import cloud_of_kind
from maintenance.balance_settings import change_from_json
from maintenance.clock import database_now
from maintenance.engine.failpoints import failpoint
from maintenance.feed import ENGINE, unit_of_work
from maintenance.models import Cloud, CloudChange

log = structlog.get_logger(__name__)

ASKING_MAX = timedelta(seconds=10)  # another engine asks after this, if the one that asks died
AGAIN_S = 1.0
AGAIN_MAX_S = 5.0

State = CloudChange.State


def ask_due_change() -> None:
    """Ask for the change that has waited longest, if one is due and no other engine asks for it."""
    due = CloudChange.objects.filter(state=State.PENDING, due_at__lte=Now())
    if not due.exists():
        return
    with unit_of_work(ENGINE):
        change = due.select_for_update(no_key=True, skip_locked=True).order_by("due_at").first()
        if change is None:
            return
        change.due_at = database_now() + ASKING_MAX
        change.save(update_fields=["due_at"])
    if change.expires_at <= database_now():
        _end(change, State.EXPIRED, "not answered in time: nobody knows whether it was done")
    else:
        _ask(change)


def _ask(change: CloudChange) -> None:
    cloud = Cloud.objects.get(id=change.cloud_id)
    failpoint(f"{change.kind}.taken", cloud.name)
    try:
        _send(cloud_of_kind(cloud.kind, cloud.id), change)
    except Expired as reason:
        _end(change, State.EXPIRED, str(reason))
    except Never as reason:
        _end(change, State.REFUSED, str(reason))
    except Later as reason:
        _again(change, str(reason), reason.retry_after_s)
    except NoReply as reason:
        _again(change, str(reason))
    else:
        failpoint(f"{change.kind}.sent", cloud.name)
        _end(change, State.DONE, "")


def _send(adapter: CloudAdapter, change: CloudChange) -> None:
    if change.kind == "rebalance":
        adapter.rebalance(expires_at=change.expires_at)
    else:
        adapter.change_balance(change_from_json(change.change), expires_at=change.expires_at)


def _again(change: CloudChange, reason: str, after_s: float | None = None) -> None:
    """Not yet: ask once more, not later than it expires. The last reason is kept for whoever waits."""
    log.info("a change of the cloud is asked again", change=str(change.id), reason=reason)
    with unit_of_work(ENGINE):
        row = _still_pending(change)
        if row is None:
            return
        again = database_now() + timedelta(seconds=min(after_s or AGAIN_S, AGAIN_MAX_S))
        row.due_at, row.answer = min(again, row.expires_at), reason
        row.save(update_fields=["due_at", "answer"])


def _end(change: CloudChange, state: CloudChange.State, answer: str) -> None:
    """The outcome is written once, and the cloud is read again soon, so that pages show what it is now."""
    with unit_of_work(ENGINE) as work:
        cloud = Cloud.objects.select_for_update(no_key=True).get(id=change.cloud_id)
        row = _still_pending(change)
        if row is None:
            return
        row.state, row.ended_at = state, database_now()
        if answer:
            row.answer = f"{answer} (last: {row.answer})" if state == State.EXPIRED and row.answer else answer
        else:
            row.answer = ""
        row.save(update_fields=["state", "ended_at", "answer"])
        cloud.sync_due_at = None
        cloud.save(update_fields=["sync_due_at"])
        about = {"cloud": str(cloud.id), "name": cloud.name, "change": str(row.id), "kind": row.kind}
        work.event(
            "balance.change",
            {**about, "by": row.asked_by},
            before={"state": State.PENDING.value},
            after={"state": row.state, "answer": row.answer},
        )


def _still_pending(change: CloudChange) -> CloudChange | None:
    """The row, locked; None when another engine has had the answer meanwhile."""
    return (
        CloudChange.objects.select_for_update(no_key=True).filter(id=change.id, state=State.PENDING).first()
    )
