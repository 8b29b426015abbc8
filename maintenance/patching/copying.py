"""Step 1: payload and scripts come into the VM, whole and checked, or not at all."""

import hashlib
from pathlib import Path
from uuid import UUID

from maintenance.backends.system_vms import PayloadFiles, PayloadRefused, StepFailed
from maintenance.domain.system_vms import version_of
from maintenance.patching import journal
from maintenance.patching.box import VmBox
from maintenance.patching.disk import remove_tree, settle_folder
from maintenance.patching.journal import Journal, Phase
from maintenance.patching.layout import (
    AGENT_VERSION,
    CONF,
    PATCHES,
    SCRIPTS,
    current_release,
    installed,
    signature,
)
from maintenance.patching.names import BadArchive
from maintenance.patching.trees import copy_file, sha256_of
from maintenance.patching.unpack import Kind, Member, check

AGENT_FILE, SCRIPTS_FILE = "agent.zip", "cloud-scripts.tgz"
KINDS = {AGENT_FILE: Kind.ZIP, SCRIPTS_FILE: Kind.TAR_GZ}
VERSION_FILE = Path(AGENT_VERSION.name)


def copy(box: VmBox, payload: PayloadFiles, *, ticket: UUID, forced: bool = False) -> None:
    """Both files are in the VM, their checksums equal on both ends. A second call with the ticket does nothing.
    `forced`: also when it runs just this already. Raises: PayloadRefused, StepFailed; nothing is left then."""
    folder = journal.folder_of(box.root, ticket)
    known = journal.read(folder)
    if known is not None:
        if (known.agent_sha256, known.scripts_sha256) != (payload.agent_sha256, payload.scripts_sha256):
            raise PayloadRefused("another payload was copied under this ticket")
        return
    _refuse_what_does_not_fit(box, payload, forced=forced)
    _refuse_while_half_patched(box, ticket)
    _refuse_bad_archives(payload)
    try:
        remove_tree(box.disk, folder)
        _make_folder(box, folder)
        _send(box, payload.agent, folder / AGENT_FILE, payload.agent_sha256)
        _send(box, payload.scripts, folder / SCRIPTS_FILE, payload.scripts_sha256)
        copied = Journal(
            Phase.COPIED, payload.version, payload.agent_sha256, payload.scripts_sha256, payload.scripts_md5
        )
        journal.write(box.disk, folder, copied)
    except OSError as problem:
        remove_tree(box.disk, folder)
        raise StepFailed(f"the payload could not be copied: {problem}") from problem
    except PayloadRefused:
        remove_tree(box.disk, folder)
        raise


def _refuse_what_does_not_fit(box: VmBox, payload: PayloadFiles, *, forced: bool) -> None:
    there = installed(box.root)
    if box.type not in payload.types:
        raise PayloadRefused(
            f"payload {payload.version} is for {', '.join(sorted(payload.types))}, not for {box.type}"
        )
    if payload.base_image and payload.base_image != box.base_image:
        raise PayloadRefused(
            f"payload {payload.version} needs the image {payload.base_image}; it runs {box.base_image}"
        )
    if version_of(payload.version) < version_of(there.scripts):
        raise PayloadRefused(f"payload {payload.version} is older than what is installed, {there.scripts}")
    is_same = there.version == payload.version and signature(box.root) == payload.scripts_md5
    if is_same and not forced:
        raise PayloadRefused(f"{payload.version} is installed already, with these very scripts")


def _refuse_while_half_patched(box: VmBox, ticket: UUID) -> None:
    """Backing up a release that was never verified would lose the last good one."""
    current = current_release(box.root)
    for folder, other in journal.others(box.root, ticket).items():
        is_open = not other.phase.is_at_least(Phase.VERIFIED) and other.phase is not Phase.ROLLED_BACK
        if is_open and other.new_release == current:
            raise StepFailed(
                f"an earlier patch to {other.version} was neither finished nor rolled back;"
                f" what it saved is in /{folder.relative_to(box.root)}"
            )


def _refuse_bad_archives(payload: PayloadFiles) -> None:
    for name, path, sha256 in (
        (AGENT_FILE, payload.agent, payload.agent_sha256),
        (SCRIPTS_FILE, payload.scripts, payload.scripts_sha256),
    ):
        try:
            refuse_bad_archive(name, path, sha256=sha256, version=payload.version)
        except OSError as problem:
            raise StepFailed(f"{name} cannot be read here: {problem}") from problem


def refuse_bad_archive(name: str, path: Path, *, sha256: str, version: str) -> None:
    """It may be unpacked in a VM; nothing is written here. Whoever publishes asks, and every copy asks again.

    Raises: PayloadRefused naming the file and the rule, OSError.
    """
    kind = KINDS[name]
    try:
        members = check(path, kind, sha256=sha256)
    except BadArchive as refused:
        raise PayloadRefused(f"{name}: {refused}") from refused
    _refuse_wrong_contents(name, kind, members, version)


def _refuse_wrong_contents(name: str, kind: Kind, members: tuple[Member, ...], version: str) -> None:
    """It says the version it is published as; scripts only go where a patch may change something."""
    below = SCRIPTS if kind is Kind.TAR_GZ else Path()
    sums = {hashlib.sha256(text.encode()).hexdigest() for text in (version, f"{version}\n")}
    if not any(member.name == str(below / VERSION_FILE) and member.sha256 in sums for member in members):
        raise PayloadRefused(f"{name} does not say that it is {version}")
    for member in members:
        inside = Path(member.name)
        if (
            kind is Kind.TAR_GZ
            and not inside.is_relative_to(SCRIPTS)
            and not (member.is_folder and SCRIPTS.is_relative_to(inside))
        ):
            raise PayloadRefused(f"{name}: {member.name!r} is no place that a patch may change")
        if kind is Kind.ZIP and inside == Path(CONF.name) and not member.is_folder:
            raise PayloadRefused(f"{name}: {member.name!r} is a folder in the VM")


def _make_folder(box: VmBox, folder: Path) -> None:
    patches = box.root / PATCHES
    if not patches.is_dir():
        box.disk.make_folder(patches, 0o700)
        settle_folder(box.disk, patches.parent)
    box.disk.make_folder(folder, 0o700)
    settle_folder(box.disk, patches)


def _send(box: VmBox, source: Path, to: Path, wanted: str) -> None:
    """What was sent is what was published, and what arrived is what was sent."""
    sent, _ = copy_file(box.disk, source, to)
    if sent != wanted:
        raise PayloadRefused(f"{to.name} is not what was published")
    if sha256_of(to) != wanted:
        raise OSError(f"{to.name} did not arrive whole")
