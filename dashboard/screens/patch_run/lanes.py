"""Each VM of a live patch, or each router that is restarted, on its way: its steps, what takes its place, its services,
what was measured."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Case, IntegerField, Value, When
from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.screens.actions import Action
from dashboard.screens.marks import Mark
from dashboard.screens.patch_run.actions import vm_actions
from dashboard.screens.patch_run.downtime import Measured, measured_by_vm
from dashboard.screens.patch_run.stops import PatchStop, replacement, stops
from dashboard.screens.patch_run.warnings import if_it_fails, trouble
from dashboard.screens.runs.lane import newest_steps_of
from dashboard.screens.runs.name import target_url
from dashboard.screens.system_vms.words import outcome_mark, serves
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import TARGET_BEGUN, Stage, StepState, TargetState
from maintenance.domain.system_vms import PatchOutcome
from maintenance.models import Run, Step, SystemVm, Target

FEW = 12  # so many are all drawn with their steps
LANES_MAX = 24
_TROUBLE = (TargetState.NEEDS_PERSON, TargetState.FAILED)


@dataclass(frozen=True, slots=True)
class ServiceNow:
    name: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class PatchLane:
    """`backup`: where a person finds what was saved; told while it matters. `becomes`: the router that takes its place,
    with its page, once a cloud lists it."""

    target: UUID
    name: str
    url: str
    becomes: str
    becomes_url: str
    serves: str
    mark: Mark
    stops: Sequence[PatchStop]
    services: Sequence[ServiceNow]
    probed_at: datetime | None
    version: str
    measured: Sequence[Measured]
    if_it_fails: str
    note: str
    detail: str
    trouble: str
    backup: str
    attempt: str
    actions: Sequence[Action]
    is_open: bool


@dataclass(frozen=True, slots=True)
class PatchLanes:
    """`is_cut`: the others stand in the table of all of them."""

    shown: Sequence[PatchLane]
    total: int
    is_cut: bool


def patch_lanes(run: Run, role: str) -> PatchLanes:
    """All of a few; of many those at work and those in trouble. The number of queries does not depend on how many."""
    total = run.targets.count()
    if total <= FEW:
        shown = list(run.targets.order_by("order"))
    else:
        order = Case(
            When(state=TargetState.NEEDS_PERSON, then=Value(0)),
            When(state__in=TARGET_BEGUN, then=Value(1)),
            default=Value(2),
            output_field=IntegerField(),
        )
        wanted = run.targets.filter(state__in=[*TARGET_BEGUN, *_TROUBLE])
        shown = list(wanted.annotate(urgency=order).order_by("urgency", "order")[:LANES_MAX])
    steps = newest_steps_of(shown)
    known = _Known(_vms(shown, steps), measured_by_vm(run.id))
    lanes = [_lane(run, target, steps.get(target.id, {}), known, role) for target in shown]
    return PatchLanes(lanes, total, total > len(shown))


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read for all of them at once: VMs, and what was measured, by VM."""

    vms: Mapping[UUID, SystemVm]
    measured: Mapping[UUID, Sequence[Measured]]


def _vms(targets: Iterable[Target], steps: Mapping[UUID, Mapping[str, Step]]) -> dict[UUID, SystemVm]:
    """These, and what takes their places."""
    ids = {target.system_vm_key for target in targets}
    for of_target in steps.values():
        new = replacement(of_target.get(Stage.ROUTER_START))
        if new is not None and new.id:
            ids.add(UUID(new.id))
    return SystemVm.objects.select_related("network", "vpc").in_bulk(list(ids))


def _lane(run: Run, target: Target, steps: Mapping[str, Step], known: _Known, role: str) -> PatchLane:
    current = next((step for step in steps.values() if step.state != StepState.ENDED), None)
    vm, new = known.vms.get(target.system_vm_key), replacement(steps.get(Stage.ROUTER_START))
    new_vm = known.vms.get(UUID(new.id)) if new is not None and new.id else None
    serving = new_vm if new_vm is not None and _has_switched(target, steps) else vm
    is_open = target.state in TARGET_BEGUN
    is_in_trouble = target.state in _TROUBLE
    return PatchLane(
        target=target.id,
        name=target.name,
        url=target_url(target),
        becomes=new.name if new else "",
        becomes_url=reverse("system-vm", args=[new_vm.id]) if new_vm and new_vm.gone_at is None else "",
        serves=serves(vm) if vm else "",
        mark=outcome_mark(target),
        stops=stops(run, target, steps),
        services=_services(serving) if serving and (is_open or is_in_trouble) else [],
        probed_at=serving.probed_at if serving else None,
        version=serving.software_version if serving else "",
        measured=known.measured.get(target.system_vm_key, []),
        if_it_fails=if_it_fails(target, current) if is_open else "",
        note=current.note if current else "",
        detail=target.detail,
        trouble=trouble(run, target),
        backup=_backup(steps) if is_in_trouble and target.result != PatchOutcome.NOTHING_CHANGED else "",
        attempt=_("attempt %(n)s") % {"n": target.attempt} if target.attempt > 1 else "",
        actions=vm_actions(run, target, role),
        is_open=is_open or is_in_trouble,
    )


def _has_switched(target: Target, steps: Mapping[str, Step]) -> bool:
    """Whether the new router serves, as far as this run knows."""
    switched = steps.get(Stage.ROUTER_SWITCH)
    is_switched = (
        switched is not None and switched.state == StepState.ENDED and switched.outcome == Outcome.OK
    )
    return is_switched and Stage.ROUTER_SWITCH_BACK not in {*steps, target.next_stage}


# ---- what else is told ----------------------------------------------------------------------------------------------


def _services(vm: SystemVm) -> list[ServiceNow]:
    """As last probed."""
    return [_service(told) for told in vm.services if told.get("is_enabled")]


def _service(told: Mapping[str, object]) -> ServiceNow:
    name, version = str(told.get("name", "")), str(told.get("version") or "")
    if told.get("is_active") and version:
        return ServiceNow(name, Mark("Done", _("answers %(version)s") % {"version": version}, "done"))
    if told.get("is_active"):
        return ServiceNow(name, Mark("Unknown", _("runs, tells no version"), "unknown"))
    return ServiceNow(name, Mark("Failed", _("does not run"), "failed"))


def _backup(steps: Mapping[str, Step]) -> str:
    step = steps.get(Stage.PATCH_BACK_UP)
    return str(step.movement.get("backup") or "") if step is not None and step.movement else ""
