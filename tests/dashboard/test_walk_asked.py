"""Whatever comes with a request is text and nothing else, and leads nobody away."""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from django.test import Client

from tests.dashboard.walk import addresses, page_routes
from tests.dashboard.walk_flaws import said_back
from tests.dashboard.walk_page import Page
from tests.dashboard.walk_words import harmful

HARM = harmful("", 400)


def test_what_stands_in_the_address_is_text(scene):
    """Each field of each page's filters, and the pages to come back to."""
    client = scene.client("administrator")
    one_each = dict(addresses(scene.things, page_routes()))
    asked = 0
    for address in one_each.values():
        answer = client.get(address)
        if answer.status_code != 200 or not answer.headers["Content-Type"].startswith("text/html"):
            continue
        page = Page(answer.text, address)
        names = {name for use in page.links() for name, _ in parse_qsl(urlsplit(use.url).query)}
        for use in page.buttons():
            if use.method == "GET":
                names |= {name for name, _ in use.fields} | set(use.typed)
        for name in sorted({*names, "search", "page", "next", "back"}):
            url = f"{address}?{urlencode({name: HARM})}"
            answer = client.get(url)
            assert answer.status_code < 500, url
            assert not list(said_back(answer, url)), url
            asked += 1
    assert asked > 50


@pytest.mark.parametrize("who", ["administrator", "tenant", ""])
def test_error_pages_say_nothing_back_as_markup(scene, who, monkeypatch):
    """No such page, not yours, malformed, too many wrong passwords, and our own failure."""
    client = scene.client(who)
    client.raise_request_exception = False
    monkeypatch.setattr("dashboard.pages.overview.feed_head", lambda: 1 / 0)
    seen = {}
    for url in (
        "/",
        f"/hosts/{quote(HARM)}/",
        f"/{quote(HARM)}",
        f"/rolling/new/?hosts={quote(HARM)}",
        "/settings/people/",
    ):
        answer = client.get(url)
        seen[answer.status_code] = url
        assert not list(said_back(answer, url)), url
    assert {"administrator": {404, 500}}.get(who, {403, 404}) <= set(seen)


def test_a_login_that_fails_says_nothing_back_as_markup(db):
    client = Client()
    for path in (
        "/login/",
        f"/login/?next={quote(HARM)}",
        "/login/?next=//evil.example/",
        "/login/?next=javascript:owned",
    ):
        answer = client.post(
            path, {"username": HARM[:150], "password": "wrong", "next": f"//evil.example/{HARM}"}
        )
        assert "owned=1" in answer.text
        assert not list(said_back(answer, path))


def test_nobody_is_led_away_after_logging_in_or_pressing_a_button(scene):
    somebody = scene.people["administrator"]
    somebody.set_password("for-this-test-only")
    somebody.save()
    for foreign in (
        "//evil.example/",
        "https://evil.example/",
        "/\\evil.example",
        "javascript:owned",
        "\t//evil.example",
    ):
        client = Client()
        given = {"username": somebody.username, "password": "for-this-test-only", "next": foreign}
        assert client.post("/login/", given).headers["Location"] == "/"
        pressed = client.post(f"/rolling/{scene.runs['at work'].id}/pause/", {"back": foreign})
        assert pressed.headers["Location"].startswith("/rolling/")
