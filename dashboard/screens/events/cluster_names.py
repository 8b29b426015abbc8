"""What clusters are called. Hosts of several clusters may share a name: beside a cluster's they are told apart."""

import time
from dataclasses import dataclass, field

from maintenance.models import Cluster

KEPT_S = 10.0


@dataclass
class _Names:
    by_id: dict[str, str] = field(default_factory=dict)
    at: float = float("-inf")


_names = _Names()


def cluster_name(cluster_id: object) -> str:
    """Empty where there is but one cluster, or it is not known. Looked up once in KEPT_S seconds, whoever asks."""
    if not cluster_id:
        return ""
    if time.monotonic() - _names.at > KEPT_S:
        _names.by_id = {str(key): name for key, name in Cluster.objects.values_list("id", "name")}
        _names.at = time.monotonic()
    return _names.by_id.get(str(cluster_id), "") if len(_names.by_id) > 1 else ""


def forget() -> None:
    """The next question is answered from the database."""
    _names.at = float("-inf")
