"""Whatever people and clouds write is text and nothing else: on every page, in every pushed part, in every download."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from django.template.loader import render_to_string
from django.test import Client

from dashboard.live.render import DRAWINGS
from tests.dashboard.walk import addresses, page_routes
from tests.dashboard.walk_page import Element, Page, Shape
from tests.dashboard.walk_scene import Scene, make_scene
from tests.dashboard.walk_words import OVERRIDE, fill, harmful, harmless

URLS = (
    "href",
    "src",
    "action",
    "formaction",
    "xlink:href",
    "poster",
    "data",
    "hx-get",
    "hx-post",
    "hx-push-url",
)
NUMBER = re.compile(r"[+-]?[\d.,:e+-]+")


@pytest.fixture
def scene(db) -> Scene:
    return make_scene()


def client_of(scene: Scene, role: str) -> Client:
    client = Client()
    client.force_login(scene.people[role], backend="django.contrib.auth.backends.ModelBackend")
    return client


def read_all(scene: Scene) -> dict[str, str]:
    """Address → HTML of every page, as the one sees it who may see most."""
    client = client_of(scene, "administrator")
    found = {}
    for _, address in addresses(scene.things, page_routes()):
        answer = client.get(address)
        if answer.headers["Content-Type"].startswith("text/html") and answer.status_code == 200:
            found[address] = answer.text
    return found


def draw_all(scene: Scene) -> dict[str, str]:
    """What is drawn → HTML of every part that is pushed, of everything it can be about."""
    found = {}
    for (topic, name), drawing in DRAWINGS.items():
        things = scene.followed(topic)
        of_one = "{}" in drawing.element
        for thing in things[:1] if of_one else things:
            for one in scene.ids if of_one else [""]:
                for role in ("administrator", "viewer")[: 2 if drawing.by_role else 1]:
                    context = drawing.build(thing, one, role)
                    if context is not None:
                        html = render_to_string(drawing.template, dict(context)).strip()
                        found[f"{topic}:{thing} {name} {one} {role}"] = html
    drawn = {tuple(key.split()[:2]) for key in found}
    never = [key for key in DRAWINGS if not any(t.startswith(f"{key[0]}:") and n == key[1] for t, n in drawn)]
    assert not never, f"nothing in the scene shows {never}: give make_scene what they are about"
    return found


def flaws(where: str, page: Page) -> Iterator[str]:
    """What a page must not have, whatever is shown on it."""
    for element in page.elements:
        for name, value in element.attributes.items():
            if name.startswith(("on", "hx-on", "hx-vars")) or name in {"style", "srcdoc"}:
                yield f"{where}: <{element.tag} {name}={value!r}>"
            if name in URLS and not _stays_here(element, value):
                yield f"{where}: <{element.tag} {name}={value[:80]!r}> leads away"
        if element.tag in {"style", "iframe", "object", "embed", "base"}:
            yield f"{where}: <{element.tag}>"
        if element.tag == "script" and (not element["src"].startswith("/static/") or element.text.strip()):
            yield f"{where}: <script> of its own: {element.text[:80]!r}"


def _stays_here(element: Element, value: str) -> bool:
    parts = urlsplit(value)
    is_icon = element.tag == "link" and value.startswith("data:")
    return is_icon or (not parts.scheme and not parts.netloc and not value.startswith(("//", "\\")))


def difference(where: str, plain: Shape, nasty: Shape) -> Iterator[str]:
    """Elements and attributes that came from data."""
    for kind, times in (nasty - plain).items():
        yield f"{where}: {times} × <{kind[0]} {' '.join(kind[1])}> more than with harmless words"
    for kind, times in (plain - nasty).items():
        yield f"{where}: {times} × <{kind[0]} {' '.join(kind[1])}> less than with harmless words"


def test_no_page_and_no_pushed_part_takes_an_element_or_an_attribute_from_data(scene):
    fill(harmless)
    plain = {where: Page(html, where).shape for where, html in (read_all(scene) | draw_all(scene)).items()}
    fill(harmful)
    nasty = {where: Page(html, where) for where, html in (read_all(scene) | draw_all(scene)).items()}

    assert plain.keys() == nasty.keys()
    found = []
    for where, page in nasty.items():
        found += [*difference(where, plain[where], page.shape), *flaws(where, page)]
    assert not found, "\n" + "\n".join(found)
