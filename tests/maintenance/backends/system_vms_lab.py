"""The demo's system VMs under a test: short names, and machines that end with it."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from maintenance.backends.lab.models import SystemVm
from maintenance.backends.lab.system_vms import power
from maintenance.backends.lab.system_vms.folder import VmFolder, folder_of
from maintenance.hooks.detached.children import all_processes, read

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


def machines_of(vm: VmFolder) -> set[int]:
    """Numbers of the processes that run as this VM: its init and its services."""
    wanted = f"\0{vm.root}\0".encode()
    return {
        process.pid
        for process in all_processes()
        if not process.is_ended and wanted in read(b"/proc/%d/cmdline" % process.pid)
    }
