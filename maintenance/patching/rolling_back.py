"""The way back: the release that was saved is used again, its services answer, or a person is told what to type."""

import shlex
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from maintenance.backends.system_vms import NotRestored
from maintenance.patching import journal
from maintenance.patching.backing_up import (
    CACHE_FILES,
    CACHED,
    RELEASE,
    backup_in,
    in_release,
    in_vm,
    saved_list,
)
from maintenance.patching.box import ServiceDown, VmBox
from maintenance.patching.copying import AGENT_FILE, SCRIPTS_FILE
from maintenance.patching.disk import remove_tree, settle_folder, write_at_once
from maintenance.patching.journal import Journal, Phase
from maintenance.patching.layout import CURRENT, RELEASES, SIGNATURE, current_release
from maintenance.patching.releases import point_to, unfinished
from maintenance.patching.trees import Listing, copy_tree, listing, sha256_of


def roll_back(box: VmBox, *, ticket: UUID) -> None:
    """What was installed when the backup was made is installed, and what ran then runs and answers with that version.
    A process that was never touched is left running. Called again, it looks again and starts nothing anew: so a
    caller can soak, and ask once more. Raises: NotRestored, with the backup's path and the commands for a person."""
    folder = journal.folder_of(box.root, ticket)
    known = journal.read(folder)
    if known is None:
        raise NotRestored(f"nothing is known of this patch in the VM: {in_vm(box, folder)} is not there")
    if known.phase is Phase.COPIED:
        return  # nothing was changed
    if known.phase is Phase.DISCARDED:
        raise NotRestored(
            f"{known.version} was verified, and what was saved before is discarded: there is no way back"
        )
    try:
        if known.phase is not Phase.ROLLED_BACK:
            known = _restore(box, folder, known)
        wrong = _wrong(box, folder, known)
        if wrong:
            raise _Failed("; ".join(wrong))
        if known.phase is not Phase.ROLLED_BACK:
            _note(box, folder, known.with_(phase=Phase.ROLLED_BACK))
            _remove_new_release(box, known)
    except (_Failed, ServiceDown, OSError) as problem:
        raise NotRestored(_words(box, folder, known, str(problem))) from problem


class _Failed(Exception):
    """What keeps the old version from being back."""


def _restore(box: VmBox, folder: Path, known: Journal) -> Journal:
    # Room first: on a full disk nothing could be noted, and the copied payload is not needed any more.
    for name in (AGENT_FILE, SCRIPTS_FILE):
        remove_tree(box.disk, folder / name)
    if known.phase is not Phase.ROLLING_BACK:
        known = _note(box, folder, known.with_(phase=Phase.ROLLING_BACK))
    listed = saved_list(folder, known)
    point_to(box, _good_release(box, folder, known, listed))
    _restore_cache(box, folder, listed)
    return _restart_what_changed(box, folder, known)


def _good_release(box: VmBox, folder: Path, known: Journal, listed: Listing) -> str:
    """The name of a release that is, byte for byte, what was saved: the one that was replaced, or a new copy of the
    backup. Raises: _Failed."""
    wanted = in_release(listed)
    names = (known.old_release, f"{known.old_release}-{folder.name[:8]}-restored")
    for name in names:
        if _is(box.root / RELEASES / name, wanted):
            return name
    saved = backup_in(folder) / RELEASE
    if not _is(saved, wanted):
        raise _Failed("what was saved is damaged, and so is the release that was replaced")
    making = unfinished(box, names[1])
    remove_tree(box.disk, making)
    copy_tree(box.disk, saved, making)
    if not _is(making, wanted):
        raise _Failed("what was saved could not be copied back whole")
    made = box.root / RELEASES / names[1]
    if current_release(box.root) == names[1]:
        raise _Failed("the release that was restored was damaged again")
    remove_tree(box.disk, made)
    box.disk.rename(making, made)
    settle_folder(box.disk, made.parent)  # before anything points to it
    return names[1]


def _is(folder: Path, wanted: Listing) -> bool:
    with suppress(FileNotFoundError):
        return folder.is_dir() and listing(folder) == wanted
    return False


def _restore_cache(box: VmBox, folder: Path, listed: Listing) -> None:
    """Signature and enabled services are as they were. Raises: _Failed, OSError."""
    for path in CACHED:
        was, there = listed.get(f"{CACHE_FILES}/{path.name}"), box.root / path
        if was is None:
            remove_tree(box.disk, there)
            continue
        if there.exists() and was.endswith(sha256_of(there)):
            continue
        saved = backup_in(folder) / CACHE_FILES / path.name
        if not saved.exists() or not was.endswith(sha256_of(saved)):
            raise _Failed(f"the saved {path.name} is damaged")
        write_at_once(box.disk, there, saved.read_bytes())


def _restart_what_changed(box: VmBox, folder: Path, known: Journal) -> Journal:
    running = box.running()
    for service in known.was_active:
        process = running.get(service)
        was_handled = service in known.restored or (
            process is not None and (not known.before or process.words() == known.before.get(service))
        )
        if was_handled and process is not None and box.ask(service) == known.old_version_of(service):
            continue
        box.stop(service)
        box.start(service)
        known = _note(box, folder, known.with_(restored=(*known.restored, service)))
    return known


def _wrong(box: VmBox, folder: Path, known: Journal) -> list[str]:
    """What is not as it was."""
    wrong = []
    if not _is(box.root / RELEASES / current_release(box.root), in_release(saved_list(folder, known))):
        wrong.append("the installed files are not those that were saved")
    running = box.running()
    for service in known.was_active:
        said, was = box.ask(service), known.old_version_of(service)
        if service not in running or said is None:
            wrong.append(f"{service} does not run")
        elif said != was:
            wrong.append(f"{service} answers {said}, not {was}")
    return wrong


def _note(box: VmBox, folder: Path, known: Journal) -> Journal:
    """Noted where there is room for it. A rollback does not end because it cannot be written down: done again, it
    finds by itself what is left to do."""
    with suppress(OSError):
        journal.write(box.disk, folder, known)
    return known


def _remove_new_release(box: VmBox, known: Journal) -> None:
    """Nobody uses it. What cannot be removed now goes with the next patch."""
    if known.new_release and known.new_release != current_release(box.root):
        with suppress(OSError):
            remove_tree(box.disk, box.root / RELEASES / known.new_release)


def _words(box: VmBox, folder: Path, known: Journal, problem: str) -> str:
    """For the person who has to do it: what is wrong, where the backup is, what to type as root in the VM."""
    commands = "\n".join(commands_for_a_person(box, folder, known))
    return (
        f"the previous version is not back: {problem}. What was saved is in {in_vm(box, backup_in(folder))}."
        f" By hand, as root in the VM:\n{commands}"
    )


def commands_for_a_person(box: VmBox, folder: Path, known: Journal) -> tuple[str, ...]:
    """They bring the saved version back with nothing but a shell."""
    backup = in_vm(box, backup_in(folder))
    release = f"{known.old_release}-by-hand"
    link = f"/{CURRENT}.by-hand"
    commands = [
        f"cp -aT {shlex.quote(f'{backup}/{RELEASE}')} {shlex.quote(f'/{RELEASES}/{release}')}",
        f"ln -s {shlex.quote(f'{RELEASES.name}/{release}')} {link} && mv -T {link} /{CURRENT}",
        f"cp -a {shlex.quote(f'{backup}/{CACHE_FILES}/{SIGNATURE.name}')} /{SIGNATURE}",
    ]
    if known.was_active:
        commands.append(f"systemctl restart {' '.join(shlex.quote(name) for name in known.was_active)}")
    return tuple(commands)
