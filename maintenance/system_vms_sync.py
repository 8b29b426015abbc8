"""System VMs are probed now and then, a few a round: what is shown is what was found in them, and when."""

from datetime import timedelta
from uuid import UUID

from django.db.models import F, Q
from django.db.models.functions import Now

from maintenance.backends.base import CloudError
from maintenance.backends.registry import cloud_of_kind
from maintenance.backends.system_vms import Probe
from maintenance.clock import database_now
from maintenance.feed import ENGINE, UnitOfWork, unit_of_work
from maintenance.fitting import fitting
from maintenance.models import SystemVm

PROBE_EVERY = timedelta(seconds=60)
PROBES_A_ROUND = 10


def probe_due_vms() -> None:
    """Those that were looked at longest ago. Looked at by two engines at once they are looked at twice: no harm."""
    due = SystemVm.objects.filter(gone_at=None, state="Running").filter(
        Q(looked_at=None) | Q(looked_at__lt=Now() - PROBE_EVERY)
    )
    for vm in due.select_related("cloud").order_by(F("looked_at").asc(nulls_first=True))[:PROBES_A_ROUND]:
        probe_vm(vm)


def probe_vm(vm: SystemVm) -> None:
    """The row says what was found, or why nothing was."""
    try:
        probe = cloud_of_kind(vm.cloud.kind, vm.cloud_id).probe_system_vm(vm.id)
    except CloudError as reason:
        with unit_of_work(ENGINE) as work:
            _note_failure(work, vm.id, str(reason))
    else:
        with unit_of_work(ENGINE) as work:
            write_probe(work, vm.id, probe)


def _note_failure(work: UnitOfWork, vm_id: UUID, reason: str) -> None:
    """What was found before stays, with its time; that it could not be asked now is told."""
    vm = SystemVm.objects.select_for_update(no_key=True).filter(id=vm_id).first()
    if vm is None:
        return
    before = vm.probe_error
    vm.probe_error, vm.looked_at = reason, database_now()
    vm.save(update_fields=["probe_error", "looked_at"])
    if before != reason:
        about = {"system_vm": str(vm.id), "name": vm.name}
        work.event("system_vm.changed", about, before={"probe_error": before}, after={"probe_error": reason})


def write_probe(work: UnitOfWork, vm_id: UUID, probe: Probe) -> None:
    """The row says what was probed and when; told only when it says something else than before."""
    vm = SystemVm.objects.select_for_update(no_key=True).filter(id=vm_id).first()
    if vm is None or (vm.probed_at is not None and vm.probed_at > probe.at):
        return
    values = fitting(
        SystemVm,
        {
            "software_version": probe.software_version,
            "scripts_checksum": probe.scripts_checksum,
            "services": [
                {
                    "name": service.name,
                    "is_enabled": service.is_enabled,
                    "is_active": service.is_active,
                    "version": service.version,
                }
                for service in probe.services
            ],
            "probe_error": "",
        },
    )
    before = {name: getattr(vm, name) for name, value in values.items() if getattr(vm, name) != value}
    for name, value in values.items():
        setattr(vm, name, value)
    vm.probed_at = vm.looked_at = probe.at
    vm.save(update_fields=[*values, "probed_at", "looked_at"])
    if before:
        after = {name: values[name] for name in before}
        work.event(
            "system_vm.changed", {"system_vm": str(vm.id), "name": vm.name}, before=before, after=after
        )
