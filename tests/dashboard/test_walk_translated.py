"""A translation is a file: in a made-up language, no page says anything in English."""

import json

import pytest

from dashboard.screens.live_words import live_words
from tests.dashboard.made_up_language import (
    CLOSES,
    CODE,
    MIXED,
    OPENS,
    untranslated,
    untranslated_attributes,
    write_made_up_language,
)
from tests.dashboard.test_walk_nasty import read_all
from tests.dashboard.walk_page import Page
from tests.dashboard.walk_words import fill

MOST_SHOWN = 60


@pytest.fixture
def made_up_language(tmp_path, settings) -> None:
    """The installation's language is one in which each text of ours stands in brackets."""
    write_made_up_language(tmp_path)
    settings.LOCALE_PATHS = [tmp_path]
    settings.LANGUAGES = [(CODE, CODE)]
    settings.LANGUAGE_CODE = CODE


def all_pages(scene) -> list[Page]:
    """Every page. What is pushed is drawn by the same templates."""
    return [Page(html, where) for where, html in read_all(scene)]


def assert_nothing(found: dict[str, str]) -> None:
    shown = [f"{said}   at {where}" for said, where in list(found.items())[:MOST_SHOWN]]
    assert not found, f"\n{len(found)} texts are in no catalogue, or data outside of <bdi>:\n" + "\n".join(
        shown
    )


def test_every_text_of_every_page_comes_from_the_catalogue(made_up_language, scene):
    assert_nothing(
        {said: page.address for page in all_pages(scene) for said in untranslated(page, but=MIXED)}
    )


def test_titles_and_attributes_too(made_up_language, scene):
    """All that people and clouds wrote is without words here, so whatever has words is ours."""
    fill(lambda mark, _longest: mark)

    assert_nothing(
        {
            said: page.address
            for page in all_pages(scene)
            for said in [*untranslated(page), *untranslated_attributes(page)]
        }
    )


def test_what_the_script_says_comes_from_the_catalogue_too(made_up_language):
    texts = json.loads(live_words())

    assert texts
    assert all(text.startswith(OPENS) and text.endswith(CLOSES) for text in texts.values())
