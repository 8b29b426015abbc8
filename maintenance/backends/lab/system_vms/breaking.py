"""Making a service of a system VM misbehave: break/SERVICE in its folder, one word a line, read at its start.

fail-start      it ends at once, with exit status 1; `fail-start VERSION`: unless this version is installed
die-after S     it ends S seconds after its start
dead            it is not started when the VM boots
lie VERSION     it answers with that version, whatever is installed
"""

from maintenance.backends.lab.system_vms import power, services
from maintenance.backends.lab.system_vms.folder import VmFolder
from maintenance.domain.system_vms import version_of


class NoSuchService(Exception):
    """The VM has no service of that name."""


class BadLie(Exception):
    """What a service is to answer has to look like a version."""


def fail_start(vm: VmFolder, service: str, *, with_any: bool = False) -> None:
    """It runs as before, and starts with what is installed now; with another version its start fails. `with_any`:
    also with what is installed now, so that nobody can bring it back."""
    path = vm.agent_version if service == "cloud" else vm.scripts_version
    _add(vm, service, "fail-start" if with_any else f"fail-start {path.read_text().strip()}")


def die_after(vm: VmFolder, service: str, seconds: float) -> None:
    """It runs as before; from its next start on it dies so long after it."""
    _add(vm, service, f"die-after {seconds:g}")


def dead(vm: VmFolder, service: str) -> None:
    """It does not run, not after a boot either, until somebody starts it."""
    _add(vm, service, "dead")
    power.kill(vm, service)


def lie(vm: VmFolder, service: str, version: str = "") -> str:
    """It answers with this version; by default with the one it runs now, also when another is installed. Started anew
    where it runs. Returns: the version. Raises: BadLie, ServiceFailed."""
    path = vm.agent_version if service == "cloud" else vm.scripts_version
    version = version or services.probe(vm, service) or path.read_text().strip()
    if not version_of(version):
        raise BadLie(f"{version!r} is no version, such as 4.21.0.0")
    _add(vm, service, f"lie {version}")
    if services.is_running(vm, service):
        services.stop(vm, service)
        services.start(vm, service)
    return version


def mend(vm: VmFolder, service: str) -> None:
    """From its next start on it behaves."""
    _known(vm, service)
    (vm.breaking / service).unlink(missing_ok=True)


def broken(vm: VmFolder) -> dict[str, list[str]]:
    """Service → how it is to misbehave."""
    if not vm.breaking.is_dir():
        return {}
    return {path.name: path.read_text().splitlines() for path in sorted(vm.breaking.iterdir())}


def _add(vm: VmFolder, service: str, line: str) -> None:
    """In place of another line of the same word."""
    _known(vm, service)
    word = line.partition(" ")[0]
    kept = [known for known in broken(vm).get(service, []) if known.partition(" ")[0] != word]
    vm.breaking.mkdir(exist_ok=True)
    (vm.breaking / service).write_text("".join(f"{text}\n" for text in [*kept, line]))


def _known(vm: VmFolder, service: str) -> None:
    names = services.enabled(vm)
    if service not in names:
        raise NoSuchService(f"{vm.name} has no service {service!r}; it has {', '.join(names)}")
