"""A translation is a file: in a made-up language, no page and no pushed part says anything in English."""

import json

import pytest

from dashboard.screens.live_words import live_words
from tests.dashboard.made_up_language import CLOSES, CODE, OPENS, untranslated, write_made_up_language
from tests.dashboard.test_walk_nasty import draw_all, read_all
from tests.dashboard.walk_page import Page

MOST_SHOWN = 60


@pytest.fixture
def made_up_language(tmp_path, settings) -> None:
    """The installation's language is one in which each text of ours stands in brackets."""
    write_made_up_language(tmp_path)
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGES = [(CODE, CODE)]
    settings.LANGUAGE_CODE = CODE


def test_every_text_of_every_page_and_pushed_part_comes_from_the_catalogue(made_up_language, scene):
    found: dict[str, str] = {}
    for where, html in (read_all(scene) | draw_all(scene)).items():
        for said in untranslated(Page(html, where)):
            found.setdefault(said, where)

    shown = [f"{said}   at {where}" for said, where in list(found.items())[:MOST_SHOWN]]
    assert not found, f"\n{len(found)} texts are in no catalogue, or data outside of <bdi>:\n" + "\n".join(
        shown
    )


def test_what_the_script_says_comes_from_the_catalogue_too(made_up_language):
    texts = json.loads(live_words())

    assert texts
    assert all(text.startswith(OPENS) and text.endswith(CLOSES) for text in texts.values())
