"""Asking for a probe now: an engine looks what a system VM runs, without waiting for its next turn."""

from uuid import UUID

from maintenance.actions.errors import NotFound
from maintenance.feed import unit_of_work
from maintenance.models import SystemVm


def ask_for_probe(vm_id: UUID, *, actor: str, request_id: str = "") -> SystemVm:
    """An engine probes it within seconds; a second call before that changes nothing. Raises: NotFound."""
    with unit_of_work(actor, request_id=request_id) as work:
        vm = SystemVm.objects.select_for_update(no_key=True).filter(id=vm_id, gone_at=None).first()
        if vm is None:
            raise NotFound(f"no system VM has the id {vm_id}")
        vm.looked_at = None
        vm.save(update_fields=["looked_at"])
        work.audit("system VM: probe asked for", {"system_vm": str(vm.id), "name": vm.name})
        work.wake_engine()
    return vm
