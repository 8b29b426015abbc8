"""Translations: `locale/LANGUAGE.po` is all that a language needs. It is compiled when a process starts.

Read and written here, so that an installation needs no gettext tools.
"""

import ast
import os
import re
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

SOURCE = "en"  # the language of the sources; it needs no file
LANGUAGE = re.compile(r"[a-z]{2,3}(-[a-z0-9]{2,8})*", re.ASCII)
MO_MAGIC = 0x950412DE
CONTEXT_END = "\x04"  # between a message's context and its text, as gettext writes it
_LINE = re.compile(r'(?:(msgctxt|msgid|msgid_plural|msgstr(?:\[(\d)\])?)\s+)?(".*")', re.ASCII)


class BadCatalogue(ImproperlyConfigured):
    """A translation cannot be read."""


def language_paths(language: str, texts: Path, var_dir: Path) -> list[Path]:
    """LOCALE_PATHS for this language: its file among `texts`, compiled under `var_dir`. English needs none.

    Raises: ImproperlyConfigured naming the languages that there are.
    """
    if language == SOURCE:
        return []
    source = texts / f"{language}.po"
    if not LANGUAGE.fullmatch(language) or not source.is_file():
        known = ", ".join(sorted({SOURCE, *(path.stem for path in texts.glob("*.po"))}))
        raise ImproperlyConfigured(
            f"PITSTOP_LANGUAGE is {language!r}; there are: {known}. A new one is a file, {source}: see its README."
        )
    compile_catalogue(source, compiled_path(language, var_dir / "locale"))
    return [var_dir / "locale"]


def compiled_path(language: str, folder: Path) -> Path:
    """Where Django looks for the language below one of LOCALE_PATHS."""
    first, _, rest = language.partition("-")
    region = rest.upper() if len(rest) <= 2 else rest.title()
    return folder / (f"{first}_{region}" if rest else first) / "LC_MESSAGES" / "django.mo"


def compile_catalogue(source: Path, target: Path) -> None:
    """`target` is what gettext reads of `source`, whole at any moment. Untranslated and fuzzy texts stay English.

    Raises: BadCatalogue naming the line.
    """
    packed = _packed(dict(_messages(source)))
    if target.is_file() and target.read_bytes() == packed:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, delete=False) as file:
        file.write(packed)
    Path(file.name).chmod(0o644)
    os.replace(file.name, target)  # noqa: PTH105 – several processes may start together


# ---- .po: paragraphs of keywords and quoted strings ------------------------------------------------------------------


def _messages(source: Path) -> Iterator[tuple[str, str]]:
    for number, paragraph in _paragraphs(source.read_text(encoding="utf-8")):
        fields, is_fuzzy = _fields(source, number, paragraph)
        if "msgid" not in fields:
            continue
        # The header (no text) counts also when it is marked fuzzy, as fresh files are: plurals are in it.
        message, is_header = fields["msgid"], not fields["msgid"] and "msgctxt" not in fields
        if is_fuzzy and not is_header:
            continue
        if "msgctxt" in fields:
            message = fields["msgctxt"] + CONTEXT_END + message
        if "msgid_plural" in fields:
            message += "\0" + fields["msgid_plural"]
        translated = [fields[key] for key in sorted(fields) if key.startswith("msgstr")]
        if translated and all(translated):
            yield message, "\0".join(translated)


def _paragraphs(text: str) -> Iterator[tuple[int, list[str]]]:
    """The blocks between empty lines, each with the number of its first line."""
    block: list[str] = []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.strip():
            block.append(line.strip())
        elif block:
            yield number - len(block), block
            block = []


def _fields(source: Path, number: int, paragraph: list[str]) -> tuple[dict[str, str], bool]:
    fields: dict[str, str] = {}
    is_fuzzy, at = False, ""
    for offset, line in enumerate(paragraph):
        if line.startswith("#"):
            is_fuzzy |= line.startswith("#,") and "fuzzy" in line
            continue
        found = _LINE.fullmatch(line)
        at = (found[1] or at) if found else ""
        if found is None or not at:
            raise BadCatalogue(f"{source}:{number + offset}: neither a keyword nor a text: {line[:60]}")
        try:
            fields[at] = fields.get(at, "") + ast.literal_eval(found[3])
        except (SyntaxError, ValueError):
            raise BadCatalogue(f"{source}:{number + offset}: the quotes do not match: {line[:60]}") from None
    return fields, is_fuzzy


# ---- .mo: two sorted tables of lengths and offsets, then the texts ---------------------------------------------------


def _packed(messages: dict[str, str]) -> bytes:
    encoded = sorted((key.encode(), value.encode()) for key, value in messages.items())
    count, header = len(encoded), 7 * 4
    texts = header + 16 * count
    tables: list[list[int]] = [[], []]
    body = b""
    for side in (0, 1):
        for pair in encoded:
            tables[side] += [len(pair[side]), texts + len(body)]
            body += pair[side] + b"\0"
    numbers = [MO_MAGIC, 0, count, header, header + 8 * count, 0, 0, *tables[0], *tables[1]]
    return struct.pack(f"<{len(numbers)}I", *numbers) + body
