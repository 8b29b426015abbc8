"""Where published payloads lie on this machine: once per checksum, checked again each time they are taken in hand."""

import hashlib
from pathlib import Path

from django.conf import settings

from maintenance.backends.system_vms import PayloadFiles
from maintenance.models import Payload
from maintenance.payloads.here import bring_here
from maintenance.payloads.refused import Refused

CHUNK = 1 << 20


class PayloadMissing(Exception):
    """A payload's file is not on this machine, or is not what was published."""


def kept_at(sha256: str) -> Path:
    """Where a file of this checksum is kept."""
    return Path(settings.VAR_DIR) / "payloads" / sha256


def sha256_of(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def files_of(payload: Payload) -> PayloadFiles:
    """The payload's files, fetched if they are not here, their checksums looked at now. Raises: PayloadMissing."""
    try:
        bring_here(payload)
    except (Refused, OSError) as reason:
        raise PayloadMissing(f"payload {payload.version}: {reason}") from reason
    agent, scripts = kept_at(payload.agent_sha256), kept_at(payload.scripts_sha256)
    for path, wanted in ((agent, payload.agent_sha256), (scripts, payload.scripts_sha256)):
        if wrong := _wrong_with(path, wanted):
            raise PayloadMissing(f"payload {payload.version}: {path.name} {wrong}; publish it again")
    return PayloadFiles(
        version=payload.version,
        types=frozenset(payload.types),
        base_image=payload.base_image,
        agent=agent,
        agent_sha256=payload.agent_sha256,
        scripts=scripts,
        scripts_sha256=payload.scripts_sha256,
        scripts_md5=payload.scripts_md5,
    )


def _wrong_with(path: Path, sha256: str) -> str:
    """Empty when it is what was published."""
    try:
        return "" if sha256_of(path) == sha256 else "is not what was published"
    except FileNotFoundError:
        return "is not on this machine"
    except OSError as problem:
        return f"cannot be read: {problem.strerror}"
