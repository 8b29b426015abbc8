"""Makes a system VM's disk as a template of some version has it, with what the VM was given when it was deployed."""

import hashlib
import io
import os
import secrets
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from maintenance.backends.lab.system_vms.builds import agent_zip, scripts_tgz
from maintenance.backends.lab.system_vms.folder import VmFolder, vms_dir
from maintenance.domain.system_vms import SERVICES, SystemVmType
from maintenance.patching import layout

BOOT_TYPES = {  # how the kernel's command line spells them
    SystemVmType.SECONDARY_STORAGE: "secstorage",
    SystemVmType.CONSOLE_PROXY: "consoleproxy",
    SystemVmType.ROUTER: "router",
    SystemVmType.INTERNAL_LB: "ilbvm",
}


@dataclass(frozen=True, slots=True)
class Deployed:
    """What a VM is made from. `rules`: lines of etc/cloudstack/rules; `breaking`: files of break/."""

    name: str
    type: SystemVmType
    version: str
    rules: tuple[str, ...] = ()
    breaking: Mapping[str, str] = field(default_factory=dict)


def install(deployed: Deployed) -> bool:
    """The VM has its disk; False when it had one before, which is left as it is. Raises: OSError."""
    vm = VmFolder(vms_dir() / deployed.name)
    if vm.root.exists():
        return False
    make_folder()
    unfinished = Path(tempfile.mkdtemp(prefix=f".{deployed.name}.", dir=vms_dir()))
    _fill(VmFolder(unfinished), deployed)
    try:
        unfinished.rename(vm.root)
    except OSError:  # somebody else has just made it
        shutil.rmtree(unfinished)
        if not vm.root.exists():
            raise
        return False
    return True


def make_folder() -> None:
    """VMs have a place. An installation's own folder that is gone is not made again. Raises: OSError."""
    for folder in (vms_dir().parent, vms_dir()):
        folder.mkdir(mode=0o755, exist_ok=True)


def _fill(vm: VmFolder, deployed: Deployed) -> None:
    unpack(layout.lay_out(vm.root, deployed.version), deployed.version)
    _keys(vm.root / layout.CONF, deployed.name)
    checksum = hashlib.md5(scripts_tgz(deployed.version), usedforsecurity=False).hexdigest()
    (vm.root / layout.SIGNATURE).write_text(f"{checksum}\n")
    vm.enabled_services.write_text("".join(f"{name}\n" for name in SERVICES[deployed.type]))
    vm.cmdline.write_text(f"template=domP type={BOOT_TYPES[deployed.type]} name={deployed.name}\n")
    vm.breaking.mkdir()
    for service, lines in deployed.breaking.items():
        (vm.breaking / service).write_text(lines)
    write_rules(vm, deployed.rules)


def unpack(release: Path, version: str) -> None:
    """The release has the files of this version. Raises: OSError."""
    _unpack_scripts(release / "scripts", scripts_tgz(version))
    _unpack_agent(release / "agent", agent_zip(version))


def write_rules(vm: VmFolder, lines: tuple[str, ...]) -> None:
    """The rules lie in the VM, whole; its services load them when they start, its kernel when it is told."""
    vm.rules.parent.mkdir(parents=True, exist_ok=True)
    unfinished = vm.rules.with_name(f".rules.{os.getpid()}")
    unfinished.write_text("".join(f"{line}\n" for line in lines))
    unfinished.replace(vm.rules)


def _unpack_agent(folder: Path, agent: bytes) -> None:
    """Of an archive that we have just made ourselves."""
    with zipfile.ZipFile(io.BytesIO(agent)) as archive:
        for entry in archive.infolist():
            _write(folder / entry.filename, archive.read(entry), entry.external_attr >> 16)


def _unpack_scripts(folder: Path, scripts: bytes) -> None:
    """The same."""
    with tarfile.open(fileobj=io.BytesIO(scripts)) as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None, "there are only files in it"
            _write(folder / member.name, file.read(), member.mode)


def _write(path: Path, text: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)
    path.chmod(mode & 0o777)


def _keys(conf: Path, name: str) -> None:
    """The VM's own, made now: no payload has them, no patch may change them."""
    conf.mkdir(parents=True, exist_ok=True)
    for file in ("cloud.jks", "cloud.key"):
        (conf / file).write_text(f"{file} of {name}: {secrets.token_hex(32)}\n")
        (conf / file).chmod(0o600)
    for file in ("cloud.crt", "cloud.ca.crt"):
        (conf / file).write_text(f"{file} of {name}: {secrets.token_hex(16)}\n")
    (conf / "agent.properties").write_text(f"guid={name}\nkeystore.file=cloud.jks\n")
