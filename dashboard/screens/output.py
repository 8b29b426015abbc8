"""What a script printed, made inert: the last lines for a live page, or all that is kept."""

from dataclasses import dataclass
from datetime import datetime

from dashboard.screens.words import size
from maintenance.hooks.results import inert, whole_characters
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
class Piece:
    """A stretch of the whole output; `missing` says what lay before it and was not kept."""

    missing: str
    text: str


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


def whole(step: Step) -> list[Piece]:
    """Everything that is kept, in order, with its gaps named."""
    pieces: list[Piece] = []
    stretch = b""
    missing = ""
    end = 0
    for chunk in OutputChunk.objects.filter(step=step).order_by("start").iterator(chunk_size=64):
        if chunk.start > end:
            if stretch:
                pieces.append(Piece(missing, inert(stretch)))
            missing, stretch = f"{size(chunk.start - end)} not kept", b""
        stretch += bytes(chunk.content)
        end = chunk.start + len(chunk.content)
    if stretch:
        pieces.append(Piece(missing, inert(stretch)))
    if step.output_bytes > end:
        pieces.append(Piece(f"{size(step.output_bytes - end)} more printed, not kept", ""))
    return pieces


def after(step: Step, position: int) -> tuple[str, int]:
    """What was printed after `position`, whole characters only, and the position after it."""
    collected = b""
    end = position
    for chunk in OutputChunk.objects.filter(step=step, start__gte=position - 65536).order_by("start"):
        content = bytes(chunk.content)
        if chunk.start + len(content) <= end:
            continue
        collected += content[max(0, end - chunk.start) :]
        end = chunk.start + len(content)
    kept = len(collected) if step.finished else whole_characters(collected)
    return inert(collected[:kept]), end - (len(collected) - kept)
