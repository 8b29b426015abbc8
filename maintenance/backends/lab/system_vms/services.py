"""A system VM's services, one by one, as its init sees to them: whether they run, starting, stopping, asking.

The machine (machine/) is the VM's init and the parent of its services, each a process of its own.
"""

from maintenance.backends.lab.system_vms import power
from maintenance.backends.lab.system_vms.asking import ask_service
from maintenance.backends.lab.system_vms.folder import VmFolder
from maintenance.patching import layout

START_TIMEOUT_S = 5.0


class ServiceFailed(Exception):
    """A service did not start; the text says which, and how it ended."""


def enabled(vm: VmFolder) -> tuple[str, ...]:
    """The services that its enabled_svcs names, in order."""
    return layout.enabled_services(vm.root)


def is_running(vm: VmFolder, service: str) -> bool:
    """Whether its process runs; not when the VM is off."""
    return service in power.running(vm)


def start(vm: VmFolder, service: str) -> None:
    """It runs and listens; nothing happens when it did. Raises: ServiceFailed, VmUnreachable (the VM is off)."""
    answer = power.order(vm, f"start {service}", timeout_s=START_TIMEOUT_S)
    if answer != "ok":
        raise ServiceFailed(f"{service} does not start: {answer}")


def stop(vm: VmFolder, service: str) -> None:
    """It does not run; nothing happens when it did not. Raises: VmUnreachable (the VM is off)."""
    power.order(vm, f"stop {service}")


def probe(vm: VmFolder, service: str) -> str | None:
    """The version that the service itself answers, asked on its port now; None when it does not answer."""
    return ask_service(vm, service)
