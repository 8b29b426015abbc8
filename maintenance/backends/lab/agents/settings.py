"""CloudStack's settings of agent balance, and of a server's maintenance, as the lab keeps them: by their own names."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from maintenance.backends.base import Never
from maintenance.backends.lab.agents import reading
from maintenance.backends.lab.agents.lists import send_lists
from maintenance.backends.lab.agents.lock import agents_locked
from maintenance.backends.lab.agents.reading import balance_settings
from maintenance.backends.lab.config import LabConfig, kept_name
from maintenance.backends.lab.outside import Door
from maintenance.backends.servers import BalanceChange
from maintenance.domain.agent_lists import BadHostSetting, clean_addresses
from maintenance.domain.servers import ALGORITHMS

SECONDS_MAX = 2**31 - 1  # far more than anybody waits


def change_settings(
    door: Door, config: LabConfig, change: BalanceChange, now: datetime | None = None
) -> None:
    """They are what was asked, and lists that change by it are on the agents. Raises: Never."""
    changes: dict[str, Any] = {}
    if change.hosts is not None:
        try:
            changes[reading.HOST] = list(clean_addresses(change.hosts))
        except BadHostSetting as refused:
            raise Never(str(refused)) from refused
    if change.algorithm is not None:
        if change.algorithm not in ALGORITHMS:
            raise Never(f"there is no algorithm {change.algorithm!r}; there are {', '.join(ALGORITHMS)}")
        changes[reading.ALGORITHM] = change.algorithm
    if change.check_interval_s is not None:
        changes[reading.CHECK_INTERVAL] = _at_least(0, reading.CHECK_INTERVAL, change.check_interval_s)
    if change.maintenance_timeout_min is not None:
        changes[kept_name("maintenance_timeout_min")] = _at_least(
            1, "management.server.maintenance.timeout", change.maintenance_timeout_min
        )
    if change.ignore_maintenance_hosts is not None:
        changes[kept_name("ignore_maintenance_hosts")] = int(change.ignore_maintenance_hosts)
    with agents_locked(door):
        if change.check_interval_of_cluster_s:
            changes[reading.CHECK_INTERVAL_OF_CLUSTER] = _overrides(
                door, config, change.check_interval_of_cluster_s
            )
        door.run(
            "UPDATE lab_world SET settings = settings || %s::jsonb WHERE id = 1",
            json.dumps(changes),
        )
        send_lists(door, config, now or door.now())


def _overrides(door: Door, config: LabConfig, asked: Mapping[UUID, int | None]) -> dict[str, int]:
    """The clusters' own intervals after the change. Raises: Never (no such cluster)."""
    known = {row[0] for row in door.rows("SELECT id FROM lab_cluster WHERE id = ANY(%s)", list(asked))}
    for cluster_id in asked:
        if cluster_id not in known:
            raise Never(f"there is no cluster {cluster_id}")
    after: dict[UUID, int | None] = dict(balance_settings(door, config).check_interval_of_cluster_s)
    after |= asked
    return {
        str(cluster_id): _at_least(0, reading.CHECK_INTERVAL, seconds)
        for cluster_id, seconds in after.items()
        if seconds is not None
    }


def _at_least(least: int, name: str, value: int) -> int:
    if not least <= value <= SECONDS_MAX:
        raise Never(f"{name} cannot be {value}; at least {least}")
    return value
