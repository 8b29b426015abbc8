"""What Pitstop asks of a cloud to replace a router: a new one is started beside it, then traffic is switched.

By ticket, as a live patch (system_vms.py): the same ticket goes on where it was after any crash, and never does a step
twice. `vm_id` is always the router that is replaced; what takes its place is known to the ticket.
"""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from maintenance.backends.system_vms import Probe


@dataclass(frozen=True, slots=True)
class Replacement:
    """The router that takes the place. `version`: of its image and its host's payload, as it says itself."""

    id: UUID
    name: str
    version: str


class RouterRestarting(Protocol):
    """Every call ends within seconds, is made outside our transactions, and may be made again with the same ticket."""

    def stop_router(self, vm_id: UUID, *, ticket: UUID) -> None:
        """Serial only: it is stopped and serves nothing; its disk and rules are kept until the ticket ends.
        Raises: StepFailed, VmUnreachable, Later, NoReply."""

    def start_replacement(self, vm_id: UUID, *, ticket: UUID) -> Replacement:
        """A new router of the zone's image and its host's payload runs beside the old one: it has checked in, its
        services answer, its rules are loaded; nobody's traffic goes to it. The old one serves as before.
        Raises: Later (it boots; the text says for how long), StepFailed (it does not come up, or has died), NoReply."""

    def switch_traffic(self, vm_id: UUID, *, ticket: UUID, negotiated: bool = False) -> None:
        """Traffic goes to the new router: the old one is stopped, the neighbours' ARP is updated. `negotiated`: of a
        pair whose versions fit: its two sides hand over by themselves before the old one is stopped.
        Raises: StepFailed, VmUnreachable, Later, NoReply."""

    def verify_replacement(self, vm_id: UUID, *, ticket: UUID) -> Probe:
        """Asked now from outside: every service of the new router runs, all rules and public IPs answer.
        Raises: StepFailed naming what does not, VmUnreachable, Later, NoReply."""

    def destroy_old(self, vm_id: UUID, *, ticket: UUID) -> None:
        """After a verified success: the old router is gone, and the ticket with it. Raises: Later, NoReply."""

    def switch_back(self, vm_id: UUID, *, ticket: UUID) -> Probe:
        """The old router runs and serves again, all its rules answer that did; the new one is gone.
        Raises: NotRestored (the text has the commands for a person), VmUnreachable, Later, NoReply."""

    def add_backup(self, vm_id: UUID, *, ticket: UUID) -> Replacement:
        """The network becomes redundant: a second router runs beside the one that replaced `vm_id`, as BACKUP.
        Call before `destroy_old`. Raises: Later (it boots), StepFailed (the network is as before), NoReply."""

    def reapply_network_rules(self, vm_id: UUID) -> Probe:
        """Restart without cleanup: nothing is stopped; rules and public IPs are applied again, and answer.
        Raises: StepFailed, VmUnreachable, Later, NoReply."""
