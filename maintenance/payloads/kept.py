"""The folder of payload files, each under its SHA-256: written once, whole and checked, or not at all.

Bytes are checked on their way into the file that is kept; nothing is read a second time to be judged.
"""

import hashlib
import os
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from maintenance.payloads.refused import Refused

CHUNK_BYTES = 1 << 20
UNFINISHED, LOCK = ".part", ".lock"
UNFINISHED_KEPT_S = 6 * 3600.0  # a fetch that was cut off may go on within this time
UNNAMED_KEPT_S = 24 * 3600.0  # a file that no payload names: somebody may be publishing it just now


class WrongSize(Refused):
    """The file has more or fewer bytes than its manifest says."""


class WrongChecksum(Refused):
    """The file is not the one that was signed."""


class NoSpace(Refused):
    """The folder of payloads has no room for it."""


def keep(
    chunks: Iterable[bytes], *, sha256: str, size: int, name: str, folder: Path, quota_bytes: int
) -> Path:
    """The bytes lie in the folder under their checksum, on the disk, or nothing does. Safe to do twice at once.

    Raises: WrongSize, WrongChecksum, NoSpace, and what `chunks` raises.
    """
    kept = folder / sha256
    with _new_file(folder) as (file, unfinished):
        digest, count = hashlib.sha256(), 0
        if not kept.exists():
            check_room(folder, size, quota_bytes, name)
        for chunk in chunks:
            count += len(chunk)
            if count > size:
                raise WrongSize(f"{name} has more bytes than the {size:,} that its manifest says", field=name)
            digest.update(chunk)
            write(file, chunk, name)
        if count < size:
            raise WrongSize(f"{name} has {count:,} bytes; its manifest says {size:,}", field=name)
        if digest.hexdigest() != sha256:
            raise WrongChecksum(
                f"{name} is not the file that was signed: its checksum is another", field=name
            )
        settle(file, unfinished, kept)
    return kept


def write(file: BinaryIO, chunk: bytes, name: str) -> None:
    """Raises: NoSpace."""
    try:
        file.write(chunk)
    except OSError as reason:
        raise NoSpace(f"{name} cannot be written here: {reason.strerror}", field=name) from reason


def settle(file: BinaryIO, unfinished: Path, kept: Path) -> None:
    """What was written and checked has its final name, also after a power cut."""
    file.flush()
    os.fchmod(file.fileno(), 0o444)
    os.fsync(file.fileno())
    unfinished.replace(kept)
    folder = os.open(kept.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def check_room(folder: Path, size: int, quota_bytes: int, name: str) -> None:
    """Raises: NoSpace."""
    used = 0
    for path in _files(folder):
        with suppress(FileNotFoundError):  # another process has just finished with it
            used += path.stat().st_size
    if used + size > quota_bytes:
        raise NoSpace(
            f"there is no room for {name}: payloads may take {quota_bytes:,} bytes together and take {used:,}. Raise"
            " PITSTOP_PAYLOADS_MAX_MB, or withdraw old payloads and have them removed",
            field=name,
        )


def remove_left_over(folder: Path, named: Collection[str], *, now: float | None = None) -> list[str]:
    """Files that no payload names and nobody has touched for long are gone. Returns: their names."""
    at, removed = time.time() if now is None else now, []
    for path in _files(folder):
        if path.name in named or path.name.endswith(LOCK):
            continue
        is_part = path.name.endswith(UNFINISHED)
        with suppress(FileNotFoundError):  # another process does the same
            if at - path.stat().st_mtime > (UNFINISHED_KEPT_S if is_part else UNNAMED_KEPT_S):
                path.unlink()
                removed.append(path.name)
    return removed


def chunks_of(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


@contextmanager
def _new_file(folder: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """A file of this call alone; gone afterwards unless it was settled."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(suffix=UNFINISHED, prefix=".", dir=folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, Path(name)
    finally:
        with suppress(FileNotFoundError):
            Path(name).unlink()


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()] if folder.is_dir() else []
