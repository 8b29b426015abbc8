"""Every form, sent as a browser without script sends it: what stands in the page, what a person types, the token.

A new form fails here until its row in TYPED says what a person types into it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.test import Client

from dashboard.access import MATRIX
from dashboard.pages import servers
from maintenance.models import AuditEntry, FeedEvent, Network, Run, SystemVm
from maintenance.payloads.demo import make_demo_payload
from maintenance.payloads.manifest import AGENT, SCRIPTS
from tests.dashboard.walk import addresses, page_routes, route_of
from tests.dashboard.walk_page import Page, Use
from tests.dashboard.walk_system_vms import FREE, FREE_NETWORK

OLD, NEW = "for-these-tests-only-1", "another-one-of-these-2"
type Typed = Mapping[str, str]

NOT_FORMS = {"csp-report", "api-unknown"}  # browsers and machines send these
# Forms of pages that this scene does not have, and who sends them: tests/dashboard/console, …/management.
ELSEWHERE = {
    *("first-run", "host-take-back", "run-new", "agents-change"),
    *("portal", "portal-update", "portal-slot", "portal-give-up"),  # tests/dashboard/portal
}
# What changes no row of ours: a session, a page that is drawn.
UNRECORDED = {"login", "logout", "run-plan"}

# What a person types: the field's name, or how it begins where it ends with an id.
TYPED: Mapping[str, Typed] = {
    "login": {"username": "administrator", "password": OLD},
    "logout": {},
    "host-prepare": {"reason": "A fan is loud"},
    "host-return": {},
    "run-plan": {},
    "run-start": {"reason": "Kernel"},
    "run-pause": {},
    "run-resume": {},
    "run-cancel": {},
    "run-host-retry": {},
    "run-host-skip": {},
    "agents-rebalance": {"reason": "After the outage"},
    "server-prepare": {"prepareForMaintenance-word": "MAINTENANCE"},
    "server-cancel": {},
    "server-prepare-shutdown": {"prepareForShutdown-word": "SHUTDOWN"},
    "server-trigger-shutdown": {"triggerShutdown-word": "SHUTDOWN"},
    "server-cancel-shutdown": {},
    "server-restart": {"restart-word": "MAINTENANCE"},
    "servers-restart": {"all-word": "MAINTENANCE"},
    "job-reconcile": {},
    "attention-take": {},
    "attention-resolve": {"reason": "Mended by hand"},
    "events-check": {},
    "me-password": {"old": OLD, "new": NEW, "again": NEW},
    "me-sessions": {},
    "me-tokens": {"name": "nightly report"},
    "me-token-revoke": {},
    "settings-person-new": {"username": "nils", "name": "Nils", "email": "nils@example.org"},
    "settings-person": {"name": "Another name"},
    "settings-person-password": {},
    "settings-person-deactivate": {},
    "settings-person-activate": {},
    "settings-person-unlock": {},
    "settings-membership-add": {},
    "settings-membership-remove": {},
    "settings-demo-off": {},
    "settings-token-revoke": {},
    "settings-cloud": {"poll_s": "7 s", "unknown_s": "1 min"},
    "settings-limits": {"max_unavailable": "2"},
    "system-vm-patch": {},
    "system-vms-patch": {"reason": "An advisory"},
    "routers-restart": {"reason": "An advisory"},
    "settings-payloads": {},
    "settings-payload-withdraw": {"reason": "haproxy dies"},
    "settings-notifications": {"mail_to": "day@example.org"},
    "settings-notification-test": {},
    "settings-walls": {"name": "operations room"},
    "settings-wall-revoke": {},
}
# Which button is pressed where several send the same form: what it sends besides.
PRESSED: Mapping[str, tuple[str, str]] = dict.fromkeys(
    ["system-vms-patch", "routers-restart"], ("do", "start")
)


# What a person chooses as files, by the form they go with.
def _payload_files() -> dict[str, SimpleUploadedFile]:
    made = make_demo_payload("99.0.0.1")
    paths = {"manifest": made.manifest, "agent": made.files[AGENT], "scripts": made.files[SCRIPTS]}
    return {name: SimpleUploadedFile(path.name, path.read_bytes()) for name, path in paths.items()}


FILES = {"settings-payloads": _payload_files}
# What nobody should type → the status, and a word of what the answer says about it.
WRONG: Mapping[str, tuple[Typed, int, str]] = {
    "login": ({"username": "viewer", "password": "wrong"}, 200, "password"),
    "me-password": ({"old": "wrong", "new": NEW, "again": NEW}, 400, "password"),
    "me-tokens": ({"name": ""}, 400, "name"),
    "run-start": ({"max_unavailable": "0"}, 400, "Give a whole number from 1 to 1000."),
    "settings-person-new": ({"username": "", "name": "Nils"}, 400, "Give the name that they log in with."),
    "settings-person": ({"email": "no address"}, 400, "address"),
    "settings-cloud": ({"poll_s": "soon"}, 400, "soon"),
    "settings-limits": ({"max_unavailable": "-1"}, 400, "is no whole number; write it in digits"),
    "settings-notifications": ({"webhook_url": "ftp://hooks.example.org"}, 400, "http"),
    "settings-walls": ({"name": "hall", "networks": "the second floor"}, 400, "10.1.0.0/24"),
}


@dataclass(frozen=True)
class Form:
    """Where a form stands, its button, and who sees it."""

    address: str
    button: Use
    role: str


@pytest.fixture
def forms(scene, settings, monkeypatch) -> dict[str, Form]:
    """Route → the first page that has a button for it."""
    settings.PASSWORD_HASHERS = [
        "django.contrib.auth.hashers.MD5PasswordHasher"
    ]  # many logins, none of them real
    monkeypatch.setattr(servers, "READ_BACK_S", 0.0)  # no engine runs here that would read anything back
    for person in scene.people.values():
        person.set_password(OLD)
        person.save()
    found: dict[str, Form] = {}
    starts = [
        f"/rolling/new/?hosts={scene.inventory.hosts['kvm19'].id}",
        f"/system-vms/patch/?system_vms={SystemVm.objects.get(name=FREE).id}",
        f"/system-vms/restart/?network={Network.objects.get(name=FREE_NETWORK).id}",
    ]
    for role in ("administrator", "anonymous"):
        client = _browser(scene, role)
        for address in [
            "/login/",
            *starts,
            *(address for _, address in addresses(scene.things, page_routes())),
        ]:
            answer = client.get(address)
            if answer.headers.get("Content-Type", "").startswith("text/html"):
                for use in Page(answer.text, address).buttons():
                    route = route_of(use.path)
                    is_meant = route not in PRESSED or PRESSED[route] in use.fields
                    if use.method == "POST" and is_meant:
                        found.setdefault(route, Form(address, use, role))
    return found


def _browser(scene, role: str) -> Client:
    client = Client(enforce_csrf_checks=True)
    if role != "anonymous":
        client.force_login(scene.people[role], backend="django.contrib.auth.backends.ModelBackend")
    return client


def send(scene, form: Form, typed: Typed):
    """What the page says now, with what is typed into it. Returns: the answer."""
    client = _browser(scene, form.role)
    page = Page(client.get(form.address).text, form.address)
    button = next(
        use for use in page.buttons() if (use.path, use.says) == (form.button.path, form.button.says)
    )
    fields: dict[str, list[str]] = {}
    for name, value in button.fields:
        fields.setdefault(name, []).append(value)
    for name, value in typed.items():
        # Fields of many forms on a page end with the id of what they are about, which the address has, too.
        names = [there for there in fields if there == name or there.startswith(f"{name}-")]
        own = [there for there in names if there.removeprefix(f"{name}-") in button.path] or names[:1]
        fields.update({there: [value] for there in own})
        assert own, f"{form.address}: no field {name}"
    chosen = FILES.get(route_of(button.path), dict)()
    return client, client.post(button.url, {**fields, **chosen})


def recorded() -> tuple[int, int, int]:
    return FeedEvent.objects.count(), AuditEntry.objects.count(), Run.objects.count()


@pytest.mark.timeout(300)
def test_every_form_does_what_it_is_for_without_script(scene, forms):
    assert {route for route, row in MATRIX.items() if "POST" in row and not route.startswith("api:")} == (
        TYPED.keys() | NOT_FORMS | ELSEWHERE
    )
    assert forms.keys() == TYPED.keys()
    wrong = []
    for route, form in forms.items():
        with _undone():
            before = recorded()
            client, answer = send(scene, form, TYPED[route])
            shown = (
                client.get(answer.headers["Location"]).text
                if answer.status_code in {302, 303}
                else answer.text
            )
            if answer.status_code not in {200, 302, 303} or "Not done" in shown:
                wrong.append(f"{route} from {form.address}: {answer.status_code} {_alerts(shown)}")
            elif route not in UNRECORDED and recorded() == before:
                wrong.append(f"{route} from {form.address}: nothing was recorded")
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.timeout(300)
def test_what_cannot_be_is_said_beside_the_form_and_changes_nothing(scene, forms):
    wrong = []
    for route, (typed, status, word) in WRONG.items():
        with _undone():
            before = recorded()
            _, answer = send(scene, forms[route], typed)
            if answer.status_code != status or recorded() != before:
                wrong.append(
                    f"{route}: {answer.status_code}, {recorded()} after {before}: {_alerts(answer.text)}"
                )
            elif word not in _alerts(answer.text):
                wrong.append(f"{route}: says {_alerts(answer.text)!r}, not {word!r}")
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.timeout(300)
def test_no_form_is_taken_from_another_site(scene, forms):
    """Without the token of the page, nothing is read of what was sent."""
    before = recorded()
    for route, form in forms.items():
        answer = _browser(scene, form.role).post(form.button.url, {"reason": "not ours"})
        assert answer.status_code == 403, route
        assert "Nothing" in answer.text, route
    assert recorded() == before


@contextmanager
def _undone() -> Iterator[None]:
    """What happens inside is taken back, so that one form does not change what the next one finds."""
    block = transaction.atomic()
    vars(block)["_from_testcase"] = True  # as those of tests: what is durable may stand in it
    with block:
        yield
        connection.set_rollback(True)


def _alerts(html: str) -> str:
    """What the page says went wrong: alerts, and what stands beside fields."""
    page = Page(html)
    said = [e.text for e in page.elements if e["role"] in {"alert", "status"} or "error" in e["class"]]
    return " | ".join(" ".join(text.split()) for text in said)
