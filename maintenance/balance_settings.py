"""A cloud's settings of agent balance, as its row keeps them."""

from typing import Any
from uuid import UUID

from maintenance.backends.servers import BalanceSettings


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
