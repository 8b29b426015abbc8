"""A language in which every text of ours stands in ⟦brackets⟧, made from the sources. English is what has none."""

import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.pofile import write_po

from dashboard.catalogues import compile_catalogue, compiled_path
from tests.dashboard.walk_page import Element, Page
from tooling.messages import ROOT, texts

CODE = "xx"
OPENS, CLOSES = "⟦", "⟧"
# What people and clouds wrote, code, moments (their months are Django's): data, the same in every language.
DATA = frozenset({"bdi", "code", "kbd", "pre", "samp", "script", "style", "textarea", "time"})
MIXED = frozenset({"title", "option"})  # text alone: no element in them can set data apart
ATTRIBUTES = ("title", "aria-label", "alt", "placeholder", "data-th", "data-title", "data-needs")
# Names that no language changes.
NAMES = {"Pitstop", "pitstop", "KVM", "JSON", "CSV", "REST", "UTC"}
NAMES |= {"PreFlight", "PreMaintenance", "Maintenance", "PostMaintenance", "MAINTENANCE"}
_WORD = re.compile(r"[^\W\d_]{2,}")


def write_made_up_language(folder: Path) -> None:
    """LOCALE_PATHS may name the folder afterwards."""
    catalogue = texts(ROOT)
    for message in catalogue:
        if message.id:
            said = message.id if isinstance(message.id, tuple) else (message.id,)
            marked = tuple(f"{OPENS}{text}{CLOSES}" for text in said)
            message.string = marked if isinstance(message.id, tuple) else marked[0]
    catalogue.locale = None
    source = folder / f"{CODE}.po"
    with source.open("wb") as file:
        file.write(HEADER)
        write_po(file, catalogue, width=0, omit_header=True)
    compile_catalogue(source, compiled_path(CODE, folder))


HEADER = b"""msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\\n"

"""


def untranslated(page: Page, *, but: frozenset[str] = frozenset()) -> Iterator[str]:
    """Every text outside of brackets that is no data, and where it stands. `but`: elements that are not read."""
    depth = 0
    for element, text in _in_order(page.root):
        if not _is_data(element) and element.tag not in but:
            depth, outside = _outside(text, depth)
            yield from (f"<{element.tag}> {said!r}" for said in outside)


def untranslated_attributes(page: Page) -> Iterator[str]:
    """The same of what attributes say. No element sets data apart there: give the page data without words."""
    for element in page.elements:
        for name in ATTRIBUTES:
            yield from (f"<{element.tag} {name}> {said!r}" for said in _outside(element[name], 0)[1])


def _in_order(element: Element) -> Iterator[tuple[Element, str]]:
    for child in element.children:
        if isinstance(child, str):
            yield element, child
        else:
            yield from _in_order(child)


def _is_data(element: Element) -> bool:
    return any(around.tag in DATA or around.has("data-raw") for around in element.ancestors)


def _outside(text: str, depth: int) -> tuple[int, list[str]]:
    """How deep in brackets the text ends, and what of it that has words lies in none."""
    found, piece = [], ""
    for letter in text:
        if letter in {OPENS, CLOSES}:
            found.append(piece)
            piece = ""
            depth += 1 if letter == OPENS else -1
        elif depth == 0:
            piece += letter
    found.append(piece)
    return depth, [said.strip() for said in found if any(word not in NAMES for word in _WORD.findall(said))]
