"""Calls about system VMs, as the lab's cloud offers them. Each passes the lab's edge, where faults may be set."""

from collections.abc import Callable
from uuid import UUID

from maintenance.backends.lab.system_vms import probing
from maintenance.backends.lab.system_vms.steps import steps_of
from maintenance.backends.lab.world import World
from maintenance.backends.system_vms import Backup, PayloadFiles, Probe, ProbePoint, ServiceRead


class SystemVmCalls:
    """Of LabCloud."""

    def _call[T](
        self,
        call: str,
        host_id: UUID | None,
        deliver: Callable[[World], T],
        later: Callable[[World, float], None] | None = None,
        *,
        not_through: UUID | None = None,
        through_none: bool = False,
    ) -> T:
        raise NotImplementedError

    def probe_system_vm(self, vm_id: UUID) -> Probe:
        return self._call("probe_system_vm", None, lambda world: probing.probe_system_vm(world, vm_id))

    def probe_points(self, vm_id: UUID) -> tuple[ProbePoint, ...]:
        return self._call("probe_system_vm", None, lambda world: probing.probe_points(world, vm_id))

    def copy_payload(self, vm_id: UUID, payload: PayloadFiles, *, ticket: UUID, forced: bool = False) -> None:
        self._call(
            "copy_payload",
            None,
            lambda world: steps_of(world, vm_id).copy_payload(payload, ticket=ticket, forced=forced),
        )

    def back_up(self, vm_id: UUID, *, ticket: UUID) -> Backup:
        return self._call("back_up", None, lambda world: steps_of(world, vm_id).back_up(ticket=ticket))

    def apply_payload(self, vm_id: UUID, *, ticket: UUID) -> None:
        self._call("apply_payload", None, lambda world: steps_of(world, vm_id).apply_payload(ticket=ticket))

    def restart_services(self, vm_id: UUID, *, ticket: UUID) -> tuple[ServiceRead, ...]:
        return self._call(
            "restart_services", None, lambda world: steps_of(world, vm_id).restart_services(ticket=ticket)
        )

    def verify_patch(self, vm_id: UUID, *, ticket: UUID) -> Probe:
        return self._call(
            "verify_patch", None, lambda world: steps_of(world, vm_id).verify_patch(ticket=ticket)
        )

    def reapply_rules(self, vm_id: UUID, *, ticket: UUID) -> Probe:
        return self._call(
            "reapply_rules", None, lambda world: steps_of(world, vm_id).reapply_rules(ticket=ticket)
        )

    def roll_back(self, vm_id: UUID, *, ticket: UUID) -> Probe:
        return self._call("roll_back", None, lambda world: steps_of(world, vm_id).roll_back(ticket=ticket))

    def discard_backup(self, vm_id: UUID, *, ticket: UUID) -> None:
        self._call("discard_backup", None, lambda world: steps_of(world, vm_id).discard_backup(ticket=ticket))
