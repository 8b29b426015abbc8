"""Each page has states that are not "all is well": refused, not there, too late, broken. Each says what is so and what
to do next, in words, on a page of ours."""

import pytest
from django.db import OperationalError

from dashboard.access import may
from tests.dashboard.walk import Route, addresses, page_routes
from tests.dashboard.walk_page import Page

ROLES_REFUSED = ("viewer", "operator", "tenant", "")


def is_page_of_ours(html: str, where: str) -> Page:
    page = Page(html, where)
    assert len(page.find("h1")) == 1, where
    assert page.find("title"), where
    return page


def goes_somewhere(page: Page) -> bool:
    """A next step: a link or a button that leads on."""
    return bool(page.links() or page.buttons())


@pytest.mark.timeout(240)
@pytest.mark.parametrize("role", ROLES_REFUSED)
def test_whoever_may_not_is_told_so_by_every_page(scene, role):
    """Forbidden: the role that is missing and a way on, and nothing of what the page would have shown."""
    client, person = scene.client(role), scene.people[role]
    names = [scene.inventory.hosts["kvm2"].name, "Kernel 6.1", "hooks.example.org"]
    refused = 0
    for route, address in dict(addresses(scene.things, page_routes())).items():
        if may(person, route):
            continue
        answer = client.get(address)
        assert answer.status_code == 403, address
        page = is_page_of_ours(answer.text, address)
        assert goes_somewhere(page), f"{address}: no way on"
        main = page.by_id("main") or page.root
        assert not [name for name in names if name in main.text], f"{address} tells what it refuses"
        refused += 1
    assert refused > 5


def with_ids() -> list[Route]:
    return [route for route in page_routes() if route.takes and "form" not in route.takes]


@pytest.mark.parametrize("route", with_ids(), ids=lambda route: route.name)
def test_what_is_not_there_is_said_on_a_page_with_a_way_on(scene, route):
    """A link to something that is gone: 404, in words."""
    answer = scene.client("administrator").get(route.made_up())

    if route.name == "settings-membership-add" or answer.status_code == 303:
        return  # only leads to the page of a person
    assert answer.status_code == 404
    assert goes_somewhere(is_page_of_ours(answer.text, route.name))


@pytest.mark.timeout(240)
def test_when_the_database_is_away_each_page_says_so_and_names_the_request(scene, monkeypatch):
    """Error: what happened, that nothing was changed by it, and the number to ask about."""

    def away(*_: object, **__: object) -> int:
        raise OperationalError("the connection was lost")

    client = scene.client("administrator")
    client.raise_request_exception = False
    for module in (
        "overview",
        "inventory",
        "runs",
        "needs",
        "events",
        "settings_rest",
        "settings_people",
        "me",
    ):
        monkeypatch.setattr(f"dashboard.pages.{module}.feed_head", away)
    broken = 0
    for route, address in dict(addresses(scene.things, page_routes())).items():
        answer = client.get(address)
        if answer.status_code < 500:
            continue
        page = is_page_of_ours(answer.text, address)
        assert answer.headers["X-Request-ID"] in page.root.text, route
        assert "connection was lost" not in page.root.text, f"{route} tells of our inside"
        assert goes_somewhere(page), route
        broken += 1
    assert broken > 15


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        ("done", ("pause", "resume", "cancel")),
        ("failed", ("pause", "resume", "cancel")),
        ("paused", ("pause",)),
        ("at work", ("resume",)),
    ],
)
def test_a_button_of_an_old_page_changes_nothing_and_says_why(scene, state, buttons):
    """Conflict: somebody else was faster. The page comes again as it is now, with the reason."""
    run, client = scene.runs[state], scene.client("operator")
    for button in buttons:
        before = type(run).objects.filter(id=run.id).values().get()
        answer = client.post(f"/rolling/{run.id}/{button}/", follow=True)
        assert answer.status_code == 200
        assert "Not done" in answer.text, button
        assert str(run.number) in answer.text
        assert type(run).objects.filter(id=run.id).values().get() == before


@pytest.mark.parametrize("address", ["/settings/limits/", "settings-cloud", "settings-person"])
def test_a_form_that_somebody_else_changed_meanwhile_shows_both_and_saves_nothing(scene, address):
    """Conflict: what was seen is no longer so."""
    client = scene.client("administrator")
    if address.startswith("settings"):
        address = dict(addresses(scene.things, page_routes()))[address]
    page = Page(client.get(address).text, address)
    save = next(use for use in page.buttons() if use.method == "POST" and dict(use.fields).get("seen"))
    first, second = dict(save.fields), dict(save.fields)
    field, one, other = {
        "max_unavailable": ("max_unavailable", "2", "3"),
        "poll_s": ("poll_s", "7 s", "8 s"),
        "name": ("name", "One", "Another"),
    }[next(name for name in ("max_unavailable", "poll_s", "name") if name in first)]
    first[field], second[field] = one, other
    if "unknown_s" in first:
        first["unknown_s"] = second["unknown_s"] = "1 min"

    assert client.post(save.url, first).status_code == 303
    late = client.post(save.url, second)

    assert late.status_code == 409
    assert f'value="{other}"' in late.text, "what was typed is kept"
    again = Page(client.get(address).text, address)
    saved = next(use for use in again.buttons() if dict(use.fields).get("seen"))
    assert dict(saved.fields)[field] == one
