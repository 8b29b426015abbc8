"""Which names a member of an archive may have, and which members may stand side by side."""

import re
import unicodedata
from dataclasses import dataclass, field
from enum import StrEnum

PATH_BYTES_MAX = 200
DEPTH_MAX = 16
DRIVE = re.compile(r"[A-Za-z]:")


class Rule(StrEnum):
    """What an archive broke, as a person reads it."""

    ABSOLUTE = "its name is absolute"
    UPWARD = "its name leads upward"
    BACKSLASH = "its name has a backslash"
    DRIVE = "its name begins with a drive"
    CONTROL = "its name has a character that cannot be seen"
    NOT_TEXT = "its name is not UTF-8"
    NOT_NORMAL = "its name can be read as another one"
    EMPTY = "its name is empty or has an empty part"
    LONG = f"its name is longer than {PATH_BYTES_MAX} bytes"
    DEEP = f"it lies deeper than {DEPTH_MAX} folders"
    TWICE = "it is there twice"
    CASE = "another member differs only in upper and lower case"
    FILE_AND_FOLDER = "it is a file and a folder at once"
    KIND = "it is neither a file nor a folder"
    EXTENDED = "it has an extended header, which could rename it"
    SETUID = "it would run with somebody else's rights"
    TIME = "its time is not believable"
    MEMBERS = "the archive has too many members"
    FILE_BYTES = "it is too big"
    BYTES = "the archive unpacks to too much"
    RATIO = "it unpacks to far more than it takes packed"
    ARCHIVE_BYTES = "the archive itself is too big"
    FORMAT = "the archive cannot be read"
    METHOD = "it is packed or encrypted in a way that is not supported"
    EXTRA_BYTES = "there are bytes around the archive"
    CHANGED = "the archive is not the one that was announced"


class BadArchive(Exception):
    """The archive is refused. Says which member, where it was one, and which rule."""

    def __init__(self, rule: Rule, member: str = "", detail: str = "") -> None:
        self.rule, self.member = rule, member
        place = f"{member[:PATH_BYTES_MAX]!r}: " if member else ""
        super().__init__(f"{place}{rule}{f' ({detail})' if detail else ''}")


def parts_of(name: str) -> tuple[str, ...]:
    """The name's folders and its own, safe to walk one by one; none for the archive's own root. Raises: BadArchive."""
    rest = name.removeprefix("./").removesuffix("/")
    if name in {".", "./"}:
        return ()
    for is_broken, rule in (
        (not rest, Rule.EMPTY),
        (any(unicodedata.category(letter)[0] == "C" for letter in name), Rule.CONTROL),
        (any(unicodedata.category(letter) in {"Zl", "Zp"} for letter in name), Rule.CONTROL),
        ("\\" in name, Rule.BACKSLASH),
        (rest.startswith("/"), Rule.ABSOLUTE),
        (DRIVE.match(rest) is not None, Rule.DRIVE),
    ):
        if is_broken:
            raise BadArchive(rule, name)
    if len(rest.encode()) > PATH_BYTES_MAX:
        raise BadArchive(Rule.LONG, name)
    parts = tuple(rest.split("/"))
    if ".." in parts:
        raise BadArchive(Rule.UPWARD, name)
    if "" in parts or "." in parts:
        raise BadArchive(Rule.EMPTY, name)
    if unicodedata.normalize("NFKC", rest) != rest:
        raise BadArchive(Rule.NOT_NORMAL, name)
    if len(parts) > DEPTH_MAX:
        raise BadArchive(Rule.DEEP, name)
    return parts


@dataclass(slots=True)
class Tree:
    """The members so far: no two are the same file, on any file system."""

    _seen: dict[tuple[str, ...], tuple[tuple[str, ...], str]] = field(default_factory=dict)

    def add(self, parts: tuple[str, ...], *, is_folder: bool) -> None:
        """Raises: BadArchive."""
        for depth in range(1, len(parts)):
            self._enter(parts[:depth], "implied", parts)
        self._enter(parts, "folder" if is_folder else "file", parts)

    def _enter(self, place: tuple[str, ...], kind: str, member: tuple[str, ...]) -> None:
        key = tuple(unicodedata.normalize("NFC", part.casefold()) for part in place)
        found = self._seen.get(key)
        if found is None:
            self._seen[key] = (place, kind)
            return
        before, kind_before = found
        name = "/".join(member)
        if before != place:
            raise BadArchive(Rule.CASE, name)
        if (kind == "file") is not (kind_before == "file"):
            raise BadArchive(Rule.FILE_AND_FOLDER, name)
        if kind != "implied" and kind == kind_before:
            raise BadArchive(Rule.TWICE, name)
        if kind == "folder":
            self._seen[key] = (place, kind)
