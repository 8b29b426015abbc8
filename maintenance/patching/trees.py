"""Folders with all that is in them: listed with checksums, and copied so that the copy is known to be the same."""

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from maintenance.patching.disk import Disk, settle_folder

CHUNK = 1 << 16

type Listing = Mapping[str, str]  # path below the folder → its mode and checksum, or link target


def listing(folder: Path) -> Listing:
    """Every file, folder and link below, as they are on the disk now. Raises: OSError."""
    found: dict[str, str] = {}
    for path in _below(folder):
        mode = path.lstat().st_mode
        name = str(path.relative_to(folder))
        if stat.S_ISLNK(mode):
            found[name] = f"link {path.readlink()}"
        elif stat.S_ISDIR(mode):
            found[name] = f"folder {stat.S_IMODE(mode):o}"
        elif stat.S_ISREG(mode):
            found[name] = f"file {stat.S_IMODE(mode):o} {sha256_of(path)}"
        else:
            raise OSError(f"{path} is neither a file, a folder nor a link")
    return found


def digest(listed: Listing) -> str:
    """Equal for equal contents."""
    return hashlib.sha256(json.dumps(dict(sorted(listed.items()))).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """Of what is on the disk: what the system still has in memory is let go first."""
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        return hashlib.file_digest(file, "sha256").hexdigest()


def copy_tree(disk: Disk, source: Path, to: Path) -> None:
    """`to`, which must not be there, is a copy: contents, modes, links. On the disk, also after a power cut.
    Raises: OSError."""
    disk.make_folder(to, stat.S_IMODE(source.stat().st_mode))
    folders = [to]
    for path in _below(source):
        mode, copy = path.lstat().st_mode, to / path.relative_to(source)
        if stat.S_ISLNK(mode):
            disk.link(copy, str(path.readlink()))
        elif stat.S_ISDIR(mode):
            disk.make_folder(copy, 0o700)
            copy.chmod(stat.S_IMODE(mode))
            folders.append(copy)
        else:
            copy_file(disk, path, copy)
    for folder in reversed(folders):
        settle_folder(disk, folder)
    settle_folder(disk, to.parent)


def copy_file(disk: Disk, source: Path, to: Path) -> tuple[str, int]:
    """A new file with the same bytes and mode; the checksum and number of the bytes that were read."""
    sums, size = hashlib.sha256(), 0
    fd = disk.create(to, 0o600)
    try:
        with source.open("rb") as file:
            while chunk := file.read(CHUNK):
                sums.update(chunk)
                size += len(chunk)
                disk.write(fd, chunk)
            os.fchmod(fd, stat.S_IMODE(os.fstat(file.fileno()).st_mode))
        disk.settle(fd)
    finally:
        os.close(fd)
    return sums.hexdigest(), size


def _below(folder: Path) -> list[Path]:
    """Folders before what is in them; links are not followed."""
    return sorted(folder.rglob("*"))
