"""How long a run takes if nothing fails and nothing has to wait: PreFlights first, then clusters side by side."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

PREFLIGHTS_AT_ONCE = 8

type Seconds = tuple[float, float]  # a usual range, from – to


@dataclass(frozen=True, slots=True)
class ClusterInTurn:
    """The hosts of one cluster that leave service, each with its usual range, so many at once."""

    hosts: Sequence[Seconds]
    at_once: int


def run_length(
    clusters: Sequence[ClusterInTurn], *, clusters_in_parallel: int, checked: int, preflight: Seconds
) -> Seconds:
    """The run's range in seconds. `checked`: hosts whose PreFlight runs. `clusters` in their order, not empty."""
    rounds = -(-checked // PREFLIGHTS_AT_ONCE)
    low = rounds * preflight[0] + _until_the_last(clusters, 0, clusters_in_parallel)
    high = rounds * preflight[1] + _until_the_last(clusters, 1, clusters_in_parallel)
    return low, high


def _until_the_last(clusters: Sequence[ClusterInTurn], end: int, in_parallel: int) -> float:
    lanes = [0.0] * min(in_parallel, len(clusters))
    for cluster in clusters:
        rounds = -(-len(cluster.hosts) // cluster.at_once)
        usual = sum(host[end] for host in cluster.hosts) / len(cluster.hosts)
        heapq.heapreplace(lanes, lanes[0] + rounds * usual)
    return max(lanes)
