"""Reads the settings of agent balance."""

import json
from math import ceil
from uuid import UUID

from maintenance.backends.lab.config import LabConfig
from maintenance.backends.lab.outside import Door
from maintenance.backends.servers import BalanceSettings

HOST = "host"
ALGORITHM = "indirect.agent.lb.algorithm"
CHECK_INTERVAL = "indirect.agent.lb.check.interval"
CHECK_INTERVAL_OF_CLUSTER = "indirect.agent.lb.check.interval of cluster"

# CloudStack's own defaults are `static` and 0. The demo shows agents that are spread, and that find home again.
ALGORITHM_AT_FIRST = "roundrobin"
CHECK_INTERVAL_AT_FIRST_S = 60


def balance_settings(door: Door, config: LabConfig) -> BalanceSettings:
    """The settings in force. `host` names every management server until somebody sets it."""
    found = door.row("SELECT settings::text FROM lab_world WHERE id = 1")
    kept = json.loads(found[0]) if found else {}
    hosts = kept.get(HOST)
    if hosts is None:
        rows = door.rows("SELECT address FROM lab_management_server WHERE address <> '' ORDER BY name")
        hosts = [row[0] for row in rows]
    return BalanceSettings(
        hosts=tuple(hosts),
        algorithm=kept.get(ALGORITHM, ALGORITHM_AT_FIRST),
        check_interval_s=kept.get(CHECK_INTERVAL, CHECK_INTERVAL_AT_FIRST_S),
        check_interval_of_cluster_s={
            UUID(cluster_id): seconds
            for cluster_id, seconds in kept.get(CHECK_INTERVAL_OF_CLUSTER, {}).items()
        },
        maintenance_timeout_min=ceil(config.maintenance_timeout_min),
        ignore_maintenance_hosts=bool(config.ignore_maintenance_hosts),
    )
