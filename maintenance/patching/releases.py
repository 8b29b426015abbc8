"""Releases in a VM: made beside the one that is used, and put in its place by renaming one link."""

from pathlib import Path
from uuid import UUID

from maintenance.backends.system_vms import StepFailed
from maintenance.patching import journal
from maintenance.patching.backing_up import in_release, saved_list
from maintenance.patching.box import VmBox
from maintenance.patching.copying import AGENT_FILE, SCRIPTS_FILE
from maintenance.patching.disk import remove_tree, settle_folder
from maintenance.patching.journal import Journal, Phase
from maintenance.patching.layout import CONF, CURRENT, RELEASES, current_release
from maintenance.patching.names import BadArchive
from maintenance.patching.trees import copy_tree, digest, listing
from maintenance.patching.unpack import Kind, unpack


def apply(box: VmBox, *, ticket: UUID) -> None:
    """Step 3: the new release is installed, with the VM's own keystore and certificates. At any moment before, the
    old one was. Raises: StepFailed."""
    folder = journal.folder_of(box.root, ticket)
    known = journal.read(folder)
    if known is None or not known.phase.is_at_least(Phase.BACKED_UP):
        words = "was rolled back" if known and known.phase.goes_back else "has no backup yet"
        raise StepFailed(f"this patch {words}: nothing is applied")
    try:
        if known.phase in {Phase.BACKED_UP, Phase.STAGED} and not _is_staged(box, known):
            known = _stage(box, folder, known, ticket)
        if known.phase is Phase.STAGED:
            point_to(box, known.new_release)
            now, boot = box.clock()
            journal.write(
                box.disk, folder, known.with_(phase=Phase.SWAPPED, swapped_at=now, swapped_boot=boot)
            )
    except OSError as problem:
        _forget_unfinished(box)
        raise StepFailed(f"the payload could not be applied: {problem}") from problem


def point_to(box: VmBox, release: str) -> None:
    """This release is the one that is used, from one moment to the next."""
    if current_release(box.root) == release:
        return
    new = box.root / CURRENT.with_name(f".{CURRENT.name}.new")
    remove_tree(box.disk, new)
    box.disk.link(new, f"{RELEASES.name}/{release}")
    box.disk.rename(new, box.root / CURRENT)
    settle_folder(box.disk, new.parent)


def unfinished(box: VmBox, release: str) -> Path:
    """Where a release is made."""
    return box.root / RELEASES / f".{release}.unfinished"


def _is_staged(box: VmBox, known: Journal) -> bool:
    """Whether the new release lies there as it was made."""
    if known.phase is not Phase.STAGED:
        return False
    made = box.root / RELEASES / known.new_release
    return current_release(box.root) == known.new_release or (
        made.is_dir() and digest(listing(made)) == known.staged
    )


def _stage(box: VmBox, folder: Path, known: Journal, ticket: UUID) -> Journal:
    old = box.root / RELEASES / known.old_release
    if listing(old) != in_release(saved_list(folder, known)):
        raise OSError("what is installed has changed since it was saved")
    release = f"{known.version}-{str(ticket)[:8]}"
    making, made = unfinished(box, release), box.root / RELEASES / release
    remove_tree(box.disk, making)
    remove_tree(box.disk, made)
    box.disk.make_folder(making)
    _unpack_both(box, folder, known, making)
    remove_tree(box.disk, making / "agent" / CONF.name)
    if (old / "agent" / CONF.name).is_dir():
        copy_tree(box.disk, old / "agent" / CONF.name, making / "agent" / CONF.name)
    settle_folder(box.disk, making)
    staged = digest(listing(making))
    box.disk.rename(making, made)
    settle_folder(box.disk, made.parent)
    before = {name: process.words() for name, process in box.running().items()}
    known = known.with_(phase=Phase.STAGED, new_release=release, staged=staged, before=before)
    journal.write(box.disk, folder, known)
    return known


def _unpack_both(box: VmBox, folder: Path, known: Journal, making: Path) -> None:
    for name, kind, sha256 in (
        (AGENT_FILE, Kind.ZIP, known.agent_sha256),
        (SCRIPTS_FILE, Kind.TAR_GZ, known.scripts_sha256),
    ):
        into = making / ("agent" if kind is Kind.ZIP else "scripts")
        box.disk.make_folder(into)
        try:
            unpack(folder / name, kind, into, sha256=sha256, disk=box.disk)
        except BadArchive as refused:
            raise StepFailed(f"{name}: {refused}") from refused


def _forget_unfinished(box: VmBox) -> None:
    """A release that was not finished takes no room."""
    making = [path for path in (box.root / RELEASES).iterdir() if path.name.endswith(".unfinished")]
    for path in making:
        remove_tree(box.disk, path)
