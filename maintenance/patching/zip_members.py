"""The members of a zip. Files and folders only, packed plainly or deflated; nothing before, between or behind them
that another reader could take for something else."""

import stat
import struct
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import BinaryIO

from maintenance.patching.member import CHUNK, Entry, readable
from maintenance.patching.names import BadArchive, Rule

END = struct.Struct("<4s4H2LH")
END_MAGIC = b"PK\x05\x06"
DIRECTORY_BYTES_MAX = 4 << 20  # read into memory at once
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED, PATCHED, STRONG = 0x1, 0x20, 0x40
LOCAL_HEADER_BYTES = 30
UNIX = 3
ZIP64 = 0xFFFFFFFF


def entries(file: BinaryIO, members_max: int) -> Iterator[Entry]:
    """Each member in turn. Raises: BadArchive."""
    _check_end(file, members_max)
    with readable(), zipfile.ZipFile(file) as archive:
        listed = archive.infolist()
        _check_places(listed, archive.start_dir)
        for info in listed:
            yield _entry(archive, info)


def _check_end(file: BinaryIO, members_max: int) -> None:
    """The archive begins with its first member and ends with its directory, which is not too big to be read."""
    file.seek(0)
    if file.read(4) not in (b"PK\x03\x04", END_MAGIC):
        raise BadArchive(Rule.FORMAT, detail="it is not a zip")
    length = file.seek(0, 2)
    file.seek(max(0, length - END.size))
    end = file.read(END.size)
    if len(end) != END.size or end[:4] != END_MAGIC:
        raise BadArchive(Rule.FORMAT, detail="it ends too early, or something follows it")
    _, disk, start_disk, here, members, size, offset, comment = END.unpack(end)
    if members == 0xFFFF or ZIP64 in (size, offset) or size > DIRECTORY_BYTES_MAX or members > members_max:
        raise BadArchive(Rule.MEMBERS)
    if disk or start_disk or here != members or comment:
        raise BadArchive(Rule.FORMAT, detail="its end is damaged")
    if offset + size + END.size != length:
        raise BadArchive(Rule.EXTRA_BYTES)


def _check_places(listed: list[zipfile.ZipInfo], directory_at: int) -> None:
    """No member lies over another one, or outside."""
    at = 0
    for info in sorted(listed, key=lambda info: info.header_offset):
        if info.header_offset < at:
            raise BadArchive(Rule.FORMAT, info.orig_filename, "members overlap")
        at = info.header_offset + LOCAL_HEADER_BYTES + info.compress_size
    if listed and min(info.header_offset for info in listed) != 0:
        raise BadArchive(Rule.EXTRA_BYTES)
    if at > directory_at:
        raise BadArchive(Rule.FORMAT, detail="members overlap")


def _entry(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Entry:
    name = info.orig_filename
    if info.flag_bits & (ENCRYPTED | PATCHED | STRONG) or info.compress_type not in METHODS:
        raise BadArchive(Rule.METHOD, name)
    mode = info.external_attr >> 16 if info.create_system == UNIX else 0
    is_folder = name.endswith("/")
    if stat.S_IFMT(mode) not in ({0, stat.S_IFDIR} if is_folder else {0, stat.S_IFREG}):
        raise BadArchive(Rule.KIND, name)
    if is_folder and (info.file_size or info.compress_size):
        raise BadArchive(Rule.KIND, name, "a folder with contents")
    try:
        written = datetime(*info.date_time, tzinfo=UTC).timestamp()
    except ValueError:
        raise BadArchive(Rule.TIME, name) from None
    permissions = stat.S_IMODE(mode) or (0o755 if is_folder else 0o644)
    chunks = iter(()) if is_folder else _chunks(archive, info)
    return Entry(name, is_folder, permissions, written, info.file_size, info.compress_size, chunks)


def _chunks(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """zipfile compares the local header's name, finds overlaps, and checks the checksum at the end."""
    with readable(), archive.open(info) as member:
        while chunk := member.read(CHUNK):
            yield chunk
