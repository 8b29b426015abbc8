"""What a rolling run will do, host by host, before anything moves: order, where instances go, what is skipped and why.

Pure: the same inventory, scope and choices give the same plan and the same hash.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from maintenance.domain.gate import GateHost, GateInstance
from maintenance.domain.hook_stages import HookStage
from maintenance.domain.leaving import ClusterAhead, Stuck, Turn
from maintenance.domain.order import natural
from maintenance.domain.plan_length import ClusterInTurn, Seconds, run_length


class Verdict(StrEnum):
    """What the plan says of one host."""

    READY = "ready"
    STAYS = "stays"  # its first two scripts run, then it is skipped: it never leaves service
    SKIPPED = "skipped"  # the run passes it by, for a reason known now
    BLOCKED = "blocked"  # the start is refused until this is mended
    HELD = "held"  # it would wait for room
    LEFT_OUT = "left_out"  # the operator left it out


@dataclass(frozen=True, slots=True)
class Holder:
    """The run that has a host, or works in the same cluster: who started it, and since when it is there."""

    run_id: UUID
    number: int
    by: str
    since: datetime
    scope: str = ""


@dataclass(frozen=True, slots=True)
class OutNow:
    """A host of one of the clusters that is out of service already, whoever took it out."""

    host_id: UUID
    name: str
    cluster_id: UUID
    cluster: str
    why: str
    holder: Holder | None = None


@dataclass(frozen=True, slots=True)
class ClusterNow:
    """Every host and instance of a cluster, as last read. `out`: hosts that our ledger has as out. `others_limit`: the
    smallest limit of other runs at work here, which holds for all."""

    hosts: Sequence[GateHost]
    instances: Sequence[GateInstance]
    out: frozenset[UUID] = frozenset()
    others_limit: int | None = None


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
    holder: Holder | None = None  # another run has it
    taken_by_others: bool = False
    usual_s: Seconds | None = None  # how long such a host took before, from its turn to its end


@dataclass(frozen=True, slots=True)
class Choices:
    """What the operator chose. Of hosts and clusters that are not named, the natural order holds, after the named."""

    cluster_order: tuple[UUID, ...] = ()
    order: tuple[UUID, ...] = ()
    leave_out: frozenset[UUID] = frozenset()
    skip_unready: bool = False
    max_unavailable: int = 1
    clusters_in_parallel: int = 1


@dataclass(frozen=True, slots=True)
class PlannedHost:
    """One line of the plan. `spare_ratio`: memory left in the cluster while this host is out, 0 to 1. `stuck`: its
    instances that cannot move when its turn comes. `is_unready`: `skip_unready` would pass it by."""

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
    stuck: tuple[Stuck, ...] = ()
    holder: Holder | None = None
    is_unready: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is so in these clusters, whatever is chosen."""

    out: tuple[OutNow, ...] = ()
    runs: tuple[Holder, ...] = ()  # other runs at work here
    preflight_s: Seconds | None = None  # how long a PreFlight usually takes


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole plan; `hash` names it, so that what was seen is what is started."""

    hosts: tuple[PlannedHost, ...]
    hash: str
    computed_at: datetime
    tightest: PlannedHost | None
    minutes_low: float | None
    minutes_high: float | None
    surroundings: Surroundings
    warnings: tuple[str, ...] = ()

    def of(self, *verdicts: Verdict) -> tuple[PlannedHost, ...]:
        """The hosts with one of these verdicts, in order."""
        return tuple(host for host in self.hosts if host.verdict in verdicts)


LEAVING = frozenset({Verdict.READY, Verdict.HELD})


def make_plan(
    candidates: Sequence[Candidate],
    clusters: Mapping[UUID, ClusterNow],
    choices: Choices,
    now: datetime,
    surroundings: Surroundings | None = None,
) -> Plan:
    """The plan for these hosts. `clusters` holds the clusters concerned, whole."""
    around = surroundings or Surroundings()
    ahead = {key: _ahead(cluster, choices) for key, cluster in clusters.items()}
    hosts = tuple(
        _planned(candidate, ahead[candidate.cluster_id], choices, place)
        for place, candidate in enumerate(in_order(candidates, choices), start=1)
    )
    leaving = [host for host in hosts if host.verdict in LEAVING]
    with_spare = [host for host in leaving if host.spare_ratio is not None]
    tightest = min(with_spare, key=lambda h: (h.spare_ratio or 0.0, h.order), default=None)
    checked = sum(1 for host in hosts if host.verdict in LEAVING or host.verdict is Verdict.STAYS)
    low, high = _minutes(leaving, checked, ahead, choices, around)
    return Plan(
        hosts=hosts,
        hash=_hash(hosts, choices),
        computed_at=now,
        tightest=tightest,
        minutes_low=low,
        minutes_high=high,
        surroundings=around,
        warnings=tuple(_warnings(hosts)),
    )


def _ahead(cluster: ClusterNow, choices: Choices) -> ClusterAhead:
    limit = min(choices.max_unavailable, cluster.others_limit or choices.max_unavailable)
    return ClusterAhead(cluster.hosts, cluster.instances, limit=limit, out=cluster.out)


def in_order(candidates: Sequence[Candidate], choices: Choices) -> list[Candidate]:
    """Zone, cluster, host name by natural sort; what the operator placed comes in that order. Clusters stay together:
    where `cluster_order` has them, else where their first placed host stands."""
    natural_order = sorted(
        candidates,
        key=lambda c: (natural(c.zone), natural(c.cluster), str(c.cluster_id), natural(c.host.name)),
    )
    if not choices.order and not choices.cluster_order:
        return natural_order
    places = {host_id: place for place, host_id in enumerate(choices.order)}
    ranked = {c.host.id: (places.get(c.host.id, len(places)), n) for n, c in enumerate(natural_order)}
    clusters = {cluster_id: (place, 0) for place, cluster_id in enumerate(choices.cluster_order)}
    after = len(clusters)
    first: dict[UUID, tuple[int, int]] = {}
    for c in natural_order:
        place, n = ranked[c.host.id]
        rank = clusters.get(c.cluster_id) or (after + place, n)
        first[c.cluster_id] = min(first.get(c.cluster_id, rank), rank)
    return sorted(natural_order, key=lambda c: (first[c.cluster_id], ranked[c.host.id]))


def _planned(candidate: Candidate, cluster: ClusterAhead, choices: Choices, place: int) -> PlannedHost:
    verdict, why = _standing(candidate, choices)
    scripts = candidate.scripts
    plain = PlannedHost(
        host_id=candidate.host.id,
        name=candidate.host.name,
        zone=candidate.zone,
        cluster_id=candidate.cluster_id,
        cluster=candidate.cluster,
        order=place,
        instances=cluster.count(candidate.host.id),
        goes_to=(),
        scripts={stage: None if scripts is None else scripts.get(stage, False) for stage in HookStage},
        expected_low_s=None,
        expected_high_s=None,
        spare_ratio=None,
        verdict=verdict,
        why=why,
        holder=candidate.holder,
        is_unready=_is_unready(candidate),
    )
    if verdict is not Verdict.READY:
        return plain
    turn = cluster.turn(candidate.host.id)
    low, high = candidate.usual_s or (None, None)
    why = _waits(turn)
    return replace(
        plain,
        goes_to=turn.goes_to,
        spare_ratio=turn.spare_ratio,
        stuck=turn.stuck,
        expected_low_s=low,
        expected_high_s=high,
        verdict=Verdict.HELD if why else Verdict.READY,
        why=why,
    )


def _waits(turn: Turn) -> str:
    """Why the host would be held at its turn; empty when it would not."""
    if turn.stuck:
        first, more = turn.stuck[0], len(turn.stuck) - 1
        others = f" and {more} more" if more else ""
        return f"{first.name} cannot move{others}: {first.why}"
    if turn.waits_for:
        are = "is" if len(turn.waits_for) == 1 else "are"
        return f"{', '.join(turn.waits_for[:5])} {are} out of service already, and that is the limit"
    return ""


def _is_unready(candidate: Candidate) -> bool:
    return candidate.taken_by_others or not candidate.is_known or not candidate.host.in_service


def _standing(candidate: Candidate, choices: Choices) -> tuple[Verdict, str]:
    """What is known of the host before any capacity is counted."""
    host = candidate.host
    if host.id in choices.leave_out:
        return Verdict.LEFT_OUT, "left out"
    if candidate.hypervisor != "KVM":
        return Verdict.SKIPPED, f"hypervisor {candidate.hypervisor}: rolling maintenance is for KVM hosts"
    if holder := candidate.holder:
        scope = f", {holder.scope}" if holder.scope else ""
        return Verdict.BLOCKED, f"run {holder.number} has it (started by {holder.by}{scope})"
    if candidate.taken_by_others:
        why = f"{host.resource_state}: taken out of service by others; it is never touched"
        return (Verdict.SKIPPED if choices.skip_unready else Verdict.BLOCKED), why
    if _is_unready(candidate):
        state = f"{host.state} and {host.resource_state}" if candidate.is_known else "Unknown"
        why = f"the host is {state}, not Up and Enabled"
        return (Verdict.SKIPPED if choices.skip_unready else Verdict.BLOCKED), why
    if candidate.scripts is not None and not candidate.scripts.get(HookStage.MAINTENANCE, False):
        # It is still in the run: its PreFlight and PreMaintenance run, as CloudStack has it.
        return Verdict.STAYS, "no Maintenance script: it never leaves service"
    return Verdict.READY, ""


def _minutes(
    leaving: Sequence[PlannedHost],
    checked: int,
    ahead: Mapping[UUID, ClusterAhead],
    choices: Choices,
    around: Surroundings,
) -> tuple[float | None, float | None]:
    """The range of the whole run's length, once every host's own range is known. What a host would wait at the gate is
    not in it: nobody knows that."""
    takes: dict[UUID, list[Seconds]] = {}
    for host in leaving:
        if host.expected_low_s is None or host.expected_high_s is None:
            return None, None
        takes.setdefault(host.cluster_id, []).append((host.expected_low_s, host.expected_high_s))
    if not takes:
        return None, None
    low_s, high_s = run_length(
        [ClusterInTurn(hosts, ahead[key].slots) for key, hosts in takes.items()],
        clusters_in_parallel=choices.clusters_in_parallel,
        checked=checked,
        preflight=around.preflight_s or (0.0, 0.0),
    )
    return low_s / 60, high_s / 60


def _warnings(hosts: Sequence[PlannedHost]) -> list[str]:
    unknown = [
        h.name for h in hosts if h.verdict is Verdict.READY and h.scripts[HookStage.MAINTENANCE] is None
    ]
    if unknown:
        return [f"the scripts of {', '.join(unknown[:5])} are not known: the agent did not answer"]
    return []


def _hash(hosts: Sequence[PlannedHost], choices: Choices) -> str:
    """Names what will be done: order, who is in, who is skipped, who would wait, under which limits. Sizes of hosts,
    times, and where instances go do not count: they change by themselves every second and change nothing that was
    decided."""
    content = [
        [[str(h.host_id), h.verdict] for h in hosts],
        choices.max_unavailable,
        choices.clusters_in_parallel,
        choices.skip_unready,
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
