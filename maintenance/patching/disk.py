"""Every change that a patch makes on a disk, one by one: so that a test can kill us, or fill the disk, at each."""

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path


class Disk:
    """The real one. Tests give one that counts, dies or is full."""

    def make_folder(self, name: str | Path, mode: int = 0o755, *, dir_fd: int | None = None) -> None:
        os.mkdir(name, mode, dir_fd=dir_fd)

    def create(self, name: str | Path, mode: int = 0o600, *, dir_fd: int | None = None) -> int:
        """A new file's descriptor; never through a link, never over another file."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(name, flags, mode, dir_fd=dir_fd)

    def write(self, fd: int, contents: bytes) -> None:
        """All of it."""
        view = memoryview(contents)
        while view:
            view = view[os.write(fd, view) :]

    def settle(self, fd: int) -> None:
        """What was written is on the disk, also after a power cut."""
        os.fsync(fd)

    def rename(self, old: Path, new: Path) -> None:
        old.rename(new)

    def link(self, path: Path, target: str) -> None:
        """A symbolic link that names the target."""
        path.symlink_to(target)

    def unlink(self, name: str | Path, *, dir_fd: int | None = None) -> None:
        os.unlink(name, dir_fd=dir_fd)

    def remove_folder(self, name: str | Path, *, dir_fd: int | None = None) -> None:
        os.rmdir(name, dir_fd=dir_fd)


def is_full(problem: OSError) -> bool:
    return problem.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def open_folder(name: str | Path, *, dir_fd: int | None = None) -> int:
    """A folder's descriptor; never through a link."""
    return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)


def settle_folder(disk: Disk, folder: Path) -> None:
    """What was made, renamed or removed in it is so, also after a power cut."""
    fd = open_folder(folder)
    try:
        disk.settle(fd)
    finally:
        os.close(fd)


def write_at_once(disk: Disk, path: Path, contents: bytes, mode: int = 0o644) -> None:
    """The file is the old one or the new one, never half."""
    new = path.with_name(f".{path.name}.new")
    if new.exists() or new.is_symlink():
        disk.unlink(new)
    fd = disk.create(new, mode)
    try:
        disk.write(fd, contents)
        disk.settle(fd)
    finally:
        os.close(fd)
    disk.rename(new, path)
    settle_folder(disk, path.parent)


def remove_tree(disk: Disk, path: Path) -> None:
    """It is gone, with all in it; links are removed, not followed. Nothing happens when it was not there."""
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        disk.unlink(path)
        return
    fd = open_folder(path)
    try:
        _empty(disk, fd)
    finally:
        os.close(fd)
    disk.remove_folder(path)


def _empty(disk: Disk, folder: int) -> None:
    with os.scandir(folder) as listed:
        found: Mapping[str, bool] = {entry.name: entry.is_dir(follow_symlinks=False) for entry in listed}
    for name, is_folder in sorted(found.items()):
        if not is_folder:
            disk.unlink(name, dir_fd=folder)
            continue
        inner = open_folder(name, dir_fd=folder)
        try:
            _empty(disk, inner)
        finally:
            os.close(inner)
        disk.remove_folder(name, dir_fd=folder)
