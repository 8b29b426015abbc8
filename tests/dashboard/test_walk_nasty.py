"""Whatever people and clouds write is text and nothing else: on every page, in every pushed part, in every download."""

import csv
import json
import re
from collections.abc import Iterator

import pytest
from django.template.loader import render_to_string

from dashboard.live.drawings.drawing import Drawing
from dashboard.live.render import DRAWINGS
from tests.dashboard.walk import addresses, page_routes, read_routes, text_of
from tests.dashboard.walk_flaws import difference, flaws
from tests.dashboard.walk_page import Page
from tests.dashboard.walk_scene import Scene
from tests.dashboard.walk_words import FIELDS, FORMULAS, OVERRIDE, fill, harmful, harmless, marks

NUMBER = re.compile(r"[+-]?[\d.,:e+-]+")
OF_ONE_MAX = 6  # rows of one kind that are drawn: they come from one template
SHOWN: tuple[str, ...] = ("Host.name",)

pytestmark = pytest.mark.timeout(240)


def read_all(scene: Scene) -> Iterator[tuple[str, str]]:
    """Address and HTML of every page, as the one sees it who may see most."""
    client = scene.client("administrator")
    for _, address in addresses(scene.things, page_routes()):
        answer = client.get(address)
        if answer.headers["Content-Type"].startswith("text/html") and answer.status_code == 200:
            yield address, answer.text


def draw_all(scene: Scene) -> Iterator[tuple[str, str]]:
    """What is drawn and the HTML of every part that is pushed, of everything it can be about."""
    never = []
    for (topic, name), drawing in DRAWINGS.items():
        drawn = 0
        for where, html in _drawn(scene, topic, name, drawing):
            drawn += 1
            yield where, html
        never += [] if drawn else [(topic, name)]
    assert not never, f"nothing in the scene shows {never}: give make_scene what they are about"


def _drawn(scene: Scene, topic: str, name: str, drawing: Drawing) -> Iterator[tuple[str, str]]:
    of_one = "{}" in drawing.element
    roles = ("administrator", "viewer") if drawing.by_role else ("administrator",)
    things = scene.followed(topic)
    drawn = 0
    for thing in things[:1] if of_one else things:
        for one in scene.ids if of_one else [""]:
            for role in roles if drawn < OF_ONE_MAX * len(roles) or not of_one else ():
                context = drawing.build(thing, one, role)
                if context is not None:
                    html = render_to_string(drawing.template, dict(context)).strip()
                    drawn += 1
                    yield f"{topic}:{thing} {name} {one} {role}", html


def show_all(scene: Scene) -> Iterator[tuple[str, str]]:
    yield from read_all(scene)
    yield from draw_all(scene)


def test_no_page_and_no_pushed_part_takes_an_element_or_an_attribute_from_data(scene):
    fill(harmless)
    plain = {where: Page(html, where).shape for where, html in show_all(scene)}
    fill(harmful)
    found, seen = [], set()
    for where, html in show_all(scene):
        page = Page(html, where)
        found += [*difference(where, plain[where], page.shape), *flaws(where, page)]
        seen.add(where)

    assert seen == plain.keys()
    assert not found, "\n" + "\n".join(found)


def test_no_text_turns_round_what_stands_beside_it(scene):
    """Overrides would let a name rewrite the sentence it stands in. A field holds them and sends them back."""
    fill(harmful)

    turned = [where for where, html in show_all(scene) if OVERRIDE in FIELDS.sub("", html)]

    assert not turned, "\n" + "\n".join(turned)


def test_what_people_and_clouds_wrote_is_shown_at_all(scene):
    """Else this walk would prove nothing. What a page learns to show is added here."""
    fill(harmful)
    shown = "".join(Page(html).root.text + _attributes(html) for _, html in read_all(scene))

    unseen = [field for field in SHOWN if marks()[field] not in shown]

    assert not unseen


def _attributes(html: str) -> str:
    return "".join(value for element in Page(html).elements for value in element.attributes.values())


def test_downloads_and_answers_to_programs_cannot_be_read_as_a_page_or_a_formula(scene):
    fill(harmful)
    client = scene.client("administrator")

    for _, address in addresses(scene.things, read_routes()):
        answer = client.get(address)
        kind = answer.headers["Content-Type"].partition(";")[0]
        text = text_of(answer)
        assert answer.status_code < 500, address
        assert answer.headers["X-Content-Type-Options"] == "nosniff", address
        assert all(letter.isprintable() for letter in answer.headers.get("Content-Disposition", "")), address
        match kind:
            case "application/json" | "application/problem+json":
                json.loads(text)
            case "text/csv":
                assert not list(formulas(text)), address
            case "text/html" | "text/plain" | "application/vnd.oai.openapi":
                pass
            case _:
                pytest.fail(f"{address} is {kind}: say here what makes that inert")


def formulas(table: str) -> Iterator[str]:
    """Cells that a table program would calculate."""
    for row in csv.reader(table.splitlines()):
        yield from (cell for cell in row if cell.startswith(FORMULAS) and not NUMBER.fullmatch(cell))


@pytest.mark.parametrize("start", [*FORMULAS, "\r"])
def test_no_cell_of_a_report_is_a_formula(scene, start):
    run = scene.runs["done"]
    run.targets.update(detail=f"{start}1+1", name=f"{start}cmd", cluster_name=f"{start}c")

    table = scene.client("viewer").get(f"/rolling/{run.id}/report.csv").text

    assert "1+1" in table
    assert not list(formulas(table))
