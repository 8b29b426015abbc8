"""Calls about system VMs, as the lab's cloud offers them. Each passes the lab's edge, where faults may be set."""

from collections.abc import Callable
from uuid import UUID

from maintenance.backends.lab.system_vms import probing
from maintenance.backends.lab.world import World
from maintenance.backends.system_vms import Probe


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
