"""Translations: read from one file a language, compiled at the start, refused with a reason when they are broken."""

import gettext
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.utils import translation

from dashboard.catalogues import BadCatalogue, compile_catalogue, compiled_path, language_paths
from dashboard.screens.words import count, duration
from tooling.messages import ROOT, pot, texts

GERMAN = r"""# A comment.
#, fuzzy
msgid ""
msgstr ""
"Content-Type: text/plain; charset=utf-8\n"
"Plural-Forms: nplurals=2; plural=(n != 1);\n"

#: some/file.py
#, python-format
msgid "%(n)s host"
msgid_plural "%(n)s hosts"
msgstr[0] "%(n)s Rechner"
msgstr[1] "%(n)s Rechner (mehrere)"

msgid "Log "
"out"
msgstr "Ab"
"melden \"jetzt\"\n"

msgctxt "start of a sentence"
msgid "No"
msgstr "Kein"

msgid "No"
msgstr "Nein"

#, fuzzy
msgid "guessed"
msgstr "geraten"

msgid "not yet"
msgstr ""
"""


def written(folder: Path, text: str = GERMAN, name: str = "de.po") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_gettext_reads_what_was_compiled(tmp_path):
    target = compiled_path("de", tmp_path / "out")

    compile_catalogue(written(tmp_path), target)

    with target.open("rb") as file:
        german = gettext.GNUTranslations(file)
    assert german.ngettext("%(n)s host", "%(n)s hosts", 1) == "%(n)s Rechner"
    assert german.ngettext("%(n)s host", "%(n)s hosts", 3) == "%(n)s Rechner (mehrere)"
    assert german.gettext("Log out") == 'Abmelden "jetzt"\n'
    assert german.pgettext("start of a sentence", "No") == "Kein"
    assert german.gettext("No") == "Nein"
    assert german.gettext("guessed") == "guessed"
    assert german.gettext("not yet") == "not yet"


def test_one_file_makes_the_console_speak_the_language(tmp_path, settings):
    written(tmp_path)
    settings.LOCALE_PATHS = language_paths("de", tmp_path, tmp_path / "var")
    settings.LANGUAGES = [("de", "de")]

    with translation.override("de"):
        assert count(1204, "host") == "1.204\N{NO-BREAK SPACE}Rechner (mehrere)"
        assert duration(90) == "1 m 30 s".replace(" ", "\N{NO-BREAK SPACE}")  # not translated: English


def test_english_needs_no_file(tmp_path):
    assert language_paths("en", tmp_path / "none", tmp_path / "var") == []


@pytest.mark.parametrize("asked", ["fr", "../de", "DE", ""])
def test_a_language_without_a_file_stops_the_start_and_says_which_there_are(tmp_path, asked):
    written(tmp_path)

    with pytest.raises(ImproperlyConfigured, match="there are: de, en"):
        language_paths(asked, tmp_path, tmp_path / "var")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('msgid "a"\nmsgstr "b\n', 2),
        ('msgid "a"\nnonsense\n', 2),
        ('"a"\n', 1),
        ('msgid "a"\nmsgstr "\\"\n', 2),
    ],
)
def test_a_broken_file_stops_the_start_and_names_the_line(tmp_path, text, line):
    source = written(tmp_path, f'msgid ""\nmsgstr ""\n\n{text}')

    with pytest.raises(BadCatalogue, match=rf"de\.po:{line + 3}:"):
        compile_catalogue(source, tmp_path / "out.mo")


@pytest.mark.parametrize(
    ("language", "folder"), [("de", "de"), ("pt-br", "pt_BR"), ("zh-hans", "zh_Hans"), ("sr-latn", "sr_Latn")]
)
def test_a_language_lies_where_django_looks(language, folder, tmp_path):
    assert compiled_path(language, tmp_path).parts[-3] == folder
    assert translation.to_locale(language) == folder


def test_the_committed_texts_are_those_of_the_sources():
    committed = (ROOT / "locale" / "pitstop.pot").read_text(encoding="utf-8")

    assert committed == pot(texts(ROOT)), "run make messages"


def test_every_committed_translation_can_be_compiled(tmp_path):
    for path in (ROOT / "locale").glob("*.po"):
        compile_catalogue(path, tmp_path / f"{path.stem}.mo")
