r"""Bytes of a script made harmless for people: nothing in them moves a cursor, sets a title or turns a line.

Newlines and tabs stay. Everything else that acts instead of showing becomes visible: escape as ␛, other
control characters as their pictures (␀, ␍), bytes that are no UTF-8 and C1 controls as \x9b, bidi controls as
\u202e.
HTML is not treated here: templates escape it.
"""

import re
import unicodedata
from functools import lru_cache

# Joiners belong to words of some languages and to emoji, and move nothing.
_HARMLESS = frozenset("\n\t\u200c\u200d")
_ACTING_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp"})
_UNUSUAL = re.compile(r"[^\n\t\x20-\x7e]")


def inert(data: bytes) -> str:
    """The text of `data`, safe on a page, in a log line's value and in a terminal.

    Any slice may be given, also one cut inside a character: the torn bytes are shown as \\xNN. To read on
    without torn characters, use `InertReader` or cut with `whole_characters`.
    """
    return _show(data.decode("utf-8", "backslashreplace"))


def whole_characters(data: bytes) -> int:
    """How many bytes of `data` end on a character, not between CR and LF; the rest is for the next slice."""
    end = len(data) - _torn_at_end(data)
    return end - 1 if data[:end].endswith(b"\r") else end


class InertReader:
    """`inert` for output that arrives in slices: what a cut tore apart waits for the next slice."""

    def __init__(self) -> None:
        self._waiting = b""

    def feed(self, data: bytes) -> str:
        """The text that is complete now."""
        joined = self._waiting + data
        end = whole_characters(joined)
        self._waiting = joined[end:]
        return inert(joined[:end])

    def finish(self) -> str:
        """What still waited, shown as it is: no more will come."""
        waiting, self._waiting = self._waiting, b""
        return inert(waiting)


def _show(text: str) -> str:
    return _UNUSUAL.sub(lambda match: _picture(match.group()), text.replace("\r\n", "\n"))


@lru_cache(maxsize=4096)
def _picture(character: str) -> str:
    if character in _HARMLESS or unicodedata.category(character) not in _ACTING_CATEGORIES:
        return character
    point = ord(character)
    if point < 0x20:
        return chr(0x2400 + point)
    if point == 0x7F:
        return "␡"
    if point < 0x100:
        return f"\\x{point:02x}"
    return f"\\u{point:04x}" if point < 0x10000 else f"\\U{point:08x}"


def _torn_at_end(data: bytes) -> int:
    """The length (0 to 3) of an unfinished UTF-8 character at the end of `data`."""
    for back, byte in enumerate(reversed(data[-3:]), start=1):
        if byte < 0x80:
            return 0
        if byte >= 0xC0:
            length = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if byte < 0xF8 and back < length else 0
    return 0
