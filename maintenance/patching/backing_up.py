"""Step 2: all that a patch may change is saved, read back from the disk and compared, before anything changes."""

import json
from pathlib import Path
from uuid import UUID

from maintenance.backends.system_vms import Backup, StepFailed
from maintenance.domain.system_vms import SERVICES
from maintenance.patching import journal
from maintenance.patching.box import VmBox
from maintenance.patching.disk import remove_tree, settle_folder, write_at_once
from maintenance.patching.journal import Journal, Phase
from maintenance.patching.layout import (
    ENABLED,
    RELEASES,
    SIGNATURE,
    current_release,
    enabled_services,
    installed,
)
from maintenance.patching.trees import Listing, copy_file, copy_tree, digest, listing, sha256_of

RELEASE = "release"  # below the backup
CACHE_FILES = "cache"
LIST = "list.json"  # beside the backup
CACHED = (SIGNATURE, ENABLED)


def back_up(box: VmBox, *, ticket: UUID) -> Backup:
    """Packages, certificates, keystore, signature and enabled services are saved and verified. A second call with the
    ticket saves nothing again: what was running is what was running before the patch. Raises: StepFailed."""
    folder = journal.folder_of(box.root, ticket)
    known = journal.read(folder)
    if known is None:
        raise StepFailed("nothing was copied under this ticket")
    if known.phase is Phase.COPIED:
        try:
            known = _save(box, folder, known)
        except OSError as problem:
            remove_tree(box.disk, backup_in(folder))
            raise StepFailed(f"the backup could not be made: {problem}") from problem
    return Backup(
        path=in_vm(box, backup_in(folder)),
        files=known.saved_files,
        bytes=known.saved_bytes,
        was_active=known.was_active,
        was_dead=known.was_dead,
    )


def backup_in(folder: Path) -> Path:
    return folder / "backup"


def in_vm(box: VmBox, path: Path) -> str:
    """The path as a person types it in the VM."""
    return f"/{path.relative_to(box.root)}"


def saved_list(folder: Path, known: Journal) -> Listing:
    """What was saved, path by path. Raises: OSError, when the list is not the one that was written then."""
    try:
        listed: Listing = json.loads((folder / LIST).read_text())
    except ValueError as problem:
        raise OSError("the list of what was saved is damaged") from problem
    if digest(listed) != known.saved:
        raise OSError("the list of what was saved is damaged")
    return listed


def in_release(listed: Listing) -> Listing:
    """Of all that was saved, what belongs to the release."""
    begin = f"{RELEASE}/"
    return {name.removeprefix(begin): text for name, text in listed.items() if name.startswith(begin)}


def _save(box: VmBox, folder: Path, known: Journal) -> Journal:
    services = _in_order(box)
    running = box.running()
    old = current_release(box.root)
    backup = backup_in(folder)
    remove_tree(box.disk, backup)
    box.disk.make_folder(backup, 0o700)
    copy_tree(box.disk, box.root / RELEASES / old, backup / RELEASE)
    box.disk.make_folder(backup / CACHE_FILES, 0o700)
    for path in CACHED:
        if (box.root / path).exists():
            copy_file(box.disk, box.root / path, backup / CACHE_FILES / path.name)
    for made in (backup / CACHE_FILES, backup, folder):
        settle_folder(box.disk, made)
    listed = listing(backup)
    _compare_with_what_is_installed(box, old, listed)
    write_at_once(box.disk, folder / LIST, json.dumps(dict(listed), indent=1).encode(), 0o600)
    files = [path for path in backup.rglob("*") if path.is_file()]
    there = installed(box.root)
    saved = known.with_(
        phase=Phase.BACKED_UP,
        old_release=old,
        old_agent=there.agent,
        old_scripts=there.scripts,
        saved=digest(listed),
        saved_files=len(files),
        saved_bytes=sum(path.stat().st_size for path in files),
        was_active=tuple(name for name in services if name in running),
        was_dead=tuple(name for name in services if name not in running),
    )
    journal.write(box.disk, folder, saved)
    return saved


def _in_order(box: VmBox) -> tuple[str, ...]:
    """Enabled services: those CloudStack knows in its order, then others as they are listed."""
    enabled = enabled_services(box.root)
    usual = tuple(name for name in SERVICES[box.type] if name in enabled)
    return usual + tuple(name for name in enabled if name not in usual)


def _compare_with_what_is_installed(box: VmBox, old: str, listed: Listing) -> None:
    """The backup, read back from the disk, is what is installed. Raises: OSError."""
    wanted = dict(listing(box.root / RELEASES / old))
    found = dict(in_release(listed))
    for name in sorted({*wanted, *found}):
        if wanted.get(name) != found.get(name):
            raise OSError(f"read back, {name} is not what is installed")
    for path in CACHED:
        if (box.root / path).exists() and not listed.get(f"{CACHE_FILES}/{path.name}", "").endswith(
            sha256_of(box.root / path)
        ):
            raise OSError(f"read back, {path.name} is not what is installed")
