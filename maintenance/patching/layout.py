"""Where things lie in a system VM, below its root folder.

opt/cloud/                     one folder that a patch exchanges at once: everything is old, or everything is new
opt/cloud/agent/               what agent.zip holds: VERSION, …; of the types that have an agent
opt/cloud/agent/conf/          keystore and certificates: the VM's own, no part of any payload
opt/cloud/scripts/             what cloud-scripts.tgz holds, as opt/cloud/scripts/: VERSION, …
var/cache/cloud/               cmdline, enabled_svcs, cloud-scripts-signature
var/cache/cloud/patch/TICKET/  journal.json, what was copied, and backup/
"""

from dataclasses import dataclass
from pathlib import Path

from maintenance.domain.system_vms import SystemVmType

CLOUD = Path("opt/cloud")
AGENT = Path("agent")  # below CLOUD
CONF = AGENT / "conf"
SCRIPTS = Path("scripts")
AGENT_VERSION = AGENT / "VERSION"  # one line; `cloud` answers with it
SCRIPTS_VERSION = SCRIPTS / "VERSION"  # one line; every other service answers with it

CACHE = Path("var/cache/cloud")
SIGNATURE = CACHE / "cloud-scripts-signature"  # md5 of the cloud-scripts.tgz that was verified last
ENABLED = CACHE / "enabled_svcs"  # one service a line
PATCHES = CACHE / "patch"

WITH_AGENT = frozenset({SystemVmType.SECONDARY_STORAGE, SystemVmType.CONSOLE_PROXY})


@dataclass(frozen=True, slots=True)
class Installed:
    """What the files in the VM say; empty where there is none."""

    agent: str
    scripts: str

    @property
    def version(self) -> str:
        """The version; empty where agent and scripts have different ones."""
        return self.scripts if self.agent in {"", self.scripts} else ""


def installed(root: Path) -> Installed:
    """Read now, from the files."""
    return Installed(_line(root / CLOUD / AGENT_VERSION), _line(root / CLOUD / SCRIPTS_VERSION))


def signature(root: Path) -> str:
    """md5 of the cloud-scripts that were verified last; empty when none is written."""
    return _line(root / SIGNATURE)


def enabled_services(root: Path) -> tuple[str, ...]:
    try:
        return tuple(dict.fromkeys((root / ENABLED).read_text().split()))
    except FileNotFoundError:
        return ()


def _line(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""
