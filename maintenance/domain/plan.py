"""What a rolling run will do, host by host, before anything moves: order, where instances go, what is skipped and why.

Pure: the same inventory, scope and choices give the same plan and the same hash.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from maintenance.domain.capacity import Packing
from maintenance.domain.gate import GateHost, GateInstance, packing_without
from maintenance.domain.hook_stages import HookStage
from maintenance.domain.order import natural


class Verdict(StrEnum):
    """What the plan says of one host."""

    READY = "ready"
    STAYS = "stays"  # its first two scripts run, then it is skipped: it never leaves service
    SKIPPED = "skipped"  # the run passes it by, for a reason known now
    BLOCKED = "blocked"  # the start is refused until this is mended
    HELD = "held"  # it would wait for room
    LEFT_OUT = "left_out"  # the operator left it out


@dataclass(frozen=True, slots=True)
class Candidate:
    """A host in the scope, as known now. `scripts` is None when not known."""

    host: GateHost
    zone: str
    cluster_id: UUID
    cluster: str
    hypervisor: str
    is_known: bool
    scripts: Mapping[HookStage, bool] | None
    busy: str = ""  # another run has it: that run, in words
    taken_by_others: bool = False
    usual_s: tuple[float, float] | None = None  # how long such a host was out before


@dataclass(frozen=True, slots=True)
class Choices:
    """What the operator chose."""

    order: tuple[UUID, ...] = ()
    leave_out: frozenset[UUID] = frozenset()
    skip_unready: bool = False
    max_unavailable: int = 1
    clusters_in_parallel: int = 1


@dataclass(frozen=True, slots=True)
class PlannedHost:
    """One line of the plan. `spare_ratio`: memory left in the cluster while this host is out, 0 to 1."""

    host_id: UUID
    name: str
    zone: str
    cluster_id: UUID
    cluster: str
    order: int
    instances: int
    goes_to: tuple[tuple[str, int], ...]
    scripts: Mapping[HookStage, bool | None]
    expected_low_s: float | None
    expected_high_s: float | None
    spare_ratio: float | None
    verdict: Verdict
    why: str


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan; `hash` names it, so that what was seen is what is started."""

    hosts: tuple[PlannedHost, ...]
    hash: str
    computed_at: datetime
    tightest: PlannedHost | None
    minutes_low: float | None
    minutes_high: float | None
    warnings: tuple[str, ...] = ()

    def of(self, *verdicts: Verdict) -> tuple[PlannedHost, ...]:
        """The hosts with one of these verdicts, in order."""
        return tuple(host for host in self.hosts if host.verdict in verdicts)


def make_plan(
    candidates: Sequence[Candidate],
    clusters: Mapping[UUID, tuple[Sequence[GateHost], Sequence[GateInstance]]],
    choices: Choices,
    now: datetime,
) -> Plan:
    """The plan for these hosts. `clusters` holds every host and instance of the clusters concerned."""
    hosts: list[PlannedHost] = []
    after = dict(clusters)  # as each cluster is when the next host's turn comes: instances do not move back
    for place, candidate in enumerate(in_order(candidates, choices.order), start=1):
        members, instances = after[candidate.cluster_id]
        planned, packing = _planned(candidate, members, instances, choices, place)
        hosts.append(planned)
        if packing is not None:
            after[candidate.cluster_id] = (members, _moved(instances, packing))
    ready = [h for h in hosts if h.verdict in {Verdict.READY, Verdict.HELD}]
    with_spare = [h for h in ready if h.spare_ratio is not None]
    tightest = min(with_spare, key=lambda h: (h.spare_ratio or 0.0, h.order), default=None)
    low, high = _minutes(ready, choices)
    return Plan(
        hosts=tuple(hosts),
        hash=_hash(hosts, choices),
        computed_at=now,
        tightest=tightest,
        minutes_low=low,
        minutes_high=high,
        warnings=tuple(_warnings(hosts)),
    )


def in_order(candidates: Sequence[Candidate], order: Sequence[UUID]) -> list[Candidate]:
    """Zone, cluster, host name by natural sort; hosts the operator placed come in that order, clusters kept together
    where their first host stands."""
    places = {host_id: place for place, host_id in enumerate(order)}
    natural_order = sorted(
        candidates,
        key=lambda c: (natural(c.zone), natural(c.cluster), str(c.cluster_id), natural(c.host.name)),
    )
    if not places:
        return natural_order
    ranked = {c.host.id: (places.get(c.host.id, len(places)), n) for n, c in enumerate(natural_order)}
    first: dict[UUID, tuple[int, int]] = {}
    for c in natural_order:
        first[c.cluster_id] = min(first.get(c.cluster_id, ranked[c.host.id]), ranked[c.host.id])
    return sorted(natural_order, key=lambda c: (first[c.cluster_id], ranked[c.host.id]))


def _moved(instances: Sequence[GateInstance], packing: Packing) -> list[GateInstance]:
    """The instances where they are once a host has been drained."""
    places = {guest.id: host_id for guest, host_id in packing.places}
    return [replace(i, host_id=places.get(i.guest.id, i.host_id)) for i in instances]


def _planned(
    candidate: Candidate,
    hosts: Sequence[GateHost],
    instances: Sequence[GateInstance],
    choices: Choices,
    place: int,
) -> tuple[PlannedHost, Packing | None]:
    """One line of the plan, and where its instances go (None: the host does not leave service)."""
    on_it = [i for i in instances if i.host_id == candidate.host.id and i.state != "Stopped"]
    low, high = candidate.usual_s or (None, None)
    plain = PlannedHost(
        host_id=candidate.host.id,
        name=candidate.host.name,
        zone=candidate.zone,
        cluster_id=candidate.cluster_id,
        cluster=candidate.cluster,
        order=place,
        instances=len(on_it),
        goes_to=(),
        scripts={
            s: None if candidate.scripts is None else candidate.scripts.get(s, False) for s in HookStage
        },
        expected_low_s=low,
        expected_high_s=high,
        spare_ratio=None,
        verdict=Verdict.READY,
        why="",
    )
    verdict, why = _standing(candidate, choices)
    if verdict is not Verdict.READY:
        return replace(plain, verdict=verdict, why=why, expected_low_s=None, expected_high_s=None), None
    packing = packing_without({candidate.host.id}, hosts, instances)
    names = {host.id: host.name for host in hosts}
    goes_to = Counter(names[host_id] for _, host_id in packing.places)
    staying_mb = sum(h.memory_mb for h in hosts if h.id != candidate.host.id and h.in_service)
    spare_mb = sum(room.memory_mb for room in packing.rooms)
    planned = replace(
        plain,
        goes_to=tuple(sorted(goes_to.items(), key=lambda item: natural(item[0]))),
        spare_ratio=spare_mb / staying_mb if staying_mb else None,
    )
    if not packing.fits:
        guest, reason = packing.homeless[0]
        more = f" and {len(packing.homeless) - 1} more" if len(packing.homeless) > 1 else ""
        return replace(planned, verdict=Verdict.HELD, why=f"no room for {guest.name}{more} ({reason})"), None
    return planned, packing


def _standing(candidate: Candidate, choices: Choices) -> tuple[Verdict, str]:
    """What is known of the host before any capacity is counted."""
    host = candidate.host
    if host.id in choices.leave_out:
        return Verdict.LEFT_OUT, "left out"
    if candidate.hypervisor != "KVM":
        return Verdict.SKIPPED, f"hypervisor {candidate.hypervisor}: rolling maintenance is for KVM hosts"
    if candidate.busy:
        return Verdict.BLOCKED, candidate.busy
    if candidate.taken_by_others:
        why = f"{host.resource_state}: taken out of service by others; it is never touched"
        return (Verdict.SKIPPED if choices.skip_unready else Verdict.BLOCKED), why
    if not candidate.is_known or not host.in_service:
        state = f"{host.state} and {host.resource_state}" if candidate.is_known else "Unknown"
        why = f"the host is {state}, not Up and Enabled"
        return (Verdict.SKIPPED if choices.skip_unready else Verdict.BLOCKED), why
    if candidate.scripts is not None and not candidate.scripts.get(HookStage.MAINTENANCE, False):
        # It is still in the run: its PreFlight and PreMaintenance run, as CloudStack has it.
        return Verdict.STAYS, "no Maintenance script: it never leaves service"
    return Verdict.READY, ""


def _minutes(hosts: Sequence[PlannedHost], choices: Choices) -> tuple[float | None, float | None]:
    """The range of the whole run's length, once every host's own range is known."""
    if not hosts or any(h.expected_low_s is None for h in hosts):
        return None, None
    clusters = len({h.cluster_id for h in hosts})
    at_once = min(choices.clusters_in_parallel, clusters) * choices.max_unavailable
    low = sum(h.expected_low_s or 0 for h in hosts) / at_once / 60
    high = sum(h.expected_high_s or 0 for h in hosts) / at_once / 60
    return low, high


def _warnings(hosts: Sequence[PlannedHost]) -> list[str]:
    unknown = [
        h.name for h in hosts if h.verdict is Verdict.READY and h.scripts[HookStage.MAINTENANCE] is None
    ]
    if unknown:
        return [f"the scripts of {', '.join(unknown[:5])} are not known: the agent did not answer"]
    return []


def _hash(hosts: Sequence[PlannedHost], choices: Choices) -> str:
    """Names what will be done: order, who is in, who is skipped, under which limits. Sizes of hosts and times do not
    count: they change by themselves every second and change nothing that was decided."""
    content = [
        [[str(h.host_id), h.verdict if h.verdict is not Verdict.HELD else Verdict.READY] for h in hosts],
        choices.max_unavailable,
        choices.clusters_in_parallel,
        choices.skip_unready,
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
