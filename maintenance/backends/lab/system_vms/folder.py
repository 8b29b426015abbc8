"""A system VM's disk: a folder below var/lab/system-vms, laid out as the VM's own root.

opt/cloud/agent/              what agent.zip holds (SSVM and CPVM only), with VERSION
opt/cloud/agent/conf/         certificates and keystore: no part of any payload, to be kept
opt/cloud/scripts/            among what cloud-scripts.tgz unpacks over the root, with VERSION
etc/cloudstack/rules          public IPs and rules of a router, as they were applied last
var/cache/cloud/              cloud-scripts-signature, enabled_svcs, cmdline; a patch's payload and backup
run/                          the running machine: its lock, control socket, ports, log; empty when it is off
break/SERVICE                 how that service misbehaves (breaking.py); not on the VM's disk as the VM sees it
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from maintenance.backends.lab.folders import lab_dir

OUTSIDE = frozenset({"run", "break"})  # not on the VM's disk: never saved, never patched
VERSION = "VERSION"


@dataclass(frozen=True, slots=True)
class VmFolder:
    """Paths of one VM. Nothing is made by asking."""

    root: Path

    @property
    def name(self) -> str:
        return self.root.name

    @property
    def opt_cloud(self) -> Path:
        return self.root / "opt" / "cloud"

    @property
    def agent(self) -> Path:
        """agent.zip is unpacked here."""
        return self.opt_cloud / "agent"

    @property
    def conf(self) -> Path:
        """cloud.jks, cloud.crt, cloud.ca.crt, cloud.key."""
        return self.agent / "conf"

    @property
    def agent_version(self) -> Path:
        """What service `cloud` reads at its start."""
        return self.agent / VERSION

    @property
    def scripts_version(self) -> Path:
        """What every other service reads at its start."""
        return self.opt_cloud / "scripts" / VERSION

    @property
    def rules(self) -> Path:
        return self.root / "etc" / "cloudstack" / "rules"

    @property
    def cache(self) -> Path:
        return self.root / "var" / "cache" / "cloud"

    @property
    def signature(self) -> Path:
        """md5 of the cloud-scripts.tgz that was installed and verified last."""
        return self.cache / "cloud-scripts-signature"

    @property
    def enabled_services(self) -> Path:
        """One name a line, in the order of starting."""
        return self.cache / "enabled_svcs"

    @property
    def cmdline(self) -> Path:
        return self.cache / "cmdline"

    @property
    def backup(self) -> Path:
        """Where a patch saves what it is about to change."""
        return self.cache / "bkpup_live_patch"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def breaking(self) -> Path:
        return self.root / "break"


def vms_dir() -> Path:
    return lab_dir() / "system-vms"


def folder_of(name: str) -> VmFolder:
    return VmFolder(vms_dir() / name)


def all_folders() -> Iterator[VmFolder]:
    """Every VM that has one."""
    if vms_dir().is_dir():
        yield from (VmFolder(path) for path in sorted(vms_dir().iterdir()) if path.is_dir())
