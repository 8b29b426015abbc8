"""The access matrix in a real browser: whoever may not open a page is shown why, whoever may is shown the page, and
nothing that can be seen and pressed there leads where they may not go."""

from collections.abc import Iterator
from urllib.parse import urljoin, urlsplit

import pytest
from django.urls import Resolver404
from playwright.sync_api import Page, Response

from dashboard.access import may
from dashboard.models import User
from tests.browser.walked import is_page
from tests.dashboard.walk import Route, Things, page_routes, route_of

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]

# What can be seen and used: links, buttons with what they send, forms that Enter sends, what htmx asks for.
OFFERED = """() => {
  const seen = (e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest("[inert]");
  const said = (e) => (e.ariaLabel || e.textContent || e.value || "").trim().replace(/\\s+/g, " ").slice(0, 60);
  const found = [];
  document.querySelectorAll("details").forEach((e) => { e.open = true; });
  for (const e of document.querySelectorAll("a[href], area[href]")) {
    if (seen(e)) found.push(["GET", e.href, said(e)]);
  }
  for (const e of document.querySelectorAll("button, input[type=submit], input[type=image]")) {
    if (!seen(e) || e.matches(":disabled") || !e.form || (e.tagName === "BUTTON" && e.type !== "submit")) continue;
    const method = e.hasAttribute("formmethod") ? e.formMethod : e.form.method;
    found.push([method.toUpperCase(), e.hasAttribute("formaction") ? e.formAction : e.form.action, said(e)]);
  }
  for (const form of document.forms) {  // Enter sends one without a button; where its button is disabled, it does not
    const controls = [...form.elements];
    const enters = controls.some((e) => e.matches("input, select") && seen(e) && !e.disabled);
    if (enters && !controls.some((e) => e.type === "submit" || e.type === "image")) {
      found.push([form.method.toUpperCase(), form.action, "Enter in a field"]);
    }
  }
  for (const method of ["get", "post", "put", "patch", "delete"]) {
    for (const e of document.querySelectorAll(`[hx-${method}]`)) {
      if (seen(e) && !e.matches(":disabled, form")) {
        found.push([method.toUpperCase(), e.getAttribute(`hx-${method}`), said(e)]);
      }
    }
  }
  return found;
}"""


def forbidden_uses(page: Page, person: User) -> Iterator[str]:
    """Everything in sight that leads nowhere, or where this person may not go."""
    for method, url, says in page.evaluate(OFFERED):
        there = urlsplit(urljoin(page.url, url))
        path = there.path
        if there.netloc != urlsplit(page.url).netloc:
            yield f"{urlsplit(page.url).path}: “{says}” leads away, to {url}"
        elif path.startswith("/static/") or path == "/":  # the root leads everybody to where they may be
            continue
        elif not _may(person, path, method):
            yield f"{urlsplit(page.url).path}: “{says}” is {method} {path}, which {person.role} may not"


def _may(person: User, path: str, method: str) -> bool:
    try:
        return may(person, route_of(path), method)
    except Resolver404:
        return False


def one_of_each(things: Things) -> Iterator[tuple[Route, str]]:
    """Pages of each route: of hosts and runs, whose buttons depend on their state, all; else the first."""
    for route in page_routes():
        given = things.fillings(route)
        for filling in given if route.name in {"host", "run"} else given[:1]:
            yield route, route.address(filling)


@pytest.mark.parametrize("role", ["viewer", "tenant"])
def test_the_browser_shows_each_page_or_the_refusal_as_the_matrix_says(scene, enter, role):
    page, person = enter(role), scene.people[role]
    found, shown, refused = [], 0, 0
    for route, address in one_of_each(scene.things):
        allowed = may(person, route.name)
        if allowed and not is_page(page.request.get(address, max_redirects=0)):
            continue  # a download, or led on
        answer = page.goto(address)
        assert isinstance(answer, Response)
        if answer.status != (200 if allowed else 403):
            found.append(f"{address}: {answer.status}, {role} may{'' if allowed else ' not'}")
        found += looks_unfinished(page, address)
        found += forbidden_uses(page, person)
        shown, refused = shown + allowed, refused + (not allowed)
    for route in (route for route in page_routes() if any(name.endswith("_id") for name in route.takes)):
        # Ids that nothing has: who may not open such a page is not even told whether the thing is there.
        answer = page.goto(route.made_up())
        assert isinstance(answer, Response)
        if answer.status != (404 if may(person, route.name) else 403):
            found.append(f"{route.made_up()}: {answer.status}")
        found += [*looks_unfinished(page, route.name), *forbidden_uses(page, person)]

    assert not found, f"\n{len(found)}:\n" + "\n".join(sorted(set(found)))
    assert refused > 10
    assert shown > (20 if role == "viewer" else 0)


def looks_unfinished(page: Page, where: str) -> Iterator[str]:
    """A page of ours has one heading, says something, and offers a way on."""
    if page.locator("h1").count() != 1 or page.locator("main").count() != 1:
        yield f"{where}: {page.locator('h1').count()} <h1>, {page.locator('main').count()} <main>"
    elif len(page.inner_text("main").split()) < 5 or page.locator("a[href]:visible").count() == 0:
        yield f"{where}: says only {page.inner_text('main')!r}"


def test_a_way_to_what_is_forbidden_is_found(scene, enter):
    """Else the walk would prove nothing."""
    page = enter("viewer")
    page.goto("/hosts/")
    page.evaluate("""() => {
      const form = Object.assign(document.createElement("form"), {method: "post", action: "/settings/demo-off/"});
      form.append(Object.assign(document.createElement("button"), {textContent: "Off"}));
      const link = Object.assign(document.createElement("a"), {href: "/rolling/new/", textContent: "Start"});
      document.querySelector("main").append(form, link);
    }""")

    found = [*forbidden_uses(page, scene.people["viewer"])]

    assert len(found) == 2, found
