"""The system-VM payload of a host: every VM that is started there, or boots anew with it, runs its version.

var/lab/hosts/HOST/systemvm.version     one line; missing: the version that the demo's VMs came with
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from uuid import uuid4

from maintenance.backends.lab.folders import host_dir, properties_path
from maintenance.backends.lab.system_vms import demo
from maintenance.backends.lab.system_vms.builds import scripts_tgz
from maintenance.backends.lab.system_vms.folder import VmFolder, vms_dir
from maintenance.backends.lab.system_vms.install import make_folder, unpack
from maintenance.domain.system_vms import version_of
from maintenance.patching import layout

FILE = "systemvm.version"


class BadPayload(Exception):
    """A host's payload is a version, such as 4.21.0.1, and the host has a folder."""


def payload_of(host_name: str) -> str:
    """The version of the payload that the host has."""
    try:
        return (host_dir(host_name) / FILE).read_text().strip() or demo.VERSION
    except FileNotFoundError:
        return demo.VERSION


def set_payload(host_name: str, version: str) -> None:
    """VMs that are started on the host from now on run this version. Raises: BadPayload."""
    if len(version_of(version)) < 3:
        raise BadPayload(f"{version!r} is no version, such as 4.21.0.1")
    if not properties_path(host_name).exists():
        raise BadPayload(f"{host_name} has no folder: it is virtual, or no KVM host")
    unfinished = host_dir(host_name) / f".{FILE}.{os.getpid()}"
    unfinished.write_text(f"{version}\n")
    unfinished.replace(host_dir(host_name) / FILE)


@cache
def scripts_checksum(version: str) -> str:
    """Of its cloud-scripts.tgz: what a VM of this payload signs with."""
    return hashlib.md5(scripts_tgz(version), usedforsecurity=False).hexdigest()


def load(vm: VmFolder, version: str) -> bool:
    """The VM, which is off, has this version installed, with its own keys; False when it had it. Signature first: a
    second call finds the old version as long as the new one is not whole. Raises: OSError."""
    if layout.installed(vm.root).version == version:
        return False
    releases = vm.root / layout.RELEASES
    for left in releases.glob(".*"):
        shutil.rmtree(left)
    unfinished = releases / f".{version}"
    shutil.copytree(vm.root / layout.CONF, unfinished / "agent" / "conf")
    unpack(unfinished, version)
    release = releases / f"{version}-booted-{uuid4().hex[:8]}"
    unfinished.rename(release)
    _write(vm.root / layout.SIGNATURE, f"{scripts_checksum(version)}\n")
    link = (vm.root / layout.CURRENT).with_name(".current")
    link.unlink(missing_ok=True)
    link.symlink_to(f"{layout.RELEASES.name}/{release.name}")
    link.replace(vm.root / layout.CURRENT)
    return True


@contextmanager
def alone_with_disk(name: str) -> Iterator[None]:
    """Nobody else boots this VM, ends it, loads a payload into it or removes it meanwhile. Raises: OSError."""
    make_folder()
    lock = os.open(vms_dir() / f".{name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_text(text)
    unfinished.replace(path)
