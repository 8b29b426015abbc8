"""A system VM's disk: a folder below var/lab/system-vms, laid out as maintenance/patching/layout.py says, and

etc/cloudstack/rules     public IPs and rules of a router, as they were applied last
run/                     the running machine: its lock, control socket, ports, log; not on the VM's disk
break/SERVICE            how that service misbehaves (breaking.py); not on the VM's disk either
break-next/SERVICE       how that of the router that takes its place will; copied into its break/
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from maintenance.backends.lab.folders import lab_dir
from maintenance.patching import layout


@dataclass(frozen=True, slots=True)
class VmFolder:
    """Paths of one VM. Nothing is made by asking."""

    root: Path

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def agent_version(self) -> Path:
        """What service `cloud` reads at its start."""
        return self.root / layout.AGENT_VERSION

    @property
    def scripts_version(self) -> Path:
        """What every other service reads at its start."""
        return self.root / layout.SCRIPTS_VERSION

    @property
    def rules(self) -> Path:
        return self.root / "etc" / "cloudstack" / "rules"

    @property
    def enabled_services(self) -> Path:
        """One name a line, in the order of starting."""
        return self.root / layout.ENABLED

    @property
    def cmdline(self) -> Path:
        return self.root / layout.CACHE / "cmdline"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def breaking(self) -> Path:
        return self.root / "break"

    @property
    def breaking_next(self) -> Path:
        return self.root / "break-next"


def vms_dir() -> Path:
    return lab_dir() / "system-vms"


def folder_of(name: str) -> VmFolder:
    return VmFolder(vms_dir() / name)


def all_folders() -> Iterator[VmFolder]:
    """Every VM that has one."""
    if vms_dir().is_dir():
        for path in sorted(vms_dir().iterdir()):
            if not path.name.startswith("."):  # one that is being made
                yield VmFolder(path)
