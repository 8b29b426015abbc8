"""The demo's system VMs under a test: short names, and machines that end with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from maintenance.backends.lab.models import SystemVm
from maintenance.backends.lab.system_vms import power
from maintenance.backends.lab.system_vms.folder import VmFolder, folder_of

SSVM, CPVM, ROUTER, BACKUP, INTERNAL_LB = "s-1-VM", "v-2-VM", "r-5-VM", "r-6-VM", "b-11-VM"


@contextmanager
def machines_end() -> Iterator[None]:
    """None runs afterwards."""
    try:
        yield
    finally:
        power.turn_all_off()


def vm_id(name: str) -> UUID:
    return SystemVm.objects.get(name=name).id


def disk(name: str) -> VmFolder:
    return folder_of(name)
