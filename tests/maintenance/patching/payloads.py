"""Payloads for tests: agent.zip and cloud-scripts.tgz of a version, as they are built for system VMs."""

import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

from maintenance.backends.system_vms import PayloadFiles
from maintenance.domain.system_vms import SystemVmType
from maintenance.patching.layout import CLOUD, ENABLED, SIGNATURE

ALL_TYPES = frozenset(str(kind) for kind in SystemVmType)
BASE_IMAGE = "debian-12"
BUILT_AT = 1_700_000_000


def agent_zip(version: str, extra: dict[str, bytes] | None = None) -> bytes:
    """The bytes of an agent.zip."""
    contents = {
        "VERSION": f"{version}\n".encode(),
        "agent.jar": f"jar of {version}\n".encode() * 40,
        "scripts/run.sh": b"#!/bin/sh\nexec java -jar agent.jar\n",
        "conf/agent.properties": b"guid=of-the-build\n",  # never lands over the VM's own
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {**contents, **(extra or {})}.items():
            entry = zipfile.ZipInfo(name, date_time=(2023, 11, 14, 22, 13, 20))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if name.endswith(".sh") else 0o100644) << 16
            archive.writestr(entry, text)
    return buffer.getvalue()


def scripts_tgz(version: str, extra: dict[str, bytes] | None = None) -> bytes:
    """The bytes of a cloud-scripts.tgz. The same version gives the same bytes."""
    contents = {
        "opt/cloud/scripts/VERSION": f"{version}\n".encode(),
        "opt/cloud/scripts/bin/configure.py": f"print('configured by {version}')\n".encode(),
        "opt/cloud/scripts/bin/setup/common.sh": b"#!/bin/sh\ntrue\n",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in {**contents, **(extra or {})}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(text), BUILT_AT
            entry.mode = 0o755 if name.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(text))
    return gzip.compress(buffer.getvalue(), mtime=BUILT_AT)


def payload(
    folder: Path,
    version: str,
    *,
    types: frozenset[str] = ALL_TYPES,
    base_image: str = BASE_IMAGE,
    agent: bytes | None = None,
    scripts: bytes | None = None,
) -> PayloadFiles:
    """Both files lie in the folder, and are described as they would be after publishing."""
    folder.mkdir(parents=True, exist_ok=True)
    agent = agent_zip(version) if agent is None else agent
    scripts = scripts_tgz(version) if scripts is None else scripts
    agent_path, scripts_path = folder / f"agent-{version}.zip", folder / f"cloud-scripts-{version}.tgz"
    agent_path.write_bytes(agent)
    scripts_path.write_bytes(scripts)
    return PayloadFiles(
        version=version,
        types=types,
        base_image=base_image,
        agent=agent_path,
        agent_sha256=hashlib.sha256(agent).hexdigest(),
        scripts=scripts_path,
        scripts_sha256=hashlib.sha256(scripts).hexdigest(),
        scripts_md5=hashlib.md5(scripts, usedforsecurity=False).hexdigest(),
    )


def install(root: Path, version: str, services: tuple[str, ...], *, has_agent: bool = True) -> None:
    """A VM's folder as it is when it was made with this version: files, own keystore, signature, enabled services."""
    scripts = scripts_tgz(version)
    with tarfile.open(fileobj=io.BytesIO(scripts)) as archive:
        for entry in archive:
            file = archive.extractfile(entry)
            assert file is not None
            _put(root / entry.name, file.read(), entry.mode)
    if has_agent:
        agent = root / CLOUD / "agent"
        with zipfile.ZipFile(io.BytesIO(agent_zip(version))) as archive_of_agent:
            for name in archive_of_agent.namelist():
                _put(agent / name, archive_of_agent.read(name), 0o644)
        _put(agent / "conf/agent.properties", b"guid=of-this-very-vm\n", 0o644)
        _put(agent / "conf/cloud.jks", b"keystore of this very VM", 0o600)
        _put(agent / "conf/cloud.key", b"key of this very VM", 0o600)
        _put(agent / "conf/cloud.crt", b"certificate of this very VM", 0o644)
    _put(root / SIGNATURE, hashlib.md5(scripts, usedforsecurity=False).hexdigest().encode() + b"\n", 0o644)
    _put(root / ENABLED, "".join(f"{name}\n" for name in services).encode(), 0o644)


def _put(path: Path, contents: bytes, mode: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contents)
    path.chmod(mode)
