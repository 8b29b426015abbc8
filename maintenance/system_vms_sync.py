"""System VMs: how a probe becomes part of a row."""

from uuid import UUID

from maintenance.backends.system_vms import Probe
from maintenance.feed import UnitOfWork
from maintenance.fitting import fitting
from maintenance.models import SystemVm


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
    vm.probed_at = probe.at
    vm.save(update_fields=[*values, "probed_at"])
    if before:
        after = {name: values[name] for name in before}
        work.event(
            "system_vm.changed", {"system_vm": str(vm.id), "name": vm.name}, before=before, after=after
        )
