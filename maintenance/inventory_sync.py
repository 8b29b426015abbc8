"""Reading the clouds: one engine at a time per cloud, a listing taken whole or not at all, only changes written."""

from datetime import timedelta

import structlog
from django.db.models import F, Q
from django.db.models.functions import Now

from maintenance.backends.base import Cloud, CloudError, Snapshot
from maintenance.backends.registry import cloud_of_kind
from maintenance.balance_settings import balance_as_json
from maintenance.clock import database_now
from maintenance.engine.hooks_read import forget_hooks, note_hooks
from maintenance.feed import ENGINE, unit_of_work
from maintenance.following import follow
from maintenance.inventory_kinds import KINDS
from maintenance.models import (
    Cloud as CloudRow,
)
from maintenance.models import (
    Host,
)

log = structlog.get_logger(__name__)

READING_MAX = timedelta(seconds=60)  # another engine tries after this, if the one that reads died
HOOKS_EVERY = timedelta(seconds=60)
HOOKS_A_ROUND = 10


def read_due_cloud() -> None:
    """Read the cloud that has waited longest, if one is due and no other engine reads it."""
    with unit_of_work(ENGINE):
        due = CloudRow.objects.select_for_update(no_key=True, skip_locked=True).filter(
            Q(sync_due_at=None) | Q(sync_due_at__lte=Now())
        )
        cloud = due.order_by(F("sync_due_at").asc(nulls_first=True)).first()
        if cloud is None:
            return
        cloud.sync_due_at = database_now() + READING_MAX
        cloud.save(update_fields=["sync_due_at"])
    read_cloud(cloud)


def read_cloud(cloud: CloudRow) -> None:
    """The inventory follows the cloud's listing, or the cloud's row says why it could not be read."""
    adapter = cloud_of_kind(cloud.kind, cloud.id)
    try:
        snapshot = adapter.snapshot()
    except CloudError as reason:
        _note_failure(cloud, str(reason))
    else:
        _apply(cloud, snapshot)
        _read_some_hooks(cloud, adapter)


def _note_failure(cloud: CloudRow, reason: str) -> None:
    log.warning("cloud cannot be read", cloud=cloud.name, reason=reason)
    with unit_of_work(ENGINE) as work:
        row = CloudRow.objects.select_for_update(no_key=True).get(id=cloud.id)
        is_news = row.read_error != reason
        row.read_error = reason
        _fix_next_reading(row, cloud)
        row.save(update_fields=["read_error", "sync_due_at"])
        if is_news:
            work.event("cloud.read", {"cloud": str(row.id), "name": row.name}, after={"error": reason})


def _fix_next_reading(row: CloudRow, as_taken: CloudRow) -> None:
    """In its rhythm. Whoever changed something meanwhile has asked for another one, which stays due."""
    if row.sync_due_at == as_taken.sync_due_at:
        row.sync_due_at = database_now() + timedelta(seconds=row.read_every_s())


def _apply(cloud: CloudRow, snapshot: Snapshot) -> None:
    with unit_of_work(ENGINE) as work:
        row = CloudRow.objects.select_for_update(no_key=True).get(id=cloud.id)
        now = database_now()
        _fix_next_reading(row, cloud)
        if row.as_of is not None and snapshot.as_of < row.as_of:
            # A listing older than what we have says nothing new; the reading itself did work.
            row.save(update_fields=["sync_due_at"])
            return
        for kind in KINDS:
            follow(work, row, kind, kind.rows(snapshot), snapshot.as_of)
        balance = balance_as_json(snapshot.balance) if snapshot.balance else None
        if row.balance != balance:
            work.event(
                "balance.changed", {"cloud": str(row.id), "name": row.name}, before=row.balance, after=balance
            )
            row.balance = balance
        had_error = bool(row.read_error)
        row.read_at, row.as_of, row.read_error = now, snapshot.as_of, ""
        row.save(update_fields=["sync_due_at", "read_at", "as_of", "read_error", "balance"])
        if had_error:
            work.event("cloud.read", {"cloud": str(row.id), "name": row.name}, after={"error": ""})


def _read_some_hooks(cloud: CloudRow, adapter: Cloud) -> None:
    """The hooks of the hosts that were looked at longest ago; a few a round, so that a big fleet costs no more."""
    due = Host.objects.filter(cloud=cloud, gone_at=None, hypervisor="KVM").filter(
        Q(hooks_seen_at=None) | Q(hooks_seen_at__lt=Now() - HOOKS_EVERY)
    )
    for host_id in due.order_by(F("hooks_seen_at").asc(nulls_first=True)).values_list("id", flat=True)[
        :HOOKS_A_ROUND
    ]:
        try:
            look = adapter.look_at_hooks(host_id)
        except CloudError as reason:
            log.info("hooks cannot be read", host=str(host_id), reason=str(reason))
            forget_hooks(host_id)
        else:
            note_hooks(host_id, look)
