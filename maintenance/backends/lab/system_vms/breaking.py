"""Making a service of a system VM misbehave: break/SERVICE in its folder, one word a line, read at its start.

fail-start      it ends at once, with exit status 1; `fail-start VERSION`: unless this version is installed
die-after S     it ends S seconds after its start
dead            it is not started when the VM boots
lie VERSION     it answers with that version, whatever is installed

`of_next`: not this VM's service, but that of the router that takes its place (break-next/SERVICE).
"""

from pathlib import Path

from maintenance.backends.lab.system_vms import power, services
from maintenance.backends.lab.system_vms.folder import VmFolder
from maintenance.domain.system_vms import version_of


class NoSuchService(Exception):
    """The VM has no service of that name."""


class BadLie(Exception):
    """What a service is to answer has to look like a version."""


def fail_start(vm: VmFolder, service: str, *, with_any: bool = False, of_next: bool = False) -> None:
    """It runs as before, and starts with what is installed now; with another version its start fails. `with_any`:
    also with what is installed now, so that nobody can bring it back."""
    path = vm.agent_version if service == "cloud" else vm.scripts_version
    _add(vm, service, "fail-start" if with_any else f"fail-start {path.read_text().strip()}", of_next)


def die_after(vm: VmFolder, service: str, seconds: float, *, of_next: bool = False) -> None:
    """It runs as before; from its next start on it dies so long after it."""
    _add(vm, service, f"die-after {seconds:g}", of_next)


def dead(vm: VmFolder, service: str, *, of_next: bool = False) -> None:
    """It does not run, not after a boot either, until somebody starts it."""
    _add(vm, service, "dead", of_next)
    if not of_next:
        power.kill(vm, service)


def lie(vm: VmFolder, service: str, version: str = "", *, of_next: bool = False) -> str:
    """It answers with this version; by default with the one it runs now, also when another is installed. Started anew
    where it runs. Returns: the version. Raises: BadLie, ServiceFailed."""
    path = vm.agent_version if service == "cloud" else vm.scripts_version
    version = version or services.probe(vm, service) or path.read_text().strip()
    if not version_of(version):
        raise BadLie(f"{version!r} is no version, such as 4.21.0.0")
    _add(vm, service, f"lie {version}", of_next)
    if not of_next and services.is_running(vm, service):
        services.stop(vm, service)
        services.start(vm, service)
    return version


def mend(vm: VmFolder, service: str, *, of_next: bool = False) -> None:
    """From its next start on it behaves."""
    _known(vm, service)
    (_folder(vm, of_next) / service).unlink(missing_ok=True)


def broken(vm: VmFolder, *, of_next: bool = False) -> dict[str, list[str]]:
    """Service → how it is to misbehave."""
    folder = _folder(vm, of_next)
    if not folder.is_dir():
        return {}
    return {path.name: path.read_text().splitlines() for path in sorted(folder.iterdir())}


def _add(vm: VmFolder, service: str, line: str, of_next: bool) -> None:
    """In place of another line of the same word."""
    _known(vm, service)
    word = line.partition(" ")[0]
    known = broken(vm, of_next=of_next).get(service, [])
    kept = [text for text in known if text.partition(" ")[0] != word]
    folder = _folder(vm, of_next)
    folder.mkdir(exist_ok=True)
    (folder / service).write_text("".join(f"{text}\n" for text in [*kept, line]))


def _folder(vm: VmFolder, of_next: bool) -> Path:
    return vm.breaking_next if of_next else vm.breaking


def _known(vm: VmFolder, service: str) -> None:
    names = services.enabled(vm)
    if service not in names:
        raise NoSuchService(f"{vm.name} has no service {service!r}; it has {', '.join(names)}")
