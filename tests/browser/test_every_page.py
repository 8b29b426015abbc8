"""Every page that people can open, with something of everything on it, in a real browser: axe finds nothing, nothing
scrolls sideways on a phone, there is one heading, and neither scripts nor the content security policy complain."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response

from tests.browser.walked import PHONE, TOO_WIDE, WIDE, pages_of
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(300),  # some 80 pages; on a machine that does nothing else, half a minute,
]

AXE = (Path(__file__).parent / "vendor/axe-core/axe.min.js").read_text(encoding="utf-8")
RUN_AXE = """async () => {
  const { violations } = await axe.run(document, { resultTypes: ["violations"], preload: false });
  const told = ({ id, help }, { target, html }) => `${id} (${help}): ${target.join(" ")} ${html.slice(0, 160)}`;
  return violations.flatMap((violation) => violation.nodes.map((node) => told(violation, node)));
}"""


def with_axe(page: Page) -> Page:
    """Every page that it opens from now on can be asked."""
    page.context.add_init_script(AXE)
    return page


def flaws(page: Page, address: str, status: int = 200) -> Iterator[str]:
    """What is wrong with the page: on a large screen in the light, on a phone in the dark."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(WIDE)
    answer = page.goto(address)
    assert isinstance(answer, Response)
    assert answer.status == status, address
    headings = page.locator("h1").count()
    if headings != 1:
        yield f"{address}: {headings} <h1>"
    yield from (f"{address} light: {found}" for found in page.evaluate(RUN_AXE))
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size(PHONE)
    if wide := page.evaluate(TOO_WIDE):
        yield f"{address} scrolls sideways: {wide}"
    yield from (f"{address} dark, phone: {found}" for found in page.evaluate(RUN_AXE))


def test_every_page_is_for_everybody(scene, enter):
    page = with_axe(enter("administrator"))
    asked = pages_of(scene, page)

    assert len(asked) > 60, asked
    found = [flaw for address in asked for flaw in flaws(page, address)]

    assert not found, f"\n{len(found)} on {len(asked)} pages:\n" + "\n".join(found)


def test_doors_and_refusals_are_for_everybody_too(enter):
    found = []
    for role, address, status in (
        ("nobody", "/login/", 200),
        ("nobody", "/no-such-page/", 404),
        ("administrator", "/no-such-page/", 404),
        ("viewer", "/settings/people/", 403),
        ("tenant", "/hosts/", 403),
        ("viewer", "/rolling/new/", 403),
    ):
        found += [f"{role}: {flaw}" for flaw in flaws(with_axe(enter(role)), address, status)]

    assert not found, "\n" + "\n".join(found)


def test_what_the_policy_stops_is_heard(enter, lone_web, complaints):
    """Else the walk would prove nothing about it."""
    page = enter("viewer")
    page.goto("/")

    page.evaluate(
        "document.body.append(Object.assign(document.createElement('div'), {innerHTML: '<p style=\"color:red\">'}))"
    )

    wait_until(lambda: bool(lone_web.reports()), within_s=20)
    # Asking the page lets come through what it has said.
    wait_until(lambda: page.evaluate("1") and any("Content Security Policy" in said for said in complaints))
    lone_web.forget_reports()
    complaints.clear()
