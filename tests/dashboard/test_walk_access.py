"""What the pages offer to whom: no page shows a link or a button that whoever reads it may not use."""

from collections.abc import Iterator

import pytest
from django.urls import Resolver404

from dashboard.access import MATRIX, may
from dashboard.models import Role, User
from tests.dashboard.walk import addresses, page_routes, route_of
from tests.dashboard.walk_page import Page, Use

ROLES = (*Role.values, "")  # "": logged in, without a role
FILES = ("/static/",)
HOME = "/"  # leads everybody to where they may be
WRITES = ("POST", "PUT", "PATCH", "DELETE")
# What everybody does for themselves, whatever their role, and what no login is needed for.
OWN = {
    "login",
    "logout",
    "csp-report",
    "first-run",
    "me",
    "me-password",
    "me-sessions",
    "api:token",
    "api:schema",
}
# What belongs to an account, and is drawn for those who belong to it: other roles see the same facts in the console.
OF_TENANTS = {"portal", "portal-update", "portal-slot", "portal-give-up"}
# REST tells tenants, too, and takes their patches: of what is theirs (access.py, visible_…).
OF_TENANTS_TOO = {
    *("system-vms", "system-vm", "networks", "network", "vpcs", "vpc"),
    *("live-patches", "live-patch", "network-restart", "vpc-restart"),
}
OPEN = {"healthz", "readyz", "api-unknown", "icons", "wall-link"}


def offered(page: Page) -> list[Use]:
    return [*page.links(), *page.buttons(), *page.asked_by_htmx()]


def refused(person: User, page: Page) -> Iterator[str]:
    """Everything on the page that leads nowhere, or where this person may not go."""
    for use in offered(page):
        if use.path.startswith(FILES) or use.path == HOME:
            continue
        try:
            route = route_of(use.path)
        except Resolver404:
            yield f"{page.address}: “{use.says}” leads to {use.url}, which is nothing"
            continue
        if not may(person, route, use.method):
            yield f"{page.address}: “{use.says}” is {use.method} {route}, which {person.role or 'nobody'} may not"


@pytest.mark.parametrize("role", ROLES)
def test_a_page_offers_nothing_that_its_reader_may_not_use(scene, role):
    client, person = scene.client(role), scene.people[role]
    found, seen = [], 0
    for route, address in addresses(scene.things, page_routes()):
        answer = client.get(address)
        if not answer.headers.get("Content-Type", "").startswith("text/html"):
            continue
        assert (answer.status_code == 403) != may(person, route), address
        found += refused(person, Page(answer.text, address))
        seen += 1

    assert seen > 20
    assert not found, "\n" + "\n".join(sorted(set(found)))


def test_somebody_who_must_choose_a_password_is_offered_nothing_else(scene):
    person = scene.people["operator"]
    person.must_change_password = True
    person.save()
    client = scene.client("operator")

    page = client.get("/me/password/")

    assert not list(refused(person, Page(page.text, "/me/password/")))
    for route, address in addresses(scene.things, page_routes()):
        if not may(person, route):
            assert client.get(address).headers.get("Location") == "/me/password/", address


def writes(role: str) -> set[str]:
    return {route for route, row in MATRIX.items() for method in WRITES if role in row.get(method, ())}


def reads(role: str) -> set[str]:
    return {route for route, row in MATRIX.items() if role in row.get("GET", ())}


def test_a_viewer_reads_everything_but_settings_and_writes_nothing_but_their_own():
    only_shows = {"api:agent-balance-preview"}  # a POST that changes nothing
    assert writes("viewer") <= OWN | OPEN | {"me-tokens", "me-token-revoke"} | only_shows
    assert reads("operator") - reads("viewer") == {
        *("run-new", "run-plan", "run-start"),
        *("system-vms-patch", "routers-restart"),
    }


def test_an_operator_starts_and_steers_and_sets_nothing():
    steered = writes("operator") - writes("viewer")

    of_operators = ("run-", "host-", "server-", "job-", "attention-", "need", "api:", "system-vm", "routers-")
    assert {route for route in steered if not route.startswith(of_operators)} == set()
    assert not any(route.startswith("settings") for route in reads("operator") | writes("operator"))


def test_an_administrator_may_everything_that_anybody_may():
    for route, row in MATRIX.items():
        for audience in row.values():
            assert "administrator" in audience or route in OF_TENANTS


@pytest.mark.parametrize("nobody", ["tenant", "roleless", "newcomer"])
def test_who_has_no_business_in_the_console_has_only_what_is_their_own(nobody):
    theirs = OF_TENANTS | {f"api:{name}" for name in OF_TENANTS_TOO} if nobody == "tenant" else set()
    assert reads(nobody) | writes(nobody) <= OWN | OPEN | theirs


def test_nobody_but_tenants_has_the_portal():
    for route in OF_TENANTS:
        assert set().union(*MATRIX[route].values()) == {"tenant"}
