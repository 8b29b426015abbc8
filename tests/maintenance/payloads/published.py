"""A publisher for tests: a pair of keys, and payloads that are signed with it."""

import hashlib
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from maintenance.domain.system_vms import SystemVmType
from maintenance.payloads.keys import Keyring, PublicKey, fingerprint_of
from maintenance.payloads.manifest import AGENT, SCRIPTS, Advisory, FileFacts, Manifest, sign
from tests.maintenance.patching.payloads import agent_zip, scripts_tgz

ROUTER = SystemVmType.ROUTER
ADVISORIES = (
    Advisory("CVE-2026-1111", "dnsmasq answers strangers", True),
    Advisory("GH-7", "Logs are rotated", False),
)


@dataclass(frozen=True)
class Publisher:
    """Signs what it is given."""

    key: Ed25519PrivateKey
    name: str = "release"

    @property
    def keyring(self) -> Keyring:
        public = PublicKey(self.name, self.key.public_key())
        return Keyring({public.fingerprint: public})

    @property
    def fingerprint(self) -> str:
        return fingerprint_of(self.key.public_key())

    def sign(self, manifest: Manifest, **changed: Any) -> bytes:
        return sign(replace(manifest, **changed), self.key)


def make_publisher(name: str = "release") -> Publisher:
    return Publisher(Ed25519PrivateKey.generate(), name)


def contents(version: str) -> dict[str, bytes]:
    """The two files of a version; other versions have others."""
    return {AGENT: agent_zip(version), SCRIPTS: scripts_tgz(version)}


def facts(content: bytes) -> FileFacts:
    return FileFacts(hashlib.sha256(content).hexdigest(), len(content))


def make_manifest(version: str = "4.19.1.1", **changed: Any) -> Manifest:
    files = {name: facts(content) for name, content in contents(version).items()}
    made = Manifest(
        version=version,
        types=(ROUTER, SystemVmType.CONSOLE_PROXY),
        base_image="systemvm-4.19",
        files=files,
        advisories=ADVISORIES,
        created_at=datetime(2026, 11, 20, 9, tzinfo=UTC),
    )
    return replace(made, **changed)
