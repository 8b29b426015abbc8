"""The demo's own publisher: makes payloads for the lab, signed with a key of its own. For demonstrations only: the
signing key lies on the console's machine, where a real one never does."""

import contextlib
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from maintenance.backends.lab.system_vms.builds import agent_zip, scripts_tgz
from maintenance.backends.lab.system_vms.demo import BASE_IMAGE
from maintenance.domain.system_vms import SystemVmType
from maintenance.payloads.here import DEMO_KEY
from maintenance.payloads.keys import make_pair, pem_of, read_signing_key
from maintenance.payloads.manifest import AGENT, SCRIPTS, Advisory, FileFacts, Manifest, sign
from maintenance.payloads.refused import Refused

MANIFEST = "manifest"


class NoDemo(Refused):
    """Only a demo makes payloads of its own."""


@dataclass(frozen=True, slots=True)
class Made:
    """What was made, in one folder."""

    manifest: Path
    files: dict[str, Path]


def make_demo_payload(
    version: str,
    *,
    types: Sequence[SystemVmType] = tuple(SystemVmType),
    base_image: str = BASE_IMAGE,
    security: bool = True,
) -> Made:
    """A signed payload for the lab's system VMs, in var/demo-payloads/VERSION/; made again, its files are the same.

    Raises: NoDemo, Refused when the version is none.
    """
    if not settings.DEMO:
        raise NoDemo("this is no demo: payloads are made and signed elsewhere, where the signing key lies")
    contents = {AGENT: agent_zip(version), SCRIPTS: scripts_tgz(version)}
    advisories = [Advisory(f"LAB-{version}", "The lab's services answer with their new version", False)]
    if security:
        advisories.insert(0, Advisory(f"LAB-{version}-SEC", "A hole of the lab's services is closed", True))
    manifest = Manifest(
        version=version,
        types=tuple(types),
        base_image=base_image,
        files={
            name: FileFacts(hashlib.sha256(content).hexdigest(), len(content))
            for name, content in contents.items()
        },
        advisories=tuple(advisories),
        created_at=timezone.now(),
    )
    signed = sign(manifest, read_signing_key(demo_key()))
    folder = Path(settings.VAR_DIR) / "demo-payloads" / version
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / name for name in contents}
    for name, path in files.items():
        path.write_bytes(contents[name])
    (folder / MANIFEST).write_bytes(signed)
    return Made(folder / MANIFEST, files)


def demo_key() -> Path:
    """The demo's signing key, made with the first call; its public half is trusted by this demo."""
    own = Path(settings.VAR_DIR) / "demo-publisher"
    secret = own / f"{DEMO_KEY}.key"
    with contextlib.suppress(FileExistsError):
        make_pair(own, DEMO_KEY)
    trusted = Path(settings.PAYLOAD_KEYS) / f"{DEMO_KEY}.pub"
    trusted.parent.mkdir(parents=True, exist_ok=True)
    trusted.write_bytes(pem_of(read_signing_key(secret).public_key()))
    return secret
