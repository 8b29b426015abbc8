"""Which lines of an output a page shows: the last ones, those from a place on, or those around a match of a search."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from dashboard.screens.run.printed import OutputLine, lost_at_the_end, whole
from dashboard.screens.words import count, figure
from maintenance.models import Step

LINES_MAX = 2_000  # on one page; the others are a link away
FRESH_MAX = 120  # pushed at once to a page that follows; it fetches what it lacks beyond
BEFORE_A_HIT = 200  # lines before a match that is led to


@dataclass(frozen=True, slots=True)
class LinesAsked:
    """`start`: the place of the first line to show, None for the last lines. `hit`: which match, from 1."""

    find: str = ""
    hit: int = 1
    start: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line's text; `is_hit`: it is what was searched for."""

    text: str
    is_hit: bool


@dataclass(frozen=True, slots=True)
class ShownLine:
    line: OutputLine
    parts: list[Part]
    is_hit: bool
    is_current: bool


@dataclass(frozen=True, slots=True)
class Search:
    """What was found in all that is kept: how much, which of it is shown, and the way to the ones around."""

    words: str
    says: str
    current: int
    previous: str
    next: str
    leave: str


@dataclass(frozen=True, slots=True)
class Lines:
    """`is_all`: everything that is kept is on the page. `is_end`: its last line is. `end`: the place after it."""

    shown: list[ShownLine]
    says: str
    is_all: bool
    is_end: bool
    end: int
    lost: str
    earlier: str
    later: str
    search: Search | None


def output_lines(step: Step, here: str, asked: LinesAsked) -> Lines:
    """`here` is the page's address without a question. Everything that is kept is looked through."""
    lines = whole(step)
    hits = _hits(lines, asked.find)
    on_a_hit = frozenset(hits)
    current = hits[min(asked.hit, len(hits)) - 1] if hits else None
    first = _first(lines, asked, current)
    shown = lines[first : first + LINES_MAX]
    last = first + len(shown)

    def address(**question: object) -> str:
        return f"{here}?{urlencode({'attempt': step.attempt} | question)}"

    return Lines(
        shown=[
            ShownLine(line, _parts(line.text, asked.find), place in on_a_hit, place == current)
            for place, line in enumerate(shown, start=first)
        ],
        says=_says(lines, first, last),
        is_all=len(shown) == len(lines),
        is_end=last == len(lines),
        end=shown[-1].end if shown else 0,
        lost=lost_at_the_end(step, lines) if last == len(lines) else "",
        earlier=address(start=lines[max(0, first - LINES_MAX)].start) if first else "",
        later=address(start=lines[last].start) if last < len(lines) else "",
        search=_search(asked, hits, current, address) if asked.find else None,
    )


def fresh_lines(step: Step) -> list[OutputLine]:
    """The last lines, as they are pushed to every page that shows this output."""
    return whole(step)[-FRESH_MAX:]


def lines_from(step: Step, start: int) -> list[OutputLine]:
    """The lines that a page lacks which has everything before this place."""
    return [line for line in whole(step) if line.start >= start][-LINES_MAX:]


def _first(lines: Sequence[OutputLine], asked: LinesAsked, current: int | None) -> int:
    """The place in `lines` of the first that is shown."""
    last_page = max(0, len(lines) - LINES_MAX)
    if current is not None:
        return 0 if not last_page else min(last_page, max(0, current - BEFORE_A_HIT))
    if asked.start is not None:
        return next((place for place, line in enumerate(lines) if line.end > asked.start), last_page)
    return last_page


def _hits(lines: Sequence[OutputLine], find: str) -> list[int]:
    wanted = find.casefold()
    return [place for place, line in enumerate(lines) if wanted in line.text.casefold()] if wanted else []


def _parts(text: str, find: str) -> list[Part]:
    """The text in pieces around each match. Where folding changes lengths, the line is marked as a whole."""
    wanted, folded = find.casefold(), text.casefold()
    if not wanted or wanted not in folded:
        return [Part(text, is_hit=False)]
    if len(folded) != len(text):
        return [Part(text, is_hit=True)]
    parts: list[Part] = []
    done = 0
    while (found := folded.find(wanted, done)) >= 0:
        if found > done:
            parts.append(Part(text[done:found], is_hit=False))
        parts.append(Part(text[found : found + len(wanted)], is_hit=True))
        done = found + len(wanted)
    return [*parts, Part(text[done:], is_hit=False)] if done < len(text) else parts


def _says(lines: Sequence[OutputLine], first: int, last: int) -> str:
    if not lines:
        return ""
    if first == 0 and last == len(lines):
        return count(len(lines), "line")
    words = _("lines %(first)s to %(last)s of %(lines)s that are kept")
    return words % {"first": figure(first + 1), "last": figure(last), "lines": figure(len(lines))}


def _search(asked: LinesAsked, hits: list[int], current: int | None, address: Callable[..., str]) -> Search:
    place = hits.index(current) + 1 if current is not None else 0
    if not hits:
        says = _("No line of all that is kept has “%(words)s”.") % {"words": asked.find}
    else:
        says = _("Line %(n)s of %(all)s with “%(words)s”, in all that is kept.")
        says %= {"n": figure(place), "all": figure(len(hits)), "words": asked.find}
    return Search(
        words=asked.find,
        says=says,
        current=place,
        previous=address(find=asked.find, hit=place - 1) if place > 1 else "",
        next=address(find=asked.find, hit=place + 1) if 0 < place < len(hits) else "",
        leave=address(),
    )
