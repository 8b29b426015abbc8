"""A cloud's settings of agent balance, and a change of them, as rows keep them."""

from typing import Any
from uuid import UUID

from maintenance.backends.servers import BalanceChange, BalanceSettings


def balance_as_json(settings: BalanceSettings) -> dict[str, Any]:
    """What `Cloud.balance` holds."""
    return {
        "hosts": list(settings.hosts),
        "algorithm": settings.algorithm,
        "check_interval_s": settings.check_interval_s,
        "check_interval_of_cluster_s": {
            str(cluster): seconds for cluster, seconds in sorted(settings.check_interval_of_cluster_s.items())
        },
        "maintenance_timeout_min": settings.maintenance_timeout_min,
        "ignore_maintenance_hosts": settings.ignore_maintenance_hosts,
    }


def balance_from_json(kept: dict[str, Any]) -> BalanceSettings:
    """What `balance_as_json` wrote."""
    of_cluster = {UUID(cluster): seconds for cluster, seconds in kept["check_interval_of_cluster_s"].items()}
    return BalanceSettings(
        hosts=tuple(kept["hosts"]),
        algorithm=kept["algorithm"],
        check_interval_s=kept["check_interval_s"],
        check_interval_of_cluster_s=of_cluster,
        maintenance_timeout_min=kept["maintenance_timeout_min"],
        ignore_maintenance_hosts=kept["ignore_maintenance_hosts"],
    )


def change_as_json(change: BalanceChange) -> dict[str, Any]:
    """What `CloudChange.change` holds: only what shall change. A cluster's null removes its own interval."""
    kept: dict[str, Any] = {
        "hosts": None if change.hosts is None else list(change.hosts),
        "algorithm": change.algorithm,
        "check_interval_s": change.check_interval_s,
        "maintenance_timeout_min": change.maintenance_timeout_min,
        "ignore_maintenance_hosts": change.ignore_maintenance_hosts,
    }
    told = {name: value for name, value in kept.items() if value is not None}
    if change.check_interval_of_cluster_s:
        told["check_interval_of_cluster_s"] = {
            str(cluster): seconds for cluster, seconds in sorted(change.check_interval_of_cluster_s.items())
        }
    return told


def change_from_json(kept: dict[str, Any]) -> BalanceChange:
    """What `change_as_json` wrote."""
    of_cluster = kept.get("check_interval_of_cluster_s", {})
    return BalanceChange(
        hosts=tuple(kept["hosts"]) if "hosts" in kept else None,
        algorithm=kept.get("algorithm"),
        check_interval_s=kept.get("check_interval_s"),
        check_interval_of_cluster_s={UUID(cluster): seconds for cluster, seconds in of_cluster.items()},
        maintenance_timeout_min=kept.get("maintenance_timeout_min"),
        ignore_maintenance_hosts=kept.get("ignore_maintenance_hosts"),
    )
