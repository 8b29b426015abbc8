"""What a script printed, made inert: the last lines for a live page, or all that is kept, line by line."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.utils.translation import gettext as _

from dashboard.screens.words import figure, size
from maintenance.hooks.results import inert
from maintenance.models import OutputChunk, Step

TAIL_BYTES = 4096
TAIL_LINES = 6
LINE_CHARACTERS_MAX = 400  # of one line in the tail; the whole output has it all


@dataclass(frozen=True, slots=True)
class Line:
    at: datetime
    text: str
    is_last: bool


@dataclass(frozen=True, slots=True)
class OutputLine:
    """One line of the whole output. `start` and `end` are its bytes' places in all that was printed, and its name for
    ever; `number` counts from 1, and anew after a gap, where nobody knows how many lines are missing."""

    start: int
    end: int
    number: str
    text: str
    missing: str = ""  # what lay before it and was not kept


def tail(step: Step, lines_max: int = TAIL_LINES) -> list[Line]:
    """The last lines, each with the time its beginning was read."""
    chunks: list[OutputChunk] = []
    held = 0
    for chunk in OutputChunk.objects.filter(step=step).order_by("-start")[:64]:
        if chunks and chunk.start + len(chunk.content) != chunks[-1].start:
            break  # a gap: what lies before it is not the same stretch
        chunks.append(chunk)
        held += len(chunk.content)
        if held >= TAIL_BYTES:
            break
    pieces: list[tuple[datetime, bytes]] = []
    for chunk in reversed(chunks):
        for part in bytes(chunk.content).splitlines(keepends=True):
            if pieces and not pieces[-1][1].endswith((b"\n", b"\r")):
                pieces[-1] = (pieces[-1][0], pieces[-1][1] + part)
            else:
                pieces.append((chunk.at, part))
    last = pieces[-lines_max:]
    return [
        Line(at, _cut(inert(line.rstrip(b"\r\n"))), is_last=number == len(last))
        for number, (at, line) in enumerate(last, start=1)
    ]


def _cut(text: str) -> str:
    return text if len(text) <= LINE_CHARACTERS_MAX else text[:LINE_CHARACTERS_MAX] + "…"


@dataclass
class _Stretch:
    """Bytes without a gap, and how many were lost before them."""

    start: int
    lost: int
    content: bytearray = field(default_factory=bytearray)


def whole(step: Step) -> list[OutputLine]:
    """Every line that is kept, in order, with its gaps named. Some hundred kilobytes at most."""
    lines: list[OutputLine] = []
    for stretch in _stretches(step):
        is_first = stretch.start == 0
        missing = _("%(size)s not kept") % {"size": size(stretch.lost)} if stretch.lost else ""
        start = stretch.start
        for number, line in enumerate(bytes(stretch.content).splitlines(keepends=True), start=1):
            text = inert(line.rstrip(b"\r\n"))
            said = figure(number) if is_first else f"+{figure(number)}"
            lines.append(OutputLine(start, start + len(line), said, text, missing if number == 1 else ""))
            start += len(line)
    return lines


def lost_at_the_end(step: Step, lines: list[OutputLine]) -> str:
    """What was printed after the last line that is kept, where that is over."""
    end = lines[-1].end if lines else 0
    if step.finished is None or step.output_bytes <= end:
        return ""
    return _("%(size)s more printed, not kept") % {"size": size(step.output_bytes - end)}


def as_text(step: Step) -> Iterator[str]:
    """The same as one text to take away."""
    lines = whole(step)
    for line in lines:
        if line.missing:
            yield f"[… {line.missing} …]\n"
        yield f"{line.text}\n"
    if lost := lost_at_the_end(step, lines):
        yield f"[… {lost} …]\n"


def _stretches(step: Step) -> list[_Stretch]:
    found: list[_Stretch] = []
    end = 0
    for chunk in OutputChunk.objects.filter(step=step).order_by("start").iterator(chunk_size=64):
        if not found or chunk.start > end:
            found.append(_Stretch(chunk.start, lost=chunk.start - end))
        found[-1].content += bytes(chunk.content)
        end = chunk.start + len(chunk.content)
    return found
