"""Which script runs in a stage (CloudStack's rule for names), and why one may not run (ours, for safety)."""

import errno
import os
import stat
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from maintenance.domain.hook_stages import STAGES, HookStage
from maintenance.hooks.interpreter import InterpreterMissing, check_interpreter

SUFFIXES = ("", ".sh", ".py")
SCRIPT_MAX_BYTES = 16 * 1024 * 1024
BEGINNING_BYTES = 512
DIGESTS_MAX = 10_000
# A file changed twice within the clock's grain looks untouched: only what has been at rest is remembered.
SETTLED_NS = 2_000_000_000

_known_digests: dict[tuple[int, ...], str] = {}


class ScriptRefused(Exception):
    """There is a script for the stage, but it must not run. `reason` is for people, `code` for programs."""

    def __init__(self, stage: HookStage, path: Path, code: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}.")
        self.stage = stage
        self.path = path
        self.code = code
        self.reason = reason


class HooksFolderUnreadable(Exception):
    """The hooks folder cannot be read, so which scripts there are is unknown: never the same as none."""


@dataclass(frozen=True, slots=True)
class Script:
    """A script that may run, and the digest (SHA-256, hexadecimal) of what was checked."""

    stage: HookStage
    path: Path
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a host has for one stage. A script with a `problem` is present and would be refused."""

    present: bool
    path: str | None
    digest: str | None
    problem: str | None
    looked_for: tuple[str, ...]


def find_script(hooks_dir: Path, stage: HookStage) -> Script | None:
    """The script of a stage: `<Stage>`, `<Stage>.sh` or `<Stage>.py`, the first that is a file (CloudStack).

    None when there is none at all. Something of that name that is no file is passed over for a file after it,
    but alone it is refused: somebody meant to have a script there.
    Raises: ScriptRefused, HooksFolderUnreadable.
    """
    names = _names_in(hooks_dir)
    candidates = [hooks_dir / name for name in candidate_names(stage) if name in names]
    for path in candidates:
        if path.is_file():
            return _check(hooks_dir, stage, path)
    for path in candidates:
        raise ScriptRefused(stage, path, *_why_no_file(path))
    return None


def look(hooks_dir: Path) -> dict[HookStage, Found]:
    """What the folder holds for every stage; a script that would be refused is told as its problem.

    Raises: HooksFolderUnreadable.
    """
    return {stage: _look_for(hooks_dir, stage) for stage in STAGES}


def candidate_names(stage: HookStage) -> tuple[str, ...]:
    """The file names of a stage, in the order in which they are looked for."""
    return tuple(stage.value + suffix for suffix in SUFFIXES)


def _look_for(hooks_dir: Path, stage: HookStage) -> Found:
    names = candidate_names(stage)
    try:
        script = find_script(hooks_dir, stage)
    except ScriptRefused as refusal:
        return Found(True, str(refusal.path), None, refusal.reason, names)
    if script is None:
        return Found(False, None, None, None, names)
    return Found(True, str(script.path), script.digest, None, names)


def _names_in(hooks_dir: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(hooks_dir))  # noqa: PTH208 - half the time of iterdir, several times a second
    except OSError as problem:
        raise HooksFolderUnreadable(
            f"The hooks folder {hooks_dir} cannot be read: {problem.strerror}."
        ) from problem


def _check(hooks_dir: Path, stage: HookStage, path: Path) -> Script:
    """The script at `path`, when nothing speaks against running it."""

    def refuse(code: str, reason: str) -> ScriptRefused:
        return ScriptRefused(stage, path, code, reason)

    try:
        folder, target = hooks_dir.resolve(strict=True), path.resolve(strict=True)
        if not target.is_relative_to(folder):
            raise refuse("symlink_out", f"it is a symlink to {target}, out of the hooks folder")
        for reason in _open_folders(folder, target):
            raise refuse("folder_world_writable", reason)
        beginning, digest, status = _read(target)
    except OSError as problem:
        raise refuse(*_why_unreadable(problem)) from problem
    if status.st_mode & stat.S_IWOTH:
        raise refuse("world_writable", "it is world-writable: take that right away with chmod o-w")
    if status.st_mode & (stat.S_ISUID | stat.S_ISGID):
        raise refuse("set_user_id", "it is marked to run as its owner (setuid or setgid)")
    if status.st_uid not in (0, os.geteuid(), folder.stat().st_uid):
        raise refuse(
            "wrong_owner", f"it belongs to account {status.st_uid}, neither root nor the folder's owner"
        )
    if not os.access(target, os.X_OK):
        raise refuse("not_executable", _why_not_executable(target, status))
    if status.st_size > SCRIPT_MAX_BYTES:
        raise refuse("too_large", f"it is larger than {SCRIPT_MAX_BYTES // 1024**2} MB")
    try:
        check_interpreter(beginning)
    except InterpreterMissing as problem:
        raise refuse("interpreter_missing", str(problem)) from problem
    return Script(stage, path, digest, status.st_size)


def _open_folders(folder: Path, target: Path) -> list[str]:
    """Folders in which anybody could put another script in this one's place, as sentences."""
    reasons = []
    for place in (*(parent for parent in target.parents if parent.is_relative_to(folder)), folder.parent):
        mode = place.stat().st_mode
        # Above the hooks folder a sticky one (such as /tmp) is harmless: only owners can rename what is in it.
        if mode & stat.S_IWOTH and (place != folder.parent or not mode & stat.S_ISVTX):
            reasons.append(f"its folder {place} is world-writable: take that right away with chmod o-w")
    return reasons


def _read(target: Path) -> tuple[bytes, str, os.stat_result]:
    """The file's first bytes, digest and status, all of the same open file."""
    fd = os.open(target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb", buffering=0) as file:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file any more")
        beginning = file.read(BEGINNING_BYTES)
        if status.st_size > SCRIPT_MAX_BYTES:
            return beginning, "", status
        digest = _digest(
            fd, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
        )
    return beginning, digest, status


def _digest(fd: int, *identity: int) -> str:
    # The folders of all hosts are looked at every few seconds; a file that was not touched is not read again.
    if known := _known_digests.get(identity):
        return known
    digest = sha256()
    place = 0
    while piece := os.pread(fd, 256 * 1024, place):
        digest.update(piece)
        place += len(piece)
    changed_at_ns = identity[-1]
    if time.time_ns() - changed_at_ns > SETTLED_NS:
        if len(_known_digests) >= DIGESTS_MAX:
            _known_digests.clear()
        _known_digests[identity] = digest.hexdigest()
    return digest.hexdigest()


def _why_no_file(path: Path) -> tuple[str, str]:
    if path.is_symlink() and not path.exists():
        return "symlink_broken", f"it is a symlink to {path.readlink()}, which does not exist"
    try:
        path.stat()
    except OSError as problem:
        return _why_unreadable(problem)
    kind = "a folder" if path.is_dir() else "no regular file"
    return "not_a_file", f"it is {kind}, not a script"


def _why_unreadable(problem: OSError) -> tuple[str, str]:
    if problem.errno == errno.ENOENT:
        return "vanished", "it vanished while it was looked at"
    return "unreadable", f"it cannot be read: {problem.strerror}"


def _why_not_executable(target: Path, status: os.stat_result) -> str:
    if not status.st_mode & 0o111:
        return "it is not executable: give that right with chmod +x"
    if os.statvfs(target).f_flag & os.ST_NOEXEC:
        return "it is not executable: its file system is mounted noexec"
    return "it is not executable for the account that runs it"
