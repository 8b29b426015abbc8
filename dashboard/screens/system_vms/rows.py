"""One row a system VM: what it is, what was probed in it and when, and what can be said of an update."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from dashboard.screens.actions import too_low
from dashboard.screens.marks import NEEDS_PERSON, Mark, moving
from dashboard.screens.patch_run.words import steps_done
from dashboard.screens.runs.lane import newest_steps_of
from dashboard.screens.system_vms.asked import PATCH_CAUSES
from dashboard.screens.system_vms.reasons import reason_of
from dashboard.screens.system_vms.words import (
    outcome_mark,
    owner,
    restart_url,
    restarts,
    serves,
    update_mark,
)
from dashboard.screens.words import figure
from maintenance.domain.states import RUN_ACTIVE, TARGET_BEGUN, RunKind
from maintenance.domain.system_vms import Update, UpdateState
from maintenance.models import Attention, Step, SystemVm, Target
from maintenance.updates import updates_of


@dataclass(frozen=True, slots=True)
class RowAction:
    """`url`: a page, or where a press is sent; `why_not`: why there is nothing to press."""

    label: str
    url: str
    is_link: bool
    why_not: str = ""


@dataclass(frozen=True, slots=True)
class VmRow:
    id: UUID
    name: str
    url: str
    serves: str
    zone: str
    zone_url: str
    owner: str
    host: str
    host_url: str
    state: str
    version: str
    next_version: str
    probed_at: datetime | None
    probe_error: str
    answering: str
    mark: Mark
    says: str
    can_be_chosen: bool
    action: RowAction | None


def vm_rows(ids: Sequence[UUID], role: str) -> list[VmRow]:
    """In this order. The number of queries does not depend on how many they are."""
    found = SystemVm.objects.select_related("cloud", "zone", "host", "network", "vpc").in_bulk(list(ids))
    vms = [found[key] for key in ids if key in found]
    updates = updates_of(vms)
    targets = _at_work(vms)
    steps = newest_steps_of(targets.values())
    troubles = _troubles(vms)
    return [
        _row(
            vm,
            updates[vm.id],
            targets.get(vm.id),
            steps.get(targets[vm.id].id, {}) if vm.id in targets else {},
            troubles.get(vm.id),
            role,
        )
        for vm in vms
    ]


def vm_row(vm_id: UUID, role: str) -> VmRow | None:
    """One row alone, as it is pushed; None: no cloud lists it any more."""
    is_listed = SystemVm.objects.filter(id=vm_id, gone_at=None).exists()
    return vm_rows([vm_id], role)[0] if is_listed else None


def _at_work(vms: Sequence[SystemVm]) -> dict[UUID, Target]:
    """The open target of each, in a run that goes on."""
    open_ones = Target.objects.filter(system_vm__in=vms, is_open=True, run__state__in=RUN_ACTIVE)
    return {target.system_vm_key: target for target in open_ones.select_related("run")}


def _troubles(vms: Sequence[SystemVm]) -> dict[UUID, Attention]:
    """The newest open one of each."""
    open_ones = Attention.objects.filter(system_vm__in=vms, resolved_at=None, cause__in=PATCH_CAUSES)
    return {one.system_vm_id: one for one in open_ones.select_related("target__run").order_by("since")}  # type: ignore[misc]


def answering(vm: SystemVm) -> str:
    """all 3 answer · 2 of 3 answer; empty where nothing was probed."""
    enabled = [service for service in vm.services if service.get("is_enabled")]
    active = sum(bool(service.get("is_active")) for service in enabled)
    if not enabled or vm.probed_at is None:
        return ""
    if active == len(enabled):
        return _("its service answers") if active == 1 else _("all %(n)s answer") % {"n": figure(active)}
    return _("%(n)s of %(all)s answer") % {"n": figure(active), "all": figure(len(enabled))}


def _row(
    vm: SystemVm,
    update: Update,
    target: Target | None,
    steps: Mapping[str, Step],
    trouble: Attention | None,
    role: str,
) -> VmRow:
    drawn, says, action = _told(vm, update, target, steps, trouble, role)
    return VmRow(
        id=vm.id,
        name=vm.name,
        url=reverse("system-vm", args=[vm.id]),
        serves=serves(vm),
        zone=vm.zone.name,
        zone_url=reverse("zone", args=[vm.zone_id]),
        owner=owner(vm),
        host=vm.host.name if vm.host else "",
        host_url=reverse("host", args=[vm.host_id]) if vm.host else "",
        state=vm.state,
        version=vm.software_version if vm.probed_at else "",
        next_version=update.version if update.state in {UpdateState.AVAILABLE, UpdateState.WAITS} else "",
        probed_at=vm.probed_at,
        probe_error=vm.probe_error,
        answering=answering(vm),
        mark=drawn,
        says=says,
        can_be_chosen=update.possible,
        action=action,
    )


def _told(
    vm: SystemVm,
    update: Update,
    target: Target | None,
    steps: Mapping[str, Step],
    trouble: Attention | None,
    role: str,
) -> tuple[Mark, str, RowAction | None]:
    """What is being done comes first, then what needs a person, then what could be done."""
    if target is not None and target.state in TARGET_BEGUN:
        done, all_of_them = steps_done(target, steps)
        at = {"n": figure(done), "all": figure(all_of_them)}
        words = _("Patching, %(n)s of %(all)s")
        if target.run.kind == RunKind.ROUTER_RESTART:
            words = _("Restarting, %(n)s of %(all)s")
        return moving(words % at), target.detail, _run_of(target)
    if trouble is not None:
        drawn = outcome_mark(trouble.target) if trouble.target else NEEDS_PERSON
        why = RowAction(_("Read why"), reverse("need", args=[trouble.id]), is_link=True)
        return drawn, trouble.message, why
    if target is not None:
        says = target.detail or _("in run %(number)s") % {"number": target.run.number}
        return outcome_mark(target), says, _run_of(target)
    patch = RowAction(_("Live patch"), reverse("system-vm-patch", args=[vm.id]), is_link=False)
    if update.possible:
        refused = too_low(role)
        says = "; ".join(part for part in (restarts(update), reason_of(update)) if part)
        return update_mark(update), says, RowAction(patch.label, patch.url, False, refused)
    if update.state is UpdateState.CURRENT:
        return update_mark(update), "", None
    says = reason_of(update)
    if update.state is UpdateState.NEEDS_UPGRADE and not too_low(role) and (restart := restart_url(vm)):
        return update_mark(update), says, RowAction(_("Restart…"), restart, True)
    return update_mark(update), says, RowAction(patch.label, patch.url, False, says)


def _run_of(target: Target) -> RowAction:
    label = _("Run %(number)s") % {"number": target.run.number}
    return RowAction(label, reverse("run", args=[target.run_id]), is_link=True)
