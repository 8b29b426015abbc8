"""Every form, sent as a browser without script sends it: what stands in the page, what a person types, the token.

A new form fails here until its row in TYPED says what a person types into it.
"""

from collections.abc import Mapping

import pytest
from django.test import Client

from tests.dashboard.walk import NO_PAGES, addresses, page_routes, route_of
from tests.dashboard.walk_page import Page, Use

PASSWORD = "for-these-tests-only-1"
NOT_FORMS = {"csp-report", *NO_PAGES}  # browsers and machines send these
type Typed = Mapping[str, str]

# What a person types: the field's name, or how it begins where it ends with an id.
TYPED: Mapping[str, Typed] = {
    "login": {"username": "operator", "password": PASSWORD},
    "logout": {},
    "host-prepare": {"reason": "A fan is loud"},
    "host-return": {},
    "host-take-back": {"reason": "It is ours after all"},
    "run-plan": {},
    "run-start": {"reason": "Kernel"},
    "run-pause": {},
    "run-resume": {},
    "run-cancel": {},
    "run-host-retry": {},
    "run-host-skip": {},
    "attention-take": {},
    "attention-resolve": {"reason": "Mended by hand"},
}


@pytest.fixture
def pages(scene, settings) -> dict[str, tuple[str, Use, Client]]:
    """Route of each form's button → the first page that has it, the button, and who sees it."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # ten logins in a second
    found: dict[str, tuple[str, Use, Client]] = {}
    for role in ("operator", "administrator", "anonymous"):
        client = Client(enforce_csrf_checks=True)
        if role != "anonymous":
            scene.people[role].set_password(PASSWORD)
            scene.people[role].save()
            client.force_login(scene.people[role], backend="django.contrib.auth.backends.ModelBackend")
        for address in ["/login/", *(address for _, address in addresses(scene.things, page_routes()))]:
            answer = client.get(address)
            if not answer.headers.get("Content-Type", "").startswith("text/html"):
                continue
            for use in Page(answer.text, address).buttons():
                if use.method == "POST":
                    found.setdefault(route_of(use.path), (address, use, client))
    return found
