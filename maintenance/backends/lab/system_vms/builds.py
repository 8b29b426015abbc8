"""What a version of the system VMs' software is made of: agent.zip and cloud-scripts.tgz, always the same bytes."""

import gzip
import io
import tarfile
import zipfile

BUILT_AT = 1_700_000_000
ZIP_TIME = (2023, 11, 14, 22, 13, 20)


def agent_zip(version: str) -> bytes:
    """The agent of SSVM and CPVM."""
    contents = {
        "VERSION": f"{version}\n".encode(),
        "agent.jar": f"cloud-agent {version}\n".encode() * 200,
        "cloud-console-proxy.jar": f"console-proxy {version}\n".encode() * 100,
        "run.sh": b"#!/bin/sh\nexec java -jar agent.jar\n",
    }
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in contents.items():
            entry = zipfile.ZipInfo(name, date_time=ZIP_TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = (0o100755 if name.endswith(".sh") else 0o100644) << 16
            archive.writestr(entry, text)
    return buffer.getvalue()


def scripts_tgz(version: str) -> bytes:
    """The scripts of all system VMs."""
    contents = {
        "opt/cloud/VERSION": f"{version}\n".encode(),
        "opt/cloud/bin/configure.py": f'"""Configures a router, {version}."""\n'.encode() * 30,
        "opt/cloud/bin/get_template_version.sh": b"#!/bin/sh\ncat /opt/cloud/VERSION\n",
        "opt/cloud/bin/setup/common.sh": b"#!/bin/sh\ntrue\n",
        "opt/cloud/templates/haproxy.cfg": f"# {version}\nglobal\n  maxconn 4096\n".encode(),
        "opt/cloud/templates/dnsmasq.conf": f"# {version}\ndomain-needed\n".encode(),
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, text in contents.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(text), BUILT_AT
            entry.mode = 0o755 if name.endswith(".sh") else 0o644
            archive.addfile(entry, io.BytesIO(text))
    return gzip.compress(buffer.getvalue(), mtime=BUILT_AT)
