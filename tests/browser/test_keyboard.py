"""Everything is reached and done with the keyboard alone, and one always sees where one is."""

import pytest
from playwright.sync_api import Page, expect

from maintenance.models import Run
from tests.browser.test_live_honesty import is_live
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]

# What has the focus: whether one sees it, where it is, and whether that can be seen on the screen.
FOCUSED = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  const box = e.getBoundingClientRect();
  const isRinged = (of) => {
    const style = of && getComputedStyle(of);
    return style && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  };
  e.dataset.wasFocused = "";
  return {
    what: e.outerHTML.slice(0, 120),
    ring: isRinged(e) || isRinged(e.closest("label")),
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
  };
}"""
NEVER = """() => [...document.querySelectorAll(
  "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']"
)].filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.disabled && !("wasFocused" in e.dataset)
  && e.tabIndex >= 0 && !(e.type === "radio" && !e.checked)).map((e) => e.outerHTML.slice(0, 120))"""
# Whether a finger, or an eye, finds what has the focus where it is: nothing lies over it, nothing cuts it away.
COVERED = """() => {
  const e = document.activeElement;
  const whole = e.closest("label") ?? e;
  const box = whole.getBoundingClientRect();
  const hit = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  const isThere = hit && (whole.contains(hit) || hit.contains(e) && hit.closest("label, summary, a, button"));
  if (isThere && box.width > 1 && box.height > 1) return null;
  return `${e.outerHTML.slice(0, 120)} under ${hit?.outerHTML.slice(0, 80)}`;
}"""
MOST_STOPS = 200


def walk(page: Page) -> list[dict]:
    """Tab through the page, once around."""
    stops: list[dict] = []
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if (stop := page.evaluate(FOCUSED)) is None:
            return stops
        stops.append(stop)
    raise AssertionError(f"the focus never left the page: {stops[-3:]}")


def tab_to(page: Page, words: str) -> None:
    """Tab until the focus is on what says that."""
    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if words in page.evaluate("document.activeElement.textContent"):
            return
    raise AssertionError(f"Tab never comes to {words!r}")


@pytest.mark.parametrize("path", ["/", "/hosts/", "host", "/rolling/new/", "/events/", "/me/"])
def test_tab_comes_to_everything_and_shows_where_it_is(lab, web, open_page, path):
    page = open_page("/")
    page.goto(f"/hosts/{lab.hosts['kvm1']}/" if path == "host" else path)
    is_live(page)

    stops = walk(page)

    assert [stop["what"] for stop in stops if not stop["ring"]] == []
    assert [stop["what"] for stop in stops if not stop["seen"]] == []
    assert page.evaluate(NEVER) == []


def test_the_first_tab_offers_to_skip_to_the_content(lab, web, open_page):
    page = open_page("/hosts/")

    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    page.keyboard.press("Tab")

    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")


def test_the_menu_of_a_phone_opens_closes_and_leads_with_the_keyboard(lab, web, open_page):
    page = open_page("/", width=390)
    menu = page.get_by_role("button", name="Menu")
    nav = page.locator("#nav")

    expect(nav).to_be_hidden()
    menu.focus()
    page.keyboard.press("Enter")
    expect(nav).to_be_visible()
    page.keyboard.press("Escape")
    expect(nav).to_be_hidden()
    expect(menu).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "Hosts")
    page.keyboard.press("Enter")

    page.wait_for_url("**/hosts/")


@pytest.mark.parametrize("path", ["/", "/hosts/", "/rolling/new/"])
def test_on_a_phone_nothing_hidden_or_covered_takes_the_focus(lab, web, open_page, path):
    page = open_page(path, width=390)
    is_live(page)
    covered: list[str] = []

    for _ in range(MOST_STOPS):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            break
        if (flaw := page.evaluate(COVERED)) is not None:
            covered.append(flaw)

    assert covered == []
    assert page.evaluate("document.activeElement === document.body")


def test_the_menu_of_a_phone_closes_when_the_focus_goes_on(lab, web, open_page):
    page = open_page("/", width=390)
    page.get_by_role("button", name="Menu").focus()
    page.keyboard.press("Enter")
    tab_to(page, "Log out")
    expect(page.locator("#nav")).to_be_visible()

    page.keyboard.press("Tab")

    expect(page.locator("#nav")).to_be_hidden()
    assert page.evaluate("document.getElementById('main').contains(document.activeElement)")


def test_escape_leaves_a_question_and_goes_back_to_its_button(lab, web, open_page):
    page = open_page(f"/hosts/{lab.hosts['kvm2']}/")
    is_live(page)
    tab_to(page, "Put into maintenance")
    page.keyboard.press("Enter")
    question = page.locator("#main .confirm-box").first
    expect(question).to_be_visible()
    page.keyboard.press("Tab")

    page.keyboard.press("Escape")

    expect(question).to_be_hidden()
    expect(page.locator("#main .confirm > summary").first).to_be_focused()
    assert not Run.objects.exists()


def test_a_host_is_put_into_maintenance_with_the_keyboard_alone(lab, web, open_page):
    """What asks before it acts is opened, read, left again and confirmed without a mouse."""
    page = open_page(f"/hosts/{lab.hosts['kvm2']}/")
    is_live(page)

    tab_to(page, "Put into maintenance")
    page.keyboard.press("Enter")
    page.wait_for_timeout(0)
    expect(page.locator("#main .confirm-box").first).to_be_visible()
    tab_to(page, "Take kvm2 out of service")
    page.keyboard.press("Enter")

    wait_until(lambda: Run.objects.exists(), within_s=10)
