"""A router's rules: applied in it again, and tried from outside, one by one."""

from maintenance.backends.lab.system_vms import power, services
from maintenance.backends.lab.system_vms.asking import KERNEL, ask
from maintenance.backends.lab.system_vms.folder import VmFolder
from maintenance.backends.lab.system_vms.install import write_rules

BALANCED_BY = "haproxy"


def apply_rules(vm: VmFolder, lines: tuple[str, ...]) -> None:
    """The VM serves these. The load balancer is started anew only where its part has changed, and it runs.
    Raises: ServiceFailed, VmUnreachable."""
    before = _balanced(_applied(vm))
    write_rules(vm, lines)
    power.order(vm, "load-rules")
    if before != _balanced(lines) and services.is_running(vm, BALANCED_BY):
        services.stop(vm, BALANCED_BY)
        services.start(vm, BALANCED_BY)


def answering(vm: VmFolder, lines: tuple[str, ...]) -> int:
    """How many of these rules and public IPs the VM serves now, as they are meant."""
    return len(which_answer(vm, lines))


def which_answer(vm: VmFolder, lines: tuple[str, ...]) -> tuple[str, ...]:
    """Those of these rules and public IPs that the VM serves now, as they are meant."""
    return tuple(line for line in lines if _answers(vm, line))


def served_by(line: str) -> str:
    """The service that serves the rule, or the VM's kernel."""
    return BALANCED_BY if line.startswith("balance ") else KERNEL


def _answers(vm: VmFolder, line: str) -> bool:
    kind, at, *behind = line.split(" ", 2)
    answer = ask(vm, served_by(line), f"/{kind}/{at}")
    return answer is not None and (not behind or answer == behind[0])


def _applied(vm: VmFolder) -> tuple[str, ...]:
    try:
        return tuple(vm.rules.read_text().splitlines())
    except FileNotFoundError:
        return ()


def _balanced(lines: tuple[str, ...]) -> list[str]:
    return sorted(line for line in lines if served_by(line) == BALANCED_BY)
