r"""Bytes of a script made harmless for people: nothing in them can move a cursor, set a title or turn a line.

Newlines and tabs stay. Everything else that acts instead of showing becomes visible: escape as ␛, other control
characters as their pictures (␀, ␍), bytes that are no UTF-8 and C1 controls as \x9b, bidi controls as \u202e.
HTML is not treated here: templates escape it.
"""

import re
import unicodedata

# Joiners (U+200C, U+200D) belong to words of some languages and to emoji and move nothing: they stay.
_INVISIBLE = "".join(
    re.escape(chr(point))
    for point in (
        *range(0x20),
        *range(0x7F, 0xA0),
        *range(0xA0, 0x3000),
        *range(0xFEFF, 0x10000),
        *range(0xE0000, 0xE0080),
    )
    if chr(point) not in "\n\t\u200c\u200d" and unicodedata.category(chr(point)) in {"Cc", "Cf", "Zl", "Zp"}
)
_ACTS = re.compile(f"[{_INVISIBLE}]")


def inert(data: bytes) -> str:
    """The text of `data`, safe on a page, in a log line's value and in a terminal.

    Any slice may be given, also one cut inside a character: the torn bytes are shown as \\xNN. To read on
    without torn characters, use `InertReader` or cut with `whole_characters`.
    """
    return _show(data.decode("utf-8", "backslashreplace"))


def whole_characters(data: bytes) -> int:
    """How many bytes of `data` end on a character and not between CR and LF; the rest belongs to the next slice."""
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
    return _ACTS.sub(lambda match: _picture(match.group()), text.replace("\r\n", "\n"))


def _picture(character: str) -> str:
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
