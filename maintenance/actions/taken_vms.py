"""System VMs that other runs have already: a second click joins, a fleet leaves them out, anybody else waits."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from maintenance.actions.errors import Conflict
from maintenance.actions.run_numbers import owner_of
from maintenance.clock import database_now
from maintenance.domain.states import RUN_ACTIVE, RunKind, RunState
from maintenance.domain.system_vms import ROUTERS
from maintenance.models import Run, SystemVm, Target


def group_of(vm: SystemVm) -> UUID | None:
    """Routers of one network or VPC are done one after the other."""
    return (vm.vpc_id or vm.network_id) if vm.type in ROUTERS else None


def taken_of(vms: Sequence[SystemVm]) -> list[Target]:
    """What active runs have of them. A restart has all of its network: its routers come and go."""
    groups = {group for vm in vms if (group := group_of(vm)) is not None}
    active = Target.objects.filter(is_open=True, run__state__in=RUN_ACTIVE).select_related("run")
    restarts = Q(group__in=groups, run__kind=RunKind.ROUTER_RESTART)
    asked = Q(system_vm__in=[vm.id for vm in vms]) | restarts
    return list(active.filter(asked).order_by("run__number", "order"))


def joined_patch(
    vms: Sequence[SystemVm], taken: Sequence[Target], *, not_before: datetime | None
) -> Run | None:
    """The active patch that has all of these already. Raises: Conflict when it has some, when a restart does, or when
    it waits for another time than is asked for: whoever wants it now does not get it tonight."""
    if not taken:
        return None
    run = next((t.run for t in taken if t.run.kind != RunKind.LIVE_PATCH), taken[0].run)
    has_all = {target.system_vm_id for target in taken} >= {vm.id for vm in vms}
    is_one_patch = len({t.run_id for t in taken}) == 1 and run.kind == RunKind.LIVE_PATCH
    if has_all and is_one_patch and not (_waits(run) and run.not_before != not_before):
        return run
    names = ", ".join(sorted(target.name for target in taken)[:5])
    if _waits(run):
        raise Conflict(
            f"{_chosen(run)} for {names}: run {run.number}; cancel that one first, or leave it to it",
            owner=owner_of(run),
        )
    raise Conflict(
        f"run {run.number} (started by {run.started_by}) already has {names}; wait for it, or leave them out",
        owner=owner_of(run),
    )


def joined_fleet(taken: Sequence[Target]) -> Run | None:
    """Where nothing is left to do: the fleet's patch that does it. One network's own patch is nobody's to join."""
    runs = {target.run_id: target.run for target in taken}
    fleets = [run for run in runs.values() if run.kind == RunKind.LIVE_PATCH and run.scope_kind != "networks"]
    return fleets[0] if len(runs) == 1 and fleets else None


def left_out(vms: Sequence[SystemVm], taken: Sequence[Target]) -> Mapping[UUID, str]:
    """Why a fleet passes these by: a time that somebody chose for their network is kept, and so is what has begun."""
    by_vm = {target.system_vm_id: target.run for target in taken}
    by_group = {t.group: t.run for t in taken if t.run.kind == RunKind.ROUTER_RESTART and t.group is not None}
    found: dict[UUID, str] = {}
    for vm in vms:
        group = group_of(vm)
        run = by_vm.get(vm.id) or (by_group.get(group) if group is not None else None)
        if run is None:
            continue
        if run.kind == RunKind.ROUTER_RESTART:
            found[vm.id] = f"run {run.number} restarts the routers of its network"
        elif _waits(run):
            found[vm.id] = f"{_chosen(run)} for it: run {run.number} patches it then"
        else:
            found[vm.id] = f"run {run.number} (started by {run.started_by}) has it already"
    return found


def _waits(run: Run) -> bool:
    """For a time that somebody chose."""
    return run.state == RunState.QUEUED and run.not_before is not None and run.not_before > database_now()


def _chosen(run: Run) -> str:
    return f"{run.started_by} chose {run.not_before:%Y-%m-%d %H:%M} UTC"
