"""The networks a tenant sees: a network of its own, or a VPC with its tiers, and everything that is known of each.

The number of queries does not depend on how many they are.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from dashboard.access import visible_networks, visible_vpcs
from dashboard.models import Role, User
from maintenance.domain.order import natural
from maintenance.domain.states import OVER_SYSTEM_VMS, RUN_ACTIVE
from maintenance.domain.system_vms import ROUTERS, Update
from maintenance.models import Attention, Cloud, Downtime, Network, Step, SystemVm, Target, Vpc
from maintenance.updates import hosts_at_work, updates_of

PLACES_MAX = 2000
RESULTS_FOR = timedelta(days=7)  # so long a result is told whose router is gone


@dataclass
class Place:
    """A network, or a VPC. `routers` serve it now, `gone` are ids of those that were replaced lately; `ran`: what came
    to a result in its newest patch or restart; `under_way`: targets of runs that are not over; `away_ms`: what probes
    measured in the newest one."""

    id: UUID
    name: str
    cloud: Cloud
    network_ids: list[UUID]
    tiers: list[str] = field(default_factory=list)
    is_vpc: bool = False
    routers: list[SystemVm] = field(default_factory=list)
    gone: list[UUID] = field(default_factory=list)
    updates: list[Update] = field(default_factory=list)
    under_way: list[Target] = field(default_factory=list)
    ran: list[Target] = field(default_factory=list)
    needs_person: bool = False
    away_ms: float | None = None

    @property
    def is_pair(self) -> bool:
        """One side serves while the other stands by."""
        return sum(bool(vm.redundant_state) for vm in self.routers) > 1


@dataclass(frozen=True, slots=True)
class Facts:
    """All of a tenant's networks, and what is read along with them. `tenants`: who of those that started a run is a
    tenant's person. `below_work`: networks below whose routers operators are at work now."""

    places: list[Place]
    steps: dict[UUID, list[Step]]  # by target
    tenants: frozenset[str]
    below_work: frozenset[UUID]
    now: datetime


def facts_of(person: User, only: UUID | None = None) -> Facts:
    """`only`: of this network or VPC alone; nothing when it is not theirs."""
    places, now = _places(person, only), timezone.now()
    _add_routers(places, since=now - RESULTS_FOR)
    by_vm = {key: place for place in places for key in (*(vm.id for vm in place.routers), *place.gone)}
    under_way = _under_way(by_vm)
    for target in under_way:
        by_vm[target.system_vm_key].under_way.append(target)
    _add_results(by_vm)
    _add_updates(places)
    for vm_id in Attention.objects.filter(system_vm__in=by_vm, resolved_at=None).values_list(
        "system_vm_id", flat=True
    ):
        by_vm[vm_id].needs_person = True
    _add_away(places)
    steps: dict[UUID, list[Step]] = {}
    shown = [target.id for place in places for target in (*place.under_way, *place.ran)]
    for step in Step.objects.filter(target__in=shown).order_by("started", "due_at"):
        steps.setdefault(step.target_id, []).append(step)
    starters = {target.run.started_by for place in places for target in (*place.under_way, *place.ran)}
    tenants = User.objects.filter(username__in=starters, role=Role.TENANT).values_list("username", flat=True)
    return Facts(places, steps, frozenset(tenants), _below_work(places), now)


def _places(person: User, only: UUID | None) -> list[Place]:
    vpcs: QuerySet[Vpc] = visible_vpcs(person).filter(gone_at=None).select_related("cloud")
    networks: QuerySet[Network] = visible_networks(person).filter(gone_at=None).select_related("cloud")
    if only is not None:
        vpcs, networks = vpcs.filter(id=only), networks.filter(Q(id=only, vpc=None) | Q(vpc=only))
    of_vpc = {
        vpc.id: Place(vpc.id, vpc.name, vpc.cloud, [], is_vpc=True)
        for vpc in vpcs.order_by("name")[:PLACES_MAX]
    }
    alone: list[Place] = []
    for network in networks.order_by("name")[:PLACES_MAX]:
        if network.vpc_id is None:
            alone.append(Place(network.id, network.name, network.cloud, [network.id]))
        elif network.vpc_id in of_vpc:
            of_vpc[network.vpc_id].network_ids.append(network.id)
            of_vpc[network.vpc_id].tiers.append(network.name)
    return sorted([*of_vpc.values(), *alone], key=lambda place: (natural(place.name), str(place.id)))


def _add_routers(places: list[Place], *, since: datetime) -> None:
    by_id = {place.id: place for place in places}
    serving = Q(network__in=[p.id for p in places if not p.is_vpc]) | Q(
        vpc__in=[p.id for p in places if p.is_vpc]
    )
    there = Q(gone_at=None) | Q(gone_at__gt=since)
    routers = SystemVm.objects.filter(serving, there, type__in=ROUTERS).select_related("cloud")
    for vm in routers.order_by("name"):
        place = by_id.get(vm.vpc_id or vm.network_id or vm.id)
        if place is not None and vm.gone_at is None:
            place.routers.append(vm)
        elif place is not None:
            place.gone.append(vm.id)


def _below_work(places: list[Place]) -> frozenset[UUID]:
    busy = hosts_at_work({vm.host_id for place in places for vm in place.routers if vm.host_id is not None})
    return frozenset(
        place.id for place in places for vm in place.routers if vm.host_id is not None and vm.host_id in busy
    )


def _under_way(by_vm: dict[UUID, Place]) -> list[Target]:
    active = Target.objects.filter(system_vm__in=by_vm, is_open=True, run__state__in=RUN_ACTIVE)
    return list(active.select_related("run").order_by("run__number", "order"))


def _add_results(by_vm: dict[UUID, Place]) -> None:
    """The newest result of each router, and of a network only those of its newest run."""
    ended = Target.objects.filter(system_vm__in=by_vm, run__kind__in=OVER_SYSTEM_VMS).exclude(result="")
    newest = ended.order_by("system_vm_id", "-run__number").distinct("system_vm_id").select_related("run")
    for target in newest:
        by_vm[target.system_vm_key].ran.append(target)
    for place in by_vm.values():
        last = max((target.run.number for target in place.ran), default=0)
        place.ran = [target for target in place.ran if target.run.number == last]


def _add_updates(places: list[Place]) -> None:
    updates = updates_of([vm for place in places for vm in place.routers])
    for place in places:
        place.updates = [updates[vm.id] for vm in place.routers]


def _add_away(places: list[Place]) -> None:
    """How long the network did not answer in its newest run: the longest of what was measured."""
    runs = {target.run_id: place for place in places for target in place.ran}
    pairs = {(target.run_id, target.system_vm_id): place for place in places for target in place.ran}
    told = Downtime.objects.filter(run__in=runs, ended_at__isnull=False, probes__gt=0)
    measured = told.filter(was_down_before=False)
    for run, vm, ms in measured.order_by().values_list("run_id", "system_vm_id").annotate(ms=Max("down_ms")):
        place = pairs.get((run, vm))
        if place is not None:
            place.away_ms = max(place.away_ms or 0.0, ms)
