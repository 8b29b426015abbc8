"""Changing how a cloud spreads its agents, and sending them home: checked here, asked of the cloud by an engine.

A change is one row (`CloudChange`). Asking twice does no harm, so the engine asks until the cloud has answered, or
the change has expired. One is pending at a time: of two, an older one asked again could undo the newer.
"""

import re
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from maintenance.actions.errors import BadInput, Conflict, NotFound
from maintenance.agents_view import agents_view, changed, servers_of
from maintenance.backends.servers import BalanceChange
from maintenance.balance_settings import balance_from_json, change_as_json, change_from_json
from maintenance.clock import database_now
from maintenance.domain.agent_lists import BadAlgorithm, BadHostSetting, clean_addresses
from maintenance.domain.balance_preview import Preview
from maintenance.domain.servers import ALGORITHMS
from maintenance.feed import UnitOfWork, unit_of_work
from maintenance.models import Cloud, CloudChange, Cluster

CHANGE, REBALANCE = "balance", "rebalance"
AUDITED_CHANGE = "agent balance change asked for"
AUDITED_REBALANCE = "rebalance of agents asked for"

VALID_FOR = timedelta(seconds=30)
HOSTS_MAX = 100
ADDRESS = re.compile(r"[0-9A-Za-z.:_-]{1,255}", re.ASCII)
INTERVAL_S_MAX = 604_800  # a week
TIMEOUT_MIN_MAX = 10_080  # a week
LOOK_EVERY_S = 0.05


class PreviewChanged(Conflict):
    """It would no longer do what the preview showed; `preview` is what it would do now."""

    def __init__(self, preview: Preview) -> None:
        super().__init__("it would no longer do what was shown to you; look at the new preview")
        self.preview = preview


def preview(cloud_id: UUID, change: BalanceChange | None) -> Preview:
    """Who would move by this change; None: by a rebalance, which sends every agent to its preferred server now.

    Raises: NotFound, BadInput, Conflict while the cloud's settings are not known.
    """
    cloud = _found(Cloud.objects.filter(id=cloud_id).first(), cloud_id)
    return _preview(cloud, None if change is None else _checked(cloud, change))


def change_balance(
    cloud_id: UUID,
    change: BalanceChange,
    *,
    actor: str,
    reason: str = "",
    request_id: str = "",
    seen_hash: str = "",
) -> CloudChange:
    """The cloud is asked to have these settings. `seen_hash`: of the preview that was agreed to, if one was.

    Raises: NotFound; BadInput naming the field; Conflict when nothing is known of its settings, another change is
    pending, or `host` would name no server that is Up; PreviewChanged.
    """
    return _ask(cloud_id, change, actor=actor, reason=reason, request_id=request_id, seen_hash=seen_hash)


def rebalance(
    cloud_id: UUID, *, actor: str, reason: str = "", request_id: str = "", seen_hash: str = ""
) -> CloudChange:
    """The cloud is asked to send every agent its list, and each to its preferred server at once.

    Raises: NotFound; Conflict; PreviewChanged.
    """
    return _ask(cloud_id, None, actor=actor, reason=reason, request_id=request_id, seen_hash=seen_hash)


def outcome_of(change: CloudChange, *, timeout_s: float) -> CloudChange:
    """The change once it is over and what was changed can be read in the cloud's settings; as it is after so long
    otherwise. Call outside any transaction."""
    ends = time.monotonic() + timeout_s
    while True:
        found = CloudChange.objects.select_related("cloud").get(id=change.id)
        if is_read_back(found) or time.monotonic() >= ends:
            return found
        time.sleep(LOOK_EVERY_S)


def is_read_back(change: CloudChange) -> bool:
    """Whether there is nothing left to wait for."""
    if change.state == CloudChange.State.PENDING:
        return False
    if change.state != CloudChange.State.DONE or change.kind == REBALANCE or change.cloud.balance is None:
        return True
    now = balance_from_json(change.cloud.balance)
    return changed(now, change_from_json(change.change)) == now


# ---- asking ----------------------------------------------------------------------------------------------------------


def _ask(
    cloud_id: UUID,
    change: BalanceChange | None,
    *,
    actor: str,
    reason: str,
    request_id: str,
    seen_hash: str,
) -> CloudChange:
    agreed = _agreed(cloud_id, change, seen_hash) if seen_hash else None
    with unit_of_work(actor, request_id=request_id) as work:
        locked = Cloud.objects.select_for_update(no_key=True).filter(id=cloud_id).first()
        cloud = _found(locked, cloud_id)
        if change is not None:
            change = _checked(cloud, change)
        if agreed is not None and cloud.balance != agreed:
            raise PreviewChanged(_preview(cloud, change))
        _refuse_second(cloud)
        _refuse_nowhere(cloud, change)
        asked = CloudChange.objects.create(
            cloud=cloud,
            kind=CHANGE if change is not None else REBALANCE,
            change=change_as_json(change) if change is not None else {},
            asked_by=actor,
            expires_at=database_now() + VALID_FOR,
        )
        _tell(work, cloud, asked, reason)
    return asked


def _agreed(cloud_id: UUID, change: BalanceChange | None, seen_hash: str) -> dict[str, Any] | None:
    """The settings under which the preview is still the one that was seen. Many agents take a while to look at, so
    this is done before anything is locked. Raises: PreviewChanged."""
    cloud = _found(Cloud.objects.filter(id=cloud_id).first(), cloud_id)
    now = _preview(cloud, None if change is None else _checked(cloud, change))
    if now.hash != seen_hash:
        raise PreviewChanged(now)
    return cloud.balance


def _tell(work: UnitOfWork, cloud: Cloud, asked: CloudChange, reason: str) -> None:
    about = {"cloud": str(cloud.id), "name": cloud.name, "change": str(asked.id), "kind": asked.kind}
    before: dict[str, Any] = {}
    if asked.change and cloud.balance is not None:
        before = {name: cloud.balance[name] for name in asked.change}
    action = AUDITED_CHANGE if asked.kind == CHANGE else AUDITED_REBALANCE
    work.audit(action, about, reason=reason, before=before or None, after=asked.change or None)
    work.event("balance.asked", about, after=asked.change or None)
    work.wake_engine()


# ---- checking --------------------------------------------------------------------------------------------------------


def _found(cloud: Cloud | None, cloud_id: UUID) -> Cloud:
    """Raises: NotFound; Conflict while nobody knows its settings."""
    if cloud is None:
        raise NotFound(f"no cloud has the id {cloud_id}")
    if cloud.balance is None:
        raise Conflict(f"how {cloud.name} spreads its agents is not known: its settings were not read yet")
    return cloud


def _preview(cloud: Cloud, change: BalanceChange | None) -> Preview:
    view = agents_view(cloud)
    assert view is not None, "_found has looked"
    return view.preview_home() if change is None else view.preview(change)


def _checked(cloud: Cloud, change: BalanceChange) -> BalanceChange:
    """The change as it is sent: `host` without spaces around and second mentions. Raises: BadInput naming the field."""
    if change.algorithm is not None and change.algorithm not in ALGORITHMS:
        raise BadInput(str(BadAlgorithm(change.algorithm)), field="algorithm", bad=change.algorithm)
    _within("checkinterval", change.check_interval_s, 0, INTERVAL_S_MAX, "s")
    _within("maintenancetimeout", change.maintenance_timeout_min, 1, TIMEOUT_MIN_MAX, "min")
    _check_clusters(cloud, change)
    if change == BalanceChange():
        raise BadInput("nothing to change: name at least one setting", field="algorithm")
    if change.hosts is None:
        return change
    return BalanceChange(
        hosts=_addresses(change.hosts),
        algorithm=change.algorithm,
        check_interval_s=change.check_interval_s,
        check_interval_of_cluster_s=change.check_interval_of_cluster_s,
        maintenance_timeout_min=change.maintenance_timeout_min,
        ignore_maintenance_hosts=change.ignore_maintenance_hosts,
    )


def _addresses(hosts: tuple[str, ...]) -> tuple[str, ...]:
    try:
        addresses = clean_addresses(hosts)
    except BadHostSetting as reason:
        raise BadInput(str(reason), field="host") from reason
    if len(addresses) > HOSTS_MAX:
        raise BadInput(f"{len(addresses)} addresses; give at most {HOSTS_MAX}", field="host")
    for address in hosts:
        if not ADDRESS.fullmatch(address.strip()):
            words = f"{address[:80]!r} is no address or name of a server: letters, digits and . : - _ only"
            raise BadInput(words, field="host", bad=address)
    return addresses


def _check_clusters(cloud: Cloud, change: BalanceChange) -> None:
    ids = set(change.check_interval_of_cluster_s)
    known = set(Cluster.objects.filter(cloud=cloud, gone_at=None, id__in=ids).values_list("id", flat=True))
    for cluster_id, seconds in change.check_interval_of_cluster_s.items():
        if cluster_id not in known:
            raise BadInput(f"{cloud.name} has no cluster {cluster_id}", field="clusters", bad=str(cluster_id))
        _within("clusters", seconds, 0, INTERVAL_S_MAX, "s")


def _within(field: str, value: int | None, least: int, most: int, unit: str) -> None:
    if value is not None and not least <= value <= most:
        raise BadInput(f"{field} is {value}; give {least:,} to {most:,} {unit}", field=field, bad=str(value))


def _refuse_second(cloud: Cloud) -> None:
    pending = CloudChange.objects.filter(cloud=cloud, state=CloudChange.State.PENDING).first()
    if pending is not None:
        raise Conflict(
            f"{cloud.name} has not yet answered what {pending.asked_by} asked; wait until it has",
            owner={"change": str(pending.id), "by": pending.asked_by, "at": pending.asked_at.isoformat()},
        )


def _refuse_nowhere(cloud: Cloud, change: BalanceChange | None) -> None:
    """A list on which no server is Up would strand every agent. Of a cloud whose servers nobody knows, it decides."""
    if change is None or change.hosts is None:
        return
    servers = servers_of(cloud)
    if servers.all and not {server.address for server in servers.up} & set(change.hosts):
        up = ", ".join(f"{server.name} ({server.address})" for server in servers.up) or "none"
        raise Conflict(f"`host` would name no management server that is Up; Up are: {up}")


__all__ = [
    "AUDITED_CHANGE",
    "AUDITED_REBALANCE",
    "PreviewChanged",
    "change_balance",
    "is_read_back",
    "outcome_of",
    "preview",
    "rebalance",
]
