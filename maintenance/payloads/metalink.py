"""Metalinks (RFC 5854): mirrors of a file, by priority and place. No DTD, no entity, nothing without bounds."""

from dataclasses import dataclass, field
from xml.parsers import expat

from maintenance.payloads.refused import Refused

BYTES_MAX = 256 * 1024
DEPTH_MAX, FILES_MAX, MIRRORS_MAX, TEXT_MAX = 8, 20, 100, 2000
LAST_PRIORITY = 999_999  # of a mirror that names none
SPACE = "urn:ietf:params:xml:ns:metalink"
SHA_256 = {"sha-256", "sha256"}
ENDINGS = (".meta4", ".metalink")


class BadMetalink(Refused):
    """It is no metalink, or not one of this file."""

    field = "source"


@dataclass(frozen=True, slots=True)
class Mirror:
    """Where a file can be had. A smaller priority goes first; `location` is a country's two letters, or nothing."""

    url: str
    priority: int = LAST_PRIORITY
    location: str = ""


@dataclass(slots=True)
class Listed:
    """One file of a metalink."""

    name: str
    sha256: str = ""
    size: int | None = None
    mirrors: list[Mirror] = field(default_factory=list)


def mirrors_of(content: bytes, *, sha256: str, size: int, near: str = "") -> list[Mirror]:
    """Where the file with this checksum can be had: by priority, and among equals the nearest first.

    Raises: BadMetalink, also when it tells of no such file, or says something else about it than its manifest.
    """
    found = read_metalink(content)
    same = [one for one in found if one.sha256 == sha256]
    if not same:
        raise BadMetalink("the metalink tells of no file with this checksum")
    if any(one.size not in {None, size} for one in same):
        raise BadMetalink("the metalink says another size than the manifest")
    mirrors = [mirror for one in same for mirror in one.mirrors]
    if not mirrors:
        raise BadMetalink("the metalink names no mirror of the file")
    return sorted(mirrors, key=lambda mirror: (mirror.priority, mirror.location != near.lower() or not near))


def read_metalink(content: bytes) -> list[Listed]:
    """All files that it lists. Raises: BadMetalink."""
    if len(content) > BYTES_MAX:
        raise BadMetalink(f"the metalink has more than {BYTES_MAX:,} bytes")
    reader = _Reader()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    # What only attacks need is refused where it is declared, before anything is made of it.
    parser.StartDoctypeDeclHandler = _no_dtd
    parser.EntityDeclHandler = _no_dtd
    parser.ExternalEntityRefHandler = _no_dtd
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as reason:
        raise BadMetalink(f"the metalink is no XML that can be read: {reason}") from reason
    if not reader.is_metalink:
        raise BadMetalink("this is no metalink of RFC 5854: its first element is another")
    return reader.files


def _no_dtd(*_declared: object) -> int:
    raise BadMetalink("the metalink has a DTD or an entity, which no metalink needs: it is not read")


class _Reader:
    """Follows the elements; unknown ones are passed over, as the RFC wants it."""

    def __init__(self) -> None:
        self.files: list[Listed] = []
        self.is_metalink = False
        self._path: list[str] = []
        self._attributes: dict[str, str] = {}
        self._text = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(_local(name))
        if len(self._path) > DEPTH_MAX:
            raise BadMetalink("the metalink is nested too deeply")
        self._attributes, self._text = attributes, ""
        if self._path == ["metalink"]:
            self.is_metalink = True
        elif self._path == ["metalink", "file"]:
            if len(self.files) == FILES_MAX:
                raise BadMetalink(f"the metalink lists more than {FILES_MAX} files")
            self.files.append(Listed(attributes.get("name", "")))

    def text(self, piece: str) -> None:
        self._text += piece
        if len(self._text) > TEXT_MAX and self._path[:2] == ["metalink", "file"]:
            raise BadMetalink("the metalink holds a text that is too long")
        self._text = self._text[:TEXT_MAX]

    def end(self, _name: str) -> None:
        if self._path[:-1] == ["metalink", "file"]:
            self._take(self._path[-1], self._text.strip(), self.files[-1])
        self._path.pop()
        self._text = ""

    def _take(self, what: str, said: str, file: Listed) -> None:
        match what:
            case "hash" if self._attributes.get("type", "").lower() in SHA_256:
                if file.sha256 and file.sha256 != said.lower():
                    raise BadMetalink("the metalink says two checksums of one file")
                file.sha256 = said.lower()
            case "size":
                file.size = _number(said, "size", most=1 << 50)
            case "url":
                if len(file.mirrors) == MIRRORS_MAX:
                    raise BadMetalink(f"the metalink names more than {MIRRORS_MAX} mirrors of a file")
                given = self._attributes.get("priority")
                priority = LAST_PRIORITY if given is None else _number(given, "priority", most=LAST_PRIORITY)
                file.mirrors.append(Mirror(said, priority, self._attributes.get("location", "").lower()))


def _local(name: str) -> str:
    space, _space, local = name.rpartition(" ")
    return local if space == SPACE else f"{{{space}}}{local}"


def _number(text: str, what: str, *, most: int) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 15 or int(text) > most:
        raise BadMetalink(f"the metalink has a {what} that is no number, or too large")
    return int(text)
