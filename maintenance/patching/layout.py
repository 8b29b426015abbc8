"""Where things lie in a system VM, below its root folder.

usr/local/cloud/current -> releases/NAME     the one link that a patch swaps: everything is old, or everything is new
usr/local/cloud/releases/NAME/agent/         what agent.zip holds: VERSION, …; conf/ is the VM's own (keystore, …)
usr/local/cloud/releases/NAME/scripts/       what cloud-scripts.tgz holds: opt/cloud/VERSION, opt/cloud/bin/, …
usr/local/cloud/systemvm -> current/agent    where CloudStack has the agent; never changes
opt/cloud -> …/current/scripts/opt/cloud     the same of the scripts
var/cache/cloud/                             cmdline, enabled_svcs, cloud-scripts-signature
var/cache/cloud/patch/TICKET/                journal.json, what was copied, and backup/
"""

from dataclasses import dataclass
from pathlib import Path

CLOUD = Path("usr/local/cloud")
CURRENT = CLOUD / "current"
RELEASES = CLOUD / "releases"
AGENT = CLOUD / "systemvm"
SCRIPTS = Path("opt/cloud")
CONF = AGENT / "conf"  # keystore and certificates: never touched by a payload
AGENT_VERSION = AGENT / "VERSION"  # one line: the version of the agent; `cloud` answers with it
SCRIPTS_VERSION = (
    SCRIPTS / "VERSION"
)  # one line: the version of the scripts; every other service answers with it

CACHE = Path("var/cache/cloud")
SIGNATURE = CACHE / "cloud-scripts-signature"  # md5 of the cloud-scripts.tgz it was patched with last
ENABLED = CACHE / "enabled_svcs"  # one service a line
PATCHES = CACHE / "patch"

LINKS = {AGENT: "current/agent", SCRIPTS: "../usr/local/cloud/current/scripts/opt/cloud"}


@dataclass(frozen=True, slots=True)
class Installed:
    """What the files in the VM say; empty where there is none."""

    agent: str
    scripts: str

    @property
    def version(self) -> str:
        """The version, where both parts have the same one."""
        return self.agent if self.agent == self.scripts else ""


def lay_out(root: Path, release: str) -> Path:
    """The VM's folders and links are there, and `current` names the release, whose folder is returned: the caller
    fills `agent/` and `scripts/`. For a VM that is made, not for a patch."""
    folder = root / RELEASES / release
    for made in (
        folder / "agent" / "conf",
        folder / "scripts" / SCRIPTS,
        root / CACHE,
        root / SCRIPTS.parent,
    ):
        made.mkdir(parents=True, exist_ok=True)
    for link, target in LINKS.items():
        if not (root / link).is_symlink():
            (root / link).symlink_to(target)
    link = root / CURRENT
    link.unlink(missing_ok=True)
    link.symlink_to(f"releases/{release}")
    return folder


def installed(root: Path) -> Installed:
    """Read now, from the files."""
    return Installed(_line(root / AGENT_VERSION), _line(root / SCRIPTS_VERSION))


def signature(root: Path) -> str:
    """md5 of the cloud-scripts that were verified last; empty when none is written."""
    return _line(root / SIGNATURE)


def enabled_services(root: Path) -> tuple[str, ...]:
    try:
        lines = (root / ENABLED).read_text().splitlines()
    except FileNotFoundError:
        return ()
    return tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))


def current_release(root: Path) -> str:
    """The name of the release that is installed. Raises: OSError."""
    return (root / CURRENT).readlink().name


def _line(path: Path) -> str:
    try:
        return path.read_text().strip()
    except (FileNotFoundError, NotADirectoryError):
        return ""
