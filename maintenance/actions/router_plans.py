"""What a restart of the routers of networks and VPCs would be, and why there would be none: said before the click."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import models
from django.db.models import Q

from maintenance.actions.errors import BadInput, NotFound
from maintenance.actions.live_patches import PER_ZONE_MAX, group_of, in_turn
from maintenance.actions.run_numbers import owner_of
from maintenance.clock import database_now
from maintenance.domain.router_restart import ChosenWay, RestartWay, RouterFacts, way_of
from maintenance.domain.states import RUN_ACTIVE, OnFailure
from maintenance.domain.system_vms import ROUTERS
from maintenance.models import Network, Run, SystemVm, Target, Vpc
from maintenance.updates import hosts_at_work

PLACES_MAX = 1000
SOAK_S_MAX = 600


@dataclass(frozen=True, slots=True)
class RestartRequest:
    """What is asked for: networks, VPCs or both; a tier stands for its VPC. Without `cleanup` nothing is replaced.
    `soak_s`: how long the new router has to answer before the old one is destroyed."""

    network_ids: tuple[UUID, ...] = ()
    vpc_ids: tuple[UUID, ...] = ()
    cleanup: bool = True
    serial: bool = False
    makes_redundant: bool = False
    per_zone: int = 1
    on_failure: str = OnFailure.PAUSE
    reason: str = ""
    ticket: str = ""
    soak_s: int = 5

    def check(self) -> None:
        """Raises: BadInput."""
        places = len(self.network_ids) + len(self.vpc_ids)
        if not 1 <= places <= PLACES_MAX:
            raise BadInput(f"name networks or VPCs, at most {PLACES_MAX}", field="networks")
        for field, value, least, most in (
            ("per_zone", self.per_zone, 1, PER_ZONE_MAX),
            ("soak_s", self.soak_s, 0, SOAK_S_MAX),
        ):
            if not least <= value <= most:
                raise BadInput(f"{field} is between {least} and {most}; it is {value}", field=field)
        if self.on_failure not in set(OnFailure):
            raise BadInput(f"on_failure is one of {', '.join(OnFailure)}", field="on_failure")
        if not self.cleanup and self.serial:
            raise BadInput("without cleanup nothing is replaced, so there is no serial way", field="serial")
        if not self.cleanup and self.makes_redundant:
            raise BadInput("a network becomes redundant with cleanup only", field="makes_redundant")


@dataclass(frozen=True, slots=True)
class RestartPlan:
    """What a restart of one network or VPC would be. `routers`: in the order they are done. `refused`: why there would
    be none, else empty; `owner`: the run that is in the way, where one is. `new_version`: of the image that new routers
    get; empty when it is not known, or nothing is replaced."""

    place_name: str
    place_id: UUID
    is_vpc: bool
    routers: tuple[SystemVm, ...]
    chosen: ChosenWay
    new_version: str
    refused: str
    owner: Mapping[str, str | int] | None = None


def plan_router_restart(request: RestartRequest) -> list[RestartPlan]:
    """A plan for each network and VPC. The number of queries does not depend on how many they are.

    Raises: BadInput; NotFound naming the id.
    """
    request.check()
    return plans_of(request, places_of(request))


# ---- what is asked for ----------------------------------------------------------------------------------------------

type Place = Network | Vpc


def places_of(request: RestartRequest) -> list[Place]:
    """Networks and VPCs, each once, by name. Raises: NotFound, BadInput."""
    networks = _found(Network, request.network_ids, "network")
    tiers = [network for network in networks if network.vpc_id is not None]
    of_tiers = {network.vpc_id for network in tiers}
    vpcs = _found(Vpc, [*request.vpc_ids, *(key for key in of_tiers if key is not None)], "VPC")
    places: list[Place] = [network for network in networks if network.vpc_id is None]
    return sorted([*places, *vpcs], key=lambda place: (place.zone.name, place.name, str(place.id)))


def _found[P: Network | Vpc](model: type[P], ids: Iterable[UUID], what: str) -> list[P]:
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return []
    manager: models.Manager[P] = model._default_manager  # type: ignore[assignment]
    listed = manager.filter(id__in=wanted, gone_at=None).select_related("cloud", "zone")
    rows = {row.id: row for row in listed}
    for key in wanted:
        if key not in rows:
            raise NotFound(f"no {what} has the id {key}")
    return [rows[key] for key in wanted]


# ---- what would be done ---------------------------------------------------------------------------------------------


def plans_of(request: RestartRequest, places: Sequence[Place]) -> list[RestartPlan]:
    routers = _routers(places)
    with_tiers = _vpcs_with_tiers(places)
    in_the_way = _in_the_way(places, routers)
    now = database_now()
    plans = []
    for place in places:
        ours = tuple(sorted(routers[place.id], key=in_turn))
        is_vpc = isinstance(place, Vpc)
        refused = (
            "what it is like now is not known: its cloud was not read lately"
            if not place.is_known(now)
            else _why_not(request, place, ours, has_tiers=place.id in with_tiers)
        )
        run, words = in_the_way.get(place.id, (None, ""))
        plans.append(
            RestartPlan(
                place_name=place.name,
                place_id=place.id,
                is_vpc=is_vpc,
                routers=ours,
                chosen=_chosen(request, ours, place.new_router_version),
                new_version=place.new_router_version if request.cleanup else "",
                refused=refused or words,
                owner=owner_of(run) if run is not None and not refused else None,
            )
        )
    return plans


def _routers(places: Sequence[Place]) -> Mapping[UUID, list[SystemVm]]:
    """By network or VPC."""
    found: dict[UUID, list[SystemVm]] = defaultdict(list)
    keys = [place.id for place in places]
    listed = SystemVm.objects.filter(gone_at=None, type__in=ROUTERS).select_related("cloud", "zone")
    for vm in listed.filter(Q(vpc__in=keys) | Q(vpc=None, network__in=keys)):
        group = group_of(vm)
        assert group is not None
        found[group].append(vm)
    return found


def _vpcs_with_tiers(places: Sequence[Place]) -> set[UUID]:
    vpcs = [place.id for place in places if isinstance(place, Vpc)]
    tiers = Network.objects.filter(vpc__in=vpcs, gone_at=None).values_list("vpc_id", flat=True)
    return {key for key in tiers if key is not None} if vpcs else set()


def _why_not(request: RestartRequest, place: Place, routers: Sequence[SystemVm], *, has_tiers: bool) -> str:
    """Why it cannot be restarted, whoever is at work; else empty."""
    if isinstance(place, Network) and place.state != "Implemented":
        return f"it is {place.state}: only an Implemented network has routers that serve it"
    if isinstance(place, Vpc) and not has_tiers:
        return "it has no tier yet: there is nothing that its router serves"
    if not routers:
        return "it has no router"
    is_pair = any(vm.redundant_state for vm in routers) or getattr(place, "is_redundant", False)
    if request.makes_redundant and is_pair:
        return "it is redundant already"
    halted = [vm for vm in routers if vm.state != "Running"]
    if halted and not request.cleanup:
        named = ", ".join(f"{vm.name} is {vm.state}" for vm in halted)
        return f"{named}: only a running router can have its rules applied again"
    return ""


def _chosen(request: RestartRequest, routers: Sequence[SystemVm], new_version: str) -> ChosenWay:
    if not request.cleanup:
        return ChosenWay(RestartWay.REAPPLY)
    facts = [RouterFacts(vm.name, vm.template_version, vm.redundant_state) for vm in routers]
    return way_of(facts, serial=request.serial, new_version=new_version)


def _in_the_way(
    places: Sequence[Place], routers: Mapping[UUID, Sequence[SystemVm]]
) -> Mapping[UUID, tuple[Run, str]]:
    """The run that has a router of the network, or its host, and what to say about it."""
    vms = [vm for listed in routers.values() for vm in listed]
    active = Target.objects.filter(is_open=True, run__state__in=RUN_ACTIVE).select_related("run")
    busy = active.filter(Q(system_vm__in=[vm.id for vm in vms]) | Q(group__in=[place.id for place in places]))
    place_of = {vm.id: place for place, listed in routers.items() for vm in listed}
    found: dict[UUID, tuple[Run, str]] = {}
    for target in busy.order_by("run__number"):
        group = target.group or place_of[target.system_vm_key]
        words = f"run {target.run.number} (started by {target.run.started_by}) already has {target.name}"
        found.setdefault(group, (target.run, words))
    at_work = hosts_at_work({vm.host_id for vm in vms if vm.host_id is not None})
    for vm in vms:
        if vm.host_id is not None and vm.host_id in at_work:
            run = at_work[vm.host_id]
            words = f"run {run.number} (started by {run.started_by}) works on the host of {vm.name}"
            found.setdefault(place_of[vm.id], (run, words))
    return found
