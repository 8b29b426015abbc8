"""A page that fetches itself again does so until it is answered, and once more when something changed meanwhile."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.test_live_honesty import is_live

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]

# Both of the module that the page itself has loaded, under whatever name its files are collected.
FETCH_TWICE = """async () => {
  const names = performance.getEntriesByType("resource").map((entry) => entry.name);
  const { fetchAgain } = await import(names.find((name) => name.includes("/js/live/swap.")));
  fetchAgain();
  fetchAgain();
}"""


@pytest.fixture
def page(lab, web, open_page: Callable[[str], Page]) -> Page:
    page = open_page("/hosts/")
    is_live(page)
    return page


def asked_of(page: Page, answer: Callable[[Route], None]) -> list[Route]:
    """What is asked for the list from now on, answered so."""
    asked: list[Route] = []

    def hear(route: Route) -> None:
        asked.append(route)
        answer(route)

    page.route("**/hosts/", hear)
    return asked


def test_nothing_is_thrown_while_nobody_answers_and_the_page_is_whole_afterwards(page):
    asked = asked_of(page, lambda route: route.abort("connectionrefused"))

    page.evaluate(FETCH_TWICE)  # what a script throws, the fixture of pages counts
    page.evaluate("document.querySelector('main h1').remove()")
    while len(asked) < 3:
        page.wait_for_timeout(100)
    page.unroute("**/hosts/")

    expect(page.locator("main h1")).to_have_count(1)


def test_asked_for_while_it_is_fetched_it_is_fetched_once_more(page):
    asked = asked_of(page, lambda route: route.continue_())

    page.evaluate(FETCH_TWICE)
    while len(asked) < 2:
        page.wait_for_timeout(100)

    page.wait_for_timeout(1_000)
    assert len(asked) == 2
