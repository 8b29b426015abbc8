"""The members of a tar.gz, read one header after another. Only ustar files and folders; anything that could rename,
link or hide a member is refused. Nothing is trusted to be as long as it says."""

import gzip
import stat
from collections.abc import Iterator
from typing import BinaryIO

from maintenance.patching.member import CHUNK, Entry, readable
from maintenance.patching.names import BadArchive, Rule

BLOCK = 512
FILE_TYPES = (b"0", b"\0")
FOLDER_TYPE = b"5"
EXTENDED_TYPES = (b"x", b"g", b"X", b"L", b"K", b"N")
PADDING_MAX = 1 << 20  # zeros after the end: tar pads to its record


def entries(file: BinaryIO) -> Iterator[Entry]:
    """Each member in turn; its bytes must be read before the next is asked for. Raises: BadArchive."""
    file.seek(0)
    if file.read(2) != b"\x1f\x8b":
        raise BadArchive(Rule.FORMAT, detail="it is not gzip")
    file.seek(0)
    with readable(), gzip.GzipFile(fileobj=file, mode="rb") as stream:
        yield from _members(stream)


def _members(stream: gzip.GzipFile) -> Iterator[Entry]:
    while True:
        header = _exactly(stream, BLOCK)
        if header == bytes(BLOCK):
            return _end(stream)
        entry, left = _entry(header)
        reader = _Reader(stream, left)
        yield Entry(entry.name, entry.is_folder, entry.mode, entry.mtime, entry.size, None, reader.chunks())
        reader.finish()


def _entry(header: bytes) -> tuple[Entry, int]:
    spaces = header[:148] + b" " * 8 + header[156:]
    if header[257:262] != b"ustar" or _number(header[148:156], "checksum") != sum(spaces):
        raise BadArchive(Rule.FORMAT, detail="a header is damaged")
    raw = header[:100].split(b"\0")[0]
    if header[257:265] == b"ustar\x0000" and header[345]:
        raw = header[345:500].split(b"\0")[0] + b"/" + raw
    try:
        name = raw.decode()
    except UnicodeDecodeError:
        raise BadArchive(Rule.NOT_TEXT, raw.decode(errors="backslashreplace")) from None
    if header[:100].rstrip(b"\0").count(b"\0"):
        raise BadArchive(Rule.CONTROL, name)
    kind = header[156:157]
    if kind in EXTENDED_TYPES:
        raise BadArchive(Rule.EXTENDED, name)
    if kind not in FILE_TYPES and kind != FOLDER_TYPE:
        raise BadArchive(Rule.KIND, name, f"type {kind.decode(errors='replace')}")
    if header[157:257].strip(b"\0 "):
        raise BadArchive(Rule.KIND, name, "it names a link")
    is_folder = kind == FOLDER_TYPE
    if not is_folder and name.endswith("/"):
        raise BadArchive(Rule.FILE_AND_FOLDER, name)
    size = _number(header[124:136], name)
    if is_folder and size:
        raise BadArchive(Rule.KIND, name, "a folder with contents")
    mode = _number(header[100:108], name)
    return Entry(name, is_folder, stat.S_IMODE(mode), _number(header[136:148], name), size), size


def _number(field: bytes, name: str) -> int:
    """Octal. The binary form (for what is too big for octal) is refused."""
    text = field.strip(b"\0 ")
    if not text:
        return 0
    if not all(48 <= digit < 56 for digit in text):
        raise BadArchive(
            Rule.TIME if field[:1] == b"\x80" and len(field) == 12 else Rule.FORMAT, name, "a number"
        )
    return int(text, 8)


class _Reader:
    """So many bytes of the stream, and the padding after them."""

    def __init__(self, stream: gzip.GzipFile, size: int) -> None:
        self._stream, self._left, self._padding = stream, size, -size % BLOCK

    def chunks(self) -> Iterator[bytes]:
        while self._left:
            chunk = _exactly(self._stream, min(self._left, CHUNK))
            self._left -= len(chunk)
            yield chunk

    def finish(self) -> None:
        assert self._left == 0, "a member was left before it was read"
        _exactly(self._stream, self._padding)


def _exactly(stream: gzip.GzipFile, size: int) -> bytes:
    found = b""
    while len(found) < size:
        with readable():
            chunk = stream.read(size - len(found))
        if not chunk:
            raise BadArchive(Rule.FORMAT, detail="it ends too early")
        found += chunk
    return found


def _end(stream: gzip.GzipFile) -> None:
    """Only zeros follow, and the checksum of the whole fits."""
    seen = 0
    while chunk := stream.read(CHUNK):
        seen += len(chunk)
        if chunk.strip(b"\0") or seen > PADDING_MAX:
            raise BadArchive(Rule.EXTRA_BYTES)
