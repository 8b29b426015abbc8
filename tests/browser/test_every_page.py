"""Every page that people can open, with something of everything on it, in a real browser: axe finds nothing, nothing
scrolls sideways on a phone, there is one heading, and neither scripts nor the content security policy complain."""

from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.hashers import make_password
from playwright.sync_api import APIResponse, Browser, BrowserContext, Page, Response, ViewportSize

from dashboard.models import User
from tests.browser.conftest import PASSWORD, log_in
from tests.browser.webs import Web
from tests.dashboard.walk import addresses, page_routes
from tests.dashboard.walk_scene import Scene, make_scene
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
TOO_WIDE = """() => {
  const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1);
  const all = Math.max(document.documentElement.scrollWidth, document.body.scrollWidth);
  return all <= innerWidth ? null : `${all} px: ${wide.slice(0, 4).map((e) => e.outerHTML.slice(0, 120)).join(" … ")}`;
}"""
WIDE = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)

START = {"tenant": "/me/"}  # the overview is not theirs

type Enter = Callable[[str], Page]


@pytest.fixture
def scene(transactional_db) -> Scene:
    """An installation with something of everything in it, whose people have passwords."""
    made = make_scene()
    User.objects.update(password=make_password(PASSWORD))
    return made


@pytest.fixture
def enter(browser: Browser, lone_web: Web, scene: Scene, complaints: list[str]) -> Iterator[Enter]:
    """A browser in which somebody of the role is logged in ("nobody": nobody is)."""
    contexts: list[BrowserContext] = []

    def entered(role: str) -> Page:
        context = browser.new_context(base_url=lone_web.url, reduced_motion="reduce")
        contexts.append(context)
        context.add_init_script(AXE)
        page = context.new_page()
        if role != "nobody":
            log_in(page, scene.people[role].username, START.get(role, "/"))
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        page.on("console", lambda said: _hear(said.type, said.text, page.url, complaints))
        return page

    yield entered
    for context in contexts:
        context.close()


def _hear(kind: str, text: str, where: str, complaints: list[str]) -> None:
    # That an error page answers with its status is no error of the page.
    if kind in {"error", "warning"} and not text.startswith("Failed to load resource: the server responded"):
        complaints.append(f"{urlsplit(where).path}: {text}")


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


def pages_of(scene: Scene, page: Page) -> list[str]:
    """The address of every page that this one may open; what is downloaded, led elsewhere or only a piece is none."""
    found = [address for _, address in addresses(scene.things, page_routes())]
    return [address for address in found if _is_page(page.request.get(address, max_redirects=0))]


def _is_page(answer: APIResponse) -> bool:
    is_html = answer.headers.get("content-type", "").startswith("text/html")
    return answer.status == 200 and is_html and "<html" in answer.text()


def test_every_page_is_for_everybody(scene, enter):
    page = enter("administrator")
    asked = pages_of(scene, page)

    assert len(asked) > 60, asked
    found = [flaw for address in asked for flaw in flaws(page, address)]

    assert not found, f"\n{len(found)} on {len(asked)} pages:\n" + "\n".join(found)


@pytest.mark.parametrize(
    ("role", "address", "status"),
    [
        ("nobody", "/login/", 200),
        ("nobody", "/no-such-page/", 404),
        ("administrator", "/no-such-page/", 404),
        ("viewer", "/settings/people/", 403),
        ("tenant", "/hosts/", 403),
        ("viewer", "/rolling/new/", 403),
    ],
)
def test_doors_and_refusals_are_for_everybody_too(enter, role, address, status):
    found = [*flaws(enter(role), address, status)]

    assert not found, "\n" + "\n".join(found)


def test_what_the_policy_stops_is_heard(enter, lone_web, complaints):
    """Else the walk would prove nothing about it."""
    page = enter("viewer")
    page.goto("/")

    page.evaluate(
        "document.body.append(Object.assign(document.createElement('div'), {innerHTML: '<p style=\"color:red\">'}))"
    )

    wait_until(lambda: bool(lone_web.reports()), within_s=5)
    assert any("Content Security Policy" in said for said in complaints)
    lone_web.forget_reports()
    complaints.clear()
