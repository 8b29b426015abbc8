"""Payloads for tests: agent.zip and cloud-scripts.tgz of a version, as they are built for system VMs."""

import gzip
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path

from maintenance.backends.system_vms import PayloadFiles
from maintenance.domain.system_vms import SystemVmType
from maintenance.patching.layout import Installed, lay_out

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
        "opt/cloud/VERSION": f"{version}\n".encode(),
        "opt/cloud/bin/configure.py": f"print('configured by {version}')\n".encode(),
        "opt/cloud/bin/setup/common.sh": b"#!/bin/sh\ntrue\n",
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


def install(root: Path, version: str, services: tuple[str, ...]) -> Installed:
    """A VM's folder as it is when it was made with this version: files, own keystore, signature, enabled services."""
    release = lay_out(root, version)
    with zipfile.ZipFile(io.BytesIO(agent_zip(version))) as archive:
        for name in archive.namelist():
            path = release / "agent" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(archive.read(name))
    scripts = scripts_tgz(version)
    with tarfile.open(fileobj=io.BytesIO(scripts)) as archive:
        for entry in archive:
            path = release / "scripts" / entry.name
            path.parent.mkdir(parents=True, exist_ok=True)
            file = archive.extractfile(entry)
            assert file is not None
            path.write_bytes(file.read())
            path.chmod(entry.mode)
    conf = release / "agent" / "conf"
    (conf / "agent.properties").write_text("guid=of-this-very-vm\n")
    (conf / "cloud.jks").write_bytes(b"keystore of this very VM")
    (conf / "cloud.key").write_bytes(b"key of this very VM")
    (conf / "cloud.key").chmod(0o600)
    (conf / "cloud.crt").write_bytes(b"certificate of this very VM")
    cache = root / "var/cache/cloud"
    (cache / "cloud-scripts-signature").write_text(
        hashlib.md5(scripts, usedforsecurity=False).hexdigest() + "\n"
    )
    (cache / "enabled_svcs").write_text("".join(f"{name}\n" for name in services))
    (cache / "cmdline").write_text("template=domP type=test\n")
    return Installed(version, version)
