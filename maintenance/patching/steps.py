"""The steps after a release is installed: services restarted and verified; and clearing up. By ticket, each step may
be done again after a crash at any line."""

from uuid import UUID

from maintenance.backends.system_vms import StepFailed, Unconfirmed
from maintenance.patching import journal
from maintenance.patching.backing_up import LIST, back_up, backup_in
from maintenance.patching.box import Running, ServiceDown, VmBox
from maintenance.patching.copying import AGENT_FILE, SCRIPTS_FILE, copy
from maintenance.patching.disk import remove_tree, write_at_once
from maintenance.patching.journal import Journal, Phase
from maintenance.patching.layout import RELEASES, SIGNATURE, current_release, installed
from maintenance.patching.releases import apply
from maintenance.patching.rolling_back import roll_back
from maintenance.patching.trees import digest, listing

__all__ = ["apply", "back_up", "copy", "discard_backup", "restart", "roll_back", "verify"]


def restart(box: VmBox, *, ticket: UUID) -> None:
    """Step 4: services that were active when the backup was made are restarted, in order, each once. Those that were
    dead stay so. Raises: StepFailed naming the service."""
    folder = journal.folder_of(box.root, ticket)
    known = _known(box, ticket, Phase.SWAPPED, "nothing was applied")
    if known.phase is not Phase.SWAPPED:
        return
    try:
        for service in known.was_active:
            if service not in known.restarted:
                _restart(box, service)
                known = known.with_(restarted=(*known.restarted, service))
                journal.write(box.disk, folder, known)
        journal.write(box.disk, folder, known.with_(phase=Phase.RESTARTED))
    except OSError as problem:
        raise StepFailed(f"the restart could not be noted: {problem}") from problem


def verify(box: VmBox, *, ticket: UUID) -> None:
    """Step 5: what is installed is the payload, every restarted service answers with its version, from a process that
    began after it was installed. Only then the signature is written. Raises: StepFailed with all that is wrong;
    Unconfirmed where nothing ran before: asked again, when somebody has started it, it is verified after all."""
    folder = journal.folder_of(box.root, ticket)
    known = _known(box, ticket, Phase.RESTARTED, "nothing was restarted")
    if known.phase is not Phase.RESTARTED:
        return
    try:
        wrong = [*_wrong_files(box, known), *_wrong_services(box, known)]
        if wrong:
            raise StepFailed("; ".join(wrong))
        _refuse_silence(box, known)
        write_at_once(box.disk, box.root / SIGNATURE, f"{known.scripts_md5}\n".encode())
        journal.write(box.disk, folder, known.with_(phase=Phase.VERIFIED))
    except OSError as problem:
        raise StepFailed(f"it could not be verified: {problem}") from problem


def discard_backup(box: VmBox, *, ticket: UUID) -> str:
    """After a verified success: what was copied and saved, the old release, and what earlier patches left are gone.
    The journal stays, so that the ticket is never begun again. Returns: why something is left, which the next patch
    removes; a patch that is verified does not fail by that. Raises: StepFailed while nothing is verified."""
    folder = journal.folder_of(box.root, ticket)
    known = journal.read(folder)
    if known is None:
        return ""
    if not known.phase.is_at_least(Phase.VERIFIED):
        raise StepFailed("what was saved is kept: the new version was not verified")
    try:
        # Said first: from here on there is no way back, and nobody may think so.
        if known.phase is not Phase.DISCARDED:
            journal.write(box.disk, folder, known.with_(phase=Phase.DISCARDED))
        for name in (AGENT_FILE, SCRIPTS_FILE, backup_in(folder).name, LIST):
            remove_tree(box.disk, folder / name)
        _remove_what_is_over(box, ticket)
    except OSError as problem:
        return str(problem)
    return ""


def _known(box: VmBox, ticket: UUID, needed: Phase, words: str) -> Journal:
    known = journal.read(journal.folder_of(box.root, ticket))
    if known is not None and known.phase.goes_back:
        raise StepFailed("this patch was rolled back")
    if known is None or not known.phase.is_at_least(needed):
        raise StepFailed(f"{words} under this ticket")
    return known


def _restart(box: VmBox, service: str) -> None:
    try:
        box.stop(service)
        box.start(service)
    except ServiceDown as down:
        raise StepFailed(str(down)) from down
    if box.ask(service) is None:
        raise StepFailed(f"{service} was started and does not answer")


def _wrong_files(box: VmBox, known: Journal) -> list[str]:
    """How the installed files differ from the payload."""
    if current_release(box.root) != known.new_release:
        return [f"the installed release is {current_release(box.root)}, not {known.new_release}"]
    if digest(listing(box.root / RELEASES / known.new_release)) != known.staged:
        return ["the installed files are not those of the payload any more"]
    there = installed(box.root)
    if there.version != known.version:
        return [f"the installed files say {there.agent} and {there.scripts}, not {known.version}"]
    return []


def _wrong_services(box: VmBox, known: Journal) -> list[str]:
    running = box.running()
    return [
        words
        for service in known.was_active
        if (words := _wrong_with(box, known, service, running.get(service)))
    ]


def _refuse_silence(box: VmBox, known: Journal) -> None:
    """Files alone say nothing of what runs. Raises: Unconfirmed, StepFailed."""
    if known.was_active or not known.was_dead:
        return
    said = {service: version for service in known.was_dead if (version := box.ask(service)) is not None}
    if not said:
        raise Unconfirmed(
            f"{known.version} is installed, but nothing in it answers: {', '.join(known.was_dead)} was dead before,"
            " and is not started by a patch. Start it, and try again"
        )
    wrong = [
        f"{service} answers {was}, not {known.version}"
        for service, was in said.items()
        if was != known.version
    ]
    if wrong:
        raise StepFailed("; ".join(wrong))


def _wrong_with(box: VmBox, known: Journal, service: str, process: Running | None) -> str:
    """Empty when it is as it is to be. A version that is said is believed only of a process that can know it."""
    if process is None:
        return f"{service} does not run"
    said = box.ask(service)
    if said is None:
        return f"{service} does not answer"
    if said != known.version:
        return f"{service} answers {said}, not {known.version}"
    is_old = process.words() == known.before.get(service) or not process.is_since(
        known.swapped_at, known.swapped_boot
    )
    return f"{service} says {said}, but runs since before that was installed" if is_old else ""


def _remove_what_is_over(box: VmBox, ticket: UUID) -> None:
    """Releases that nobody uses, and what patches before this one left. A patch on its way is left alone."""
    others = journal.others(box.root, ticket)
    ended = {Phase.VERIFIED, Phase.DISCARDED, Phase.ROLLING_BACK, Phase.ROLLED_BACK}
    for folder, other in others.items():
        if other.phase in ended:
            remove_tree(box.disk, folder)
    if all(other.phase in ended for other in others.values()):
        for release in sorted((box.root / RELEASES).iterdir()):
            if release.name != current_release(box.root):
                remove_tree(box.disk, release)
