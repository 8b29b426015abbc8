"""What was probed in a VM, written where pages show it: the version shown is the one probed, with its time."""

from maintenance.backends.system_vms import Probe
from maintenance.engine.claim import check_claim
from maintenance.engine.failpoints import failpoint
from maintenance.engine.hands import Hands
from maintenance.feed import ENGINE, unit_of_work
from maintenance.system_vms_sync import write_probe


def note_probe(hands: Hands, probe: Probe) -> None:
    """Raises: LostLease; then nothing was written."""
    with unit_of_work(ENGINE) as work:
        check_claim(hands.claim)
        write_probe(work, hands.system_vm_id, probe)
    failpoint(f"{hands.claim.stage}.probed", hands.target.name)
