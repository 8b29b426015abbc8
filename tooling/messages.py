"""`make messages`: every text for people, from code and templates to `locale/pitstop.pot`, and from there into each
translation: new texts are added, changed ones marked fuzzy, gone ones dropped. What was translated stays."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_python
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = {
    "_": None,
    "gettext": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext": (1, 2),
    "ngettext_lazy": (1, 2),
    "pgettext": ((1, "c"), 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
    "npgettext_lazy": ((1, "c"), 2, 3),
}
HEADER = """\
# The texts of Pitstop, as they stand in its sources. Written by `make messages`: change its copies, never this file.
# A translation is a copy of this file, named after its language: README.md beside it says how.
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""


def main() -> int:
    template = texts(ROOT)
    (ROOT / "locale" / "pitstop.pot").write_text(pot(template), encoding="utf-8")
    print(f"locale/pitstop.pot: {len(template)} texts")
    for path in sorted((ROOT / "locale").glob("*.po")):
        missing = renew(path, template)
        print(f"locale/{path.name}: {missing} of {len(template)} still to be translated")
    return 0


def texts(root: Path) -> Catalog:
    """Every text of the sources below `root`, with the files it stands in."""
    found = Catalog(charset="utf-8")
    for path in sources(root):
        where = path.relative_to(root).as_posix()
        for _line, function, said, comments in _calls(path):
            context, message = _message(function, said)
            if message:
                found.add(message, locations=[(where, 0)], auto_comments=comments, context=context)
    return found


def sources(root: Path) -> Iterator[Path]:
    """Code and templates of the dashboard, in an order that does not change."""
    yield from sorted((root / "dashboard").rglob("*.py"))
    yield from sorted(
        path for path in (root / "templates").rglob("*") if path.suffix in {".html", ".svg", ".txt"}
    )


def _calls(path: Path) -> Iterator[tuple[Any, ...]]:
    """Line, function, its argument or arguments, comments for translators."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        # Django writes the template's texts as calls between blanks; indentation would mean something to Python.
        text = "\n".join(line.lstrip() for line in templatize(text, origin=str(path)).splitlines())
    yield from extract_python(io.BytesIO(text.encode()), FUNCTIONS, ["Translators:"], {"encoding": "utf-8"})


def _message(function: str, said: Any) -> tuple[str | None, Any]:
    """Context and text, or no text where the call's argument is not written there."""
    values = list(said) if isinstance(said, tuple) else [said]
    context = values.pop(0) if "pgettext" in function else None
    wanted = 2 if function.startswith("n") else 1
    if len(values) < wanted or not all(isinstance(value, str) for value in values[:wanted]):
        return None, None
    return context, (values[0], values[1]) if wanted == 2 else values[0]


def pot(template: Catalog) -> str:
    """The template as a file, the same for the same texts: no dates, no line numbers."""
    out = io.BytesIO()
    write_po(out, template, width=0, omit_header=True, sort_by_file=True, include_lineno=False)
    return HEADER + out.getvalue().decode().strip() + "\n"


def renew(path: Path, template: Catalog) -> int:
    """The translation has the template's texts. Returns: how many are not translated."""
    with path.open("rb") as file:
        kept = read_po(file, locale=path.stem.replace("-", "_"))
    kept.update(template, update_header_comment=False)
    kept.obsolete.clear()
    with path.open("wb") as file:
        write_po(file, kept, width=0, sort_by_file=True, include_lineno=False)
    return sum(1 for message in kept if message.id and (message.fuzzy or not all(_strings(message.string))))


def _strings(translated: object) -> list[str]:
    return list(translated) if isinstance(translated, (tuple, list)) else [str(translated or "")]


if __name__ == "__main__":
    sys.exit(main())
