"""Unpacking what came from outside. The whole archive is checked before one byte is written; then regular files and
folders are made, one by one, each below the folder's descriptor and never through a link.

Both passes read the same open file, whose checksum is compared first; the second one writes only names that the first
one passed, and only contents that are the same.
"""

import hashlib
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from io import BufferedReader
from pathlib import Path

from maintenance.patching import tar_members, zip_members
from maintenance.patching.disk import Disk, open_folder
from maintenance.patching.member import Entry
from maintenance.patching.names import BadArchive, Rule, Tree, parts_of

DAY_S = 86_400
RIGHTS_OF_OTHERS = stat.S_ISUID | stat.S_ISGID | stat.S_ISVTX


class Kind(StrEnum):
    ZIP = "zip"
    TAR_GZ = "tar.gz"


@dataclass(frozen=True, slots=True)
class Limits:
    """What one archive may hold at most. The ratio counts from `ratio_from_bytes` on: short texts pack very well."""

    members: int = 20_000
    file_bytes: int = 256 << 20
    bytes: int = 1 << 30
    archive_bytes: int = 512 << 20
    ratio: int = 200
    ratio_from_bytes: int = 1 << 20


LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Member:
    """A file or folder that may be made. `sha256` and `bytes` are of what was really in the archive."""

    parts: tuple[str, ...]
    is_folder: bool
    mode: int
    mtime: float
    bytes: int = 0
    sha256: str = ""

    @property
    def name(self) -> str:
        return "/".join(self.parts)


def check(archive: Path, kind: Kind, *, sha256: str, limits: Limits = LIMITS) -> tuple[Member, ...]:
    """What it holds; nothing is written. Raises: BadArchive, OSError."""
    with _opened(archive) as file:
        return _checked(file, kind, sha256, limits)


def unpack(
    archive: Path, kind: Kind, into: Path, *, sha256: str, limits: Limits = LIMITS, disk: Disk | None = None
) -> tuple[Member, ...]:
    """The folder, which must be there and empty, holds what the archive holds. Raises: BadArchive (nothing was
    written; only where the archive was changed under our hands, something was), OSError."""
    disk = disk or Disk()
    with _opened(archive) as file:
        members = _checked(file, kind, sha256, limits)
        root = open_folder(into)
        try:
            with os.scandir(root) as there:
                is_empty = next(there, None) is None
            if not is_empty:
                raise FileExistsError(f"{into} is not empty")
            _write_all(disk, root, members, _passed(file, kind, limits))
        finally:
            os.close(root)
    return members


def _opened(archive: Path) -> BufferedReader:
    return os.fdopen(os.open(archive, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")


def _checked(file: BufferedReader, kind: Kind, sha256: str, limits: Limits) -> tuple[Member, ...]:
    if os.fstat(file.fileno()).st_size > limits.archive_bytes:
        raise BadArchive(Rule.ARCHIVE_BYTES)
    if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
        raise BadArchive(Rule.CHANGED)
    members = []
    for member, chunks in _passed(file, kind, limits):
        digest, size = hashlib.sha256(), 0
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
        text = "" if member.is_folder else digest.hexdigest()
        members.append(Member(member.parts, member.is_folder, member.mode, member.mtime, size, text))
    return tuple(members)


def _passed(file: BufferedReader, kind: Kind, limits: Limits) -> Iterator[tuple[Member, Iterator[bytes]]]:
    """Each member that may be made, with its bytes, which are counted while they are read. Raises: BadArchive."""
    packed = os.fstat(file.fileno()).st_size
    listed = tar_members.entries(file) if kind is Kind.TAR_GZ else zip_members.entries(file, limits.members)
    tree, meter = Tree(), _Meter(limits, packed)
    for count, entry in enumerate(listed, start=1):
        if count > limits.members:
            raise BadArchive(Rule.MEMBERS)
        parts = parts_of(entry.name)
        if entry.mode & RIGHTS_OF_OTHERS:
            raise BadArchive(Rule.SETUID, entry.name)
        if not 0 <= entry.mtime <= time.time() + DAY_S:
            raise BadArchive(Rule.TIME, entry.name)
        if entry.size > limits.file_bytes:
            raise BadArchive(Rule.FILE_BYTES, entry.name)
        if not parts:
            if not entry.is_folder:
                raise BadArchive(Rule.EMPTY, entry.name)
            continue
        tree.add(parts, is_folder=entry.is_folder)
        is_run = bool(entry.mode & 0o111) or entry.is_folder
        yield (
            Member(parts, entry.is_folder, 0o755 if is_run else 0o644, entry.mtime),
            meter.counted(entry),
        )


class _Meter:
    """Counts what comes out, of one member and of all."""

    def __init__(self, limits: Limits, packed: int) -> None:
        self._limits, self._packed, self._all = limits, packed, 0

    def counted(self, entry: Entry) -> Iterator[bytes]:
        limits, size = self._limits, 0
        for chunk in entry.chunks:
            size += len(chunk)
            self._all += len(chunk)
            if size > limits.file_bytes:
                raise BadArchive(Rule.FILE_BYTES, entry.name)
            if self._all > limits.bytes:
                raise BadArchive(Rule.BYTES, entry.name)
            packed = self._packed if entry.packed is None else entry.packed
            if size > limits.ratio_from_bytes and size > packed * limits.ratio:
                raise BadArchive(Rule.RATIO, entry.name)
            if self._all > limits.ratio_from_bytes and self._all > self._packed * limits.ratio:
                raise BadArchive(Rule.RATIO, entry.name)
            yield chunk


def _write_all(
    disk: Disk, root: int, members: tuple[Member, ...], again: Iterator[tuple[Member, Iterator[bytes]]]
) -> None:
    made: set[tuple[str, ...]] = set()
    for member in members:
        try:
            found, chunks = next(again)
        except StopIteration:
            raise BadArchive(Rule.CHANGED, member.name) from None
        if found.parts != member.parts or found.is_folder is not member.is_folder:
            raise BadArchive(Rule.CHANGED, member.name)
        _write(disk, root, member, chunks, made)
    if next(again, None) is not None:
        raise BadArchive(Rule.CHANGED)


def _write(
    disk: Disk, root: int, member: Member, chunks: Iterator[bytes], made: set[tuple[str, ...]]
) -> None:
    """Its folders are opened one in another, from the root's descriptor on."""
    folder = os.dup(root)
    try:
        folders = member.parts if member.is_folder else member.parts[:-1]
        for depth, part in enumerate(folders, start=1):
            if member.parts[:depth] not in made:
                disk.make_folder(part, 0o755, dir_fd=folder)
                made.add(member.parts[:depth])
            inner = open_folder(part, dir_fd=folder)
            os.close(folder)
            folder = inner
        if not member.is_folder:
            _write_file(disk, folder, member, chunks)
        disk.settle(folder)
    finally:
        os.close(folder)


def _write_file(disk: Disk, folder: int, member: Member, chunks: Iterator[bytes]) -> None:
    fd = disk.create(member.parts[-1], member.mode, dir_fd=folder)
    try:
        digest = hashlib.sha256()
        for chunk in chunks:
            digest.update(chunk)
            disk.write(fd, chunk)
        if digest.hexdigest() != member.sha256:
            raise BadArchive(Rule.CHANGED, member.name)
        os.fchmod(fd, member.mode)
        os.utime(fd, (member.mtime, member.mtime))
        disk.settle(fd)
    finally:
        os.close(fd)
