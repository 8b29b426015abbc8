"""Pictures are taken of every page there is; taking them is `make screenshots`, which every change must pass."""

import re

from tests.dashboard.walk import page_routes, route_of
from tooling.screenshots import OUTSIDE, PAGES, README, TENANTS

# What people read with GET and what is no page: it is downloaded, leads elsewhere, or is a piece of another page.
NO_PICTURE = {
    "run-plan", "run-start", "run-report", "events-download", "me-tokens", "first-run",
    "icons", "settings-membership-add", "wall-link",
}  # fmt: skip
AN_ID = "86c0b59f-89de-40db-9b30-251f851e869f"


def test_every_page_is_shot():
    shot = {
        route_of(re.sub(r"\{\w+\}", AN_ID, address).partition("?")[0])
        for name, address in {**PAGES, **OUTSIDE, **TENANTS}.items()
        if name != "no-such-page"
    }

    assert {route.name for route in page_routes()} - NO_PICTURE == shot


def test_what_readme_shows_is_among_them():
    assert README.keys() <= PAGES.keys()
