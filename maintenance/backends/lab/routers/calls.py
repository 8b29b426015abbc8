"""Calls that replace routers, as the lab's cloud offers them. Each passes the lab's edge, where faults may be set."""

from collections.abc import Callable
from uuid import UUID

from maintenance.backends.base import Later
from maintenance.backends.lab.routers import going_back, making_redundant, replacing
from maintenance.backends.lab.system_vms.calls import SystemVmCalls
from maintenance.backends.lab.world import World
from maintenance.backends.routers import Replacement
from maintenance.backends.system_vms import Probe


class RouterCalls(SystemVmCalls):
    """Of LabCloud."""

    def stop_router(self, vm_id: UUID, *, ticket: UUID) -> None:
        self._ask_router("stop_router", lambda world: replacing.stop_router(world, vm_id, ticket))

    def start_replacement(self, vm_id: UUID, *, ticket: UUID) -> Replacement:
        return self._ask_router(
            "start_replacement", lambda world: replacing.start_replacement(world, vm_id, ticket)
        )

    def switch_traffic(self, vm_id: UUID, *, ticket: UUID, negotiated: bool = False) -> None:
        self._ask_router(
            "switch_traffic",
            lambda world: replacing.switch_traffic(world, vm_id, ticket, negotiated=negotiated),
        )

    def verify_replacement(self, vm_id: UUID, *, ticket: UUID) -> Probe:
        return self._ask_router(
            "verify_replacement", lambda world: replacing.verify_replacement(world, vm_id, ticket)
        )

    def destroy_old(self, vm_id: UUID, *, ticket: UUID) -> None:
        self._ask_router("destroy_old", lambda world: replacing.destroy_old(world, vm_id, ticket))

    def switch_back(self, vm_id: UUID, *, ticket: UUID) -> Probe:
        return self._ask_router("switch_back", lambda world: going_back.switch_back(world, vm_id, ticket))

    def add_backup(self, vm_id: UUID, *, ticket: UUID) -> Replacement:
        return self._ask_router("add_backup", lambda world: making_redundant.add_backup(world, vm_id, ticket))

    def reapply_network_rules(self, vm_id: UUID) -> Probe:
        return self._ask_router(
            "reapply_network_rules", lambda world: making_redundant.reapply_network_rules(world, vm_id)
        )

    def _ask_router[T](self, call: str, deliver: Callable[[World], T]) -> T:
        """What the lab's own disk refuses now may be done later: nothing is lost by asking again."""

        def on_its_disk(world: World) -> T:
            try:
                return deliver(world)
            except OSError as problem:
                raise Later(f"{call}: {problem}") from problem

        return self._call(call, None, on_its_disk)
