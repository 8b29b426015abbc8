"""Reading the clouds: one engine at a time per cloud, a listing taken whole or not at all, only changes written."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from maintenance.backends.base import Cloud, CloudError, Snapshot
from maintenance.backends.registry import cloud_of_kind
from maintenance.clock import database_now
from maintenance.engine.hooks_read import forget_hooks, note_hooks
from maintenance.feed import ENGINE, UnitOfWork, unit_of_work
from maintenance.fitting import fitting
from maintenance.models import (
    Cloud as CloudRow,
)
from maintenance.models import (
    Cluster,
    Host,
    Instance,
    ManagementServer,
    PendingJob,
    Pod,
    Zone,
)
from maintenance.models.inventory import Listed

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
        row.sync_due_at = database_now() + timedelta(seconds=row.read_every_s())
        row.save(update_fields=["read_error", "sync_due_at"])
        if is_news:
            work.event("cloud.read", {"cloud": str(row.id), "name": row.name}, after={"error": reason})


def _apply(cloud: CloudRow, snapshot: Snapshot) -> None:
    with unit_of_work(ENGINE) as work:
        row = CloudRow.objects.select_for_update(no_key=True).get(id=cloud.id)
        now = database_now()
        row.sync_due_at = now + timedelta(seconds=row.read_every_s())
        if row.as_of is not None and snapshot.as_of < row.as_of:
            # A listing older than what we have says nothing new; the reading itself did work.
            row.save(update_fields=["sync_due_at"])
            return
        for kind in KINDS:
            _follow(work, row, kind, kind.rows(snapshot), snapshot.as_of)
        had_error = bool(row.read_error)
        row.read_at, row.as_of, row.read_error = now, snapshot.as_of, ""
        row.save(update_fields=["sync_due_at", "read_at", "as_of", "read_error"])
        if had_error:
            work.event("cloud.read", {"cloud": str(row.id), "name": row.name}, after={"error": ""})


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of listed thing: its table, how a row is made of what was read, how its changes are told."""

    model: type[Listed]
    event: str
    rows: Callable[[Snapshot], Iterable[tuple[UUID, dict[str, Any]]]]
    about: Callable[[Any], dict[str, str]]


def _follow(
    work: UnitOfWork,
    cloud: CloudRow,
    kind: Kind,
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


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: str(value) if isinstance(value, UUID | datetime) else value for name, value in values.items()
    }


def _about_host(row: Host) -> dict[str, str]:
    return {"host": str(row.id), "host_name": row.name, "cluster": str(row.cluster_id)}


def _about_instance(row: Instance) -> dict[str, str]:
    return {"instance": str(row.id), "name": row.name, "host": str(row.host_id or "")}


def _named(key: str) -> Callable[[Any], dict[str, str]]:
    return lambda row: {key: str(row.id), "name": row.name}


KINDS: tuple[Kind, ...] = (
    Kind(Zone, "zone.changed", lambda s: ((z.id, {"name": z.name}) for z in s.zones), _named("zone")),
    Kind(
        Pod,
        "pod.changed",
        lambda s: ((p.id, {"name": p.name, "zone_id": p.zone_id}) for p in s.pods),
        _named("pod"),
    ),
    Kind(
        Cluster,
        "cluster.changed",
        lambda s: (
            (
                c.id,
                {
                    "name": c.name,
                    "pod_id": c.pod_id,
                    "hypervisor": c.hypervisor,
                    "allocation_state": c.allocation_state,
                },
            )
            for c in s.clusters
        ),
        _named("cluster"),
    ),
    Kind(
        ManagementServer,
        "server.changed",
        lambda s: (
            (m.id, {"name": m.name, "state": m.state, "version": m.version, "agents": m.agents})
            for m in s.management_servers
        ),
        _named("server"),
    ),
    Kind(
        Host,
        "host.changed",
        lambda s: (
            (
                h.id,
                {
                    "name": h.name,
                    "cluster_id": h.cluster_id,
                    "state": h.state,
                    "resource_state": h.resource_state,
                    "hypervisor": h.hypervisor,
                    "management_server_id": h.management_server_id,
                    "cpu_cores": h.cpu_cores,
                    "memory_mb": h.memory_mb,
                    "tags": list(h.tags),
                    "guests_max": h.guests_max,
                    "agent_version": h.agent_version,
                    "kernel_version": h.kernel_version,
                    "boot_id": h.boot_id,
                },
            )
            for h in s.hosts
        ),
        _about_host,
    ),
    Kind(
        Instance,
        "instance.changed",
        lambda s: (
            (
                i.id,
                {
                    "name": i.name,
                    "host_id": i.host_id,
                    "state": i.state,
                    "account": i.account,
                    "domain": i.domain,
                    "cpu_cores": i.cpu_cores,
                    "memory_mb": i.memory_mb,
                    "tags": list(i.tags),
                    "affinity_groups": list(i.affinity_groups),
                },
            )
            for i in s.instances
        ),
        _about_instance,
    ),
    Kind(
        PendingJob,
        "jobs.changed",
        lambda s: (
            (
                j.id,
                {
                    "name": j.command,
                    "management_server_id": j.management_server_id,
                    "resource_type": j.resource_type,
                    "account": j.account,
                    "domain": j.domain,
                    "created": j.created,
                },
            )
            for j in s.pending_jobs
        ),
        _named("job"),
    ),
)


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
