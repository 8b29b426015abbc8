"""How a run's hosts follow each other from now on: in clusters side by side, in each so many at once.

Pure: seconds in, seconds out. It plays what `domain/rolling.py` will decide, if every host takes the time given for it.
"""

import heapq
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ClusterLeft:
    """What is left to do in one cluster. `at_work_s`: how much longer each host takes that has begun."""

    key: Hashable
    at_work_s: Sequence[float]
    waiting: int
    takes_s: float
    at_once: int


@dataclass(frozen=True, slots=True)
class Queue:
    """Seconds from now: when each cluster's waiting hosts have their turn, in order, and when the last is done."""

    turns_s: Mapping[Hashable, list[float]] = field(default_factory=dict)
    ends_s: float = 0.0


def play(clusters: Sequence[ClusterLeft], *, in_parallel: int) -> Queue:
    """`clusters` in the run's order. Those that have begun go on; the others follow as lanes become free."""
    begun = [cluster for cluster in clusters if cluster.at_work_s]
    others = [cluster for cluster in clusters if not cluster.at_work_s]
    turns: dict[Hashable, list[float]] = {}
    lanes = [_play_cluster(cluster, 0.0, turns) for cluster in begun]
    lanes += [0.0] * max(0, in_parallel - len(begun))
    heapq.heapify(lanes)
    for cluster in others:
        heapq.heapreplace(lanes, _play_cluster(cluster, lanes[0], turns))
    return Queue(turns, max(lanes, default=0.0))


def _play_cluster(cluster: ClusterLeft, begins_s: float, turns: dict[Hashable, list[float]]) -> float:
    """When the cluster's last host is done; `turns` is told when each had its turn."""
    slots = [begins_s + left for left in cluster.at_work_s]
    slots += [begins_s] * max(0, cluster.at_once - len(slots))
    heapq.heapify(slots)
    for _ in range(max(0, len(slots) - max(1, cluster.at_once))):
        heapq.heappop(slots)  # more are out than may be: the first to come back free no slot
    mine = turns.setdefault(cluster.key, [])
    for _ in range(cluster.waiting):
        mine.append(slots[0])
        heapq.heapreplace(slots, slots[0] + cluster.takes_s)
    return max(slots)
