"""Every page in a real browser, with markup that wants to run in every field that people and clouds write, and with
the hardest names: nothing of it runs, nothing becomes an element, and nothing scrolls sideways on a phone."""

import pytest
from playwright.sync_api import Page

from tests.browser.walked import PHONE, TOO_WIDE, pages_of_each_route
from tests.dashboard.walk_names import rename_all
from tests.dashboard.walk_words import fill, harmful

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),  # some 80 pages; on a machine that does nothing else, a quarter of a minute
]

# Each stands at the beginning of a text, so that it fits into the shortest field whole; `harmful` breaks out later.
HARMS = (
    "<b id=pwned>",
    '"><b class=pwned>',
    "<script>alert(__pwned=1)</script>",
    "'><img src=x onerror=alert(__pwned=1)>",
    "</title></textarea></option><svg onload=alert(__pwned=1)>",
)
PWNED = """() => {
  const ran = [window.__pwned, window.owned].filter((value) => value !== undefined).map((value) => `ran: ${value}`);
  const markers = "#pwned, .pwned, #owned, iframe, object, embed, base, [srcdoc], [onerror], [onload]";
  const others = 'img[src="x"], body svg[onload], a[href^="javascript:" i], script:not([src])';
  const made = [...document.querySelectorAll(`${markers}, ${others}`)].map((e) => `made: ${e.outerHTML.slice(0, 160)}`);
  return [...ran, ...made];
}"""
LAST_WORD = "() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)))"


def nasty(mark: str, longest: int) -> str:
    harm = HARMS[sum(mark.encode()) % len(HARMS)]
    return (
        (mark + harm + harmful(mark, longest))[:longest]
        if len(mark + harm) <= longest
        else harmful(mark, longest)
    )


@pytest.fixture
def page(enter) -> Page:
    """Of the one who sees most. They came in before anything was renamed."""
    entered: Page = enter("administrator")
    entered.set_viewport_size(PHONE)
    return entered


def test_no_markup_of_people_or_clouds_runs_or_becomes_an_element(scene, page, complaints):
    """Nor does the content security policy have to stop anything: `lone_web` and `complaints` see to that."""
    fill(nasty)
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(f"{page.url}: {dialog.message}"), dialog.dismiss()))
    asked = pages_of_each_route(scene, page)
    assert len(asked) > 50, asked
    found, marked = [], 0
    for address in asked:
        page.goto(address)
        page.evaluate(LAST_WORD)
        found += [f"{address} {said}" for said in page.evaluate(PWNED)]
        marked += "pwned" in page.inner_text("body")

    assert not [*found, *dialogs], "\n" + "\n".join([*found, *dialogs])
    assert marked > 40, "hardly any page shows what was written"
    assert complaints == []


def test_what_runs_is_seen(browser):
    """Else the walk would prove nothing."""
    page = browser.new_page()
    page.set_content("<b id=pwned></b><script>window.__pwned = 1</script>")
    found = page.evaluate(PWNED)
    page.close()

    assert found == ["ran: 1", 'made: <b id="pwned"></b>', "made: <script>window.__pwned = 1</script>"]


def test_no_page_scrolls_sideways_on_a_phone_whatever_people_and_clouds_wrote(scene, page):
    """Names, states, versions, answers, outputs: each as long as it may be, and one word."""
    fill(one_word)
    rename_all("255 without a break")
    found = []
    for address in pages_of_each_route(scene, page):
        page.goto(address)
        if wide := page.evaluate(TOO_WIDE):
            found.append(f"{address}: {wide}")

    assert not found, f"\n{len(found)}:\n" + "\n".join(found)


def one_word(mark: str, longest: int) -> str:
    return mark.ljust(longest, "m")[:longest]
