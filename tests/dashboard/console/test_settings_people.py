"""People: made, changed, given a role and a membership, put out and let in; demo users are switched off for good."""

import pytest
from django.test import Client

from dashboard.access import ANYBODY, LOGGED_IN, MATRIX
from dashboard.models import Membership, Role, User
from dashboard.people.changes import PersonGiven, create_person
from dashboard.people.memberships import listed_accounts
from dashboard.screens.settings.roles import roles
from maintenance.models import AuditEntry, Instance
from tests.dashboard.console.conftest import logged_in
from tests.dashboard.console.forms import send, texts_of
from tests.dashboard.people import make_person, make_token
from tests.dashboard.walk_page import Page

pytestmark = pytest.mark.django_db
OWN, FIRST = "a password of their own", "the first password of all"
NEW = "/settings/people/new/"


@pytest.fixture
def ada() -> Client:
    """A real administrator's browser."""
    return logged_in("administrator")


def page_of(person: User) -> str:
    return f"/settings/people/{person.key}/"


def login(name: str, password: str) -> Client:
    client = Client()
    client.post("/login/", {"username": name, "password": password})
    return client


def is_in(client: Client) -> bool:
    return client.get("/me/").status_code == 200


def make_grace(role: str = Role.OPERATOR) -> User:
    given = PersonGiven("Grace", "grace@example.org", role)
    return create_person("grace", given, password=FIRST, must_change=False, actor="setup")


def test_somebody_new_gets_a_one_time_password_that_is_shown_once_and_opens_one_door(ada):
    answer = send(ada, NEW, username="grace", name="Grace", role="operator")
    shown = Page(answer.text).by_id("secret")
    assert shown is not None
    grace = User.objects.get(username="grace")
    assert shown.text not in ada.get(page_of(grace)).text

    browser = login("grace", shown.text)
    assert browser.get("/hosts/").url == "/me/password/"
    send(browser, "/me/password/", old=shown.text, new=OWN, again=OWN)

    assert browser.get("/hosts/").status_code == 200
    assert is_in(login("grace", OWN))
    assert not is_in(login("grace", shown.text))


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"username": "administrator"}, "names are never used again"),
        ({"username": "Administrator"}, "names are never used again"),
        ({"username": "no name"}, "valid username"),
        ({"username": "grace", "email": "nonsense"}, "valid email"),
        ({"username": "grace", "role": "emperor"}, "Choose a role"),
        ({"username": "grace", "kind": "chosen", "password": "short"}, "at least 10"),
    ],
)
def test_what_cannot_be_is_said_beside_it_and_nobody_is_made(ada, typed, said):
    answer = send(ada, NEW, **typed)

    assert answer.status_code == 400
    assert said in answer.text
    assert User.objects.count() == 1


def test_another_role_holds_at_once_and_is_in_the_audit(ada):
    grace = make_grace(Role.VIEWER)
    browser = login("grace", FIRST)
    assert browser.get("/rolling/new/").status_code == 403

    send(ada, page_of(grace), role="operator")

    assert browser.get("/rolling/new/").status_code == 200
    entry = AuditEntry.objects.get(action="person changed")
    assert (entry.actor, entry.before, entry.after) == (
        "administrator",
        {"role": "viewer"},
        {"role": "operator"},
    )


def test_the_second_of_two_administrators_sees_what_the_first_has_changed(ada):
    grace = make_grace()
    form = {"name": "Grace", "email": "grace@example.org", "role": "viewer", "seen": "{}"}

    answer = ada.post(page_of(grace), form)

    assert answer.status_code == 409
    assert "Nothing of yours was saved" in answer.text
    grace.refresh_from_db()
    assert grace.role == Role.OPERATOR


def test_a_tenants_person_belongs_to_accounts_that_the_cloud_lists(ada, inventory):
    Instance.objects.update(domain="ROOT/shop", account="shop")
    grace = make_grace(Role.TENANT)
    chosen = next(one for one in listed_accounts() if one.account == "shop")
    add = f"{page_of(grace)}memberships/"

    send(ada, page_of(grace), to=add, account=chosen.value)
    send(ada, page_of(grace), to=add, account=chosen.value)
    membership = Membership.objects.get()
    assert (membership.domain, membership.account, membership.made_by) == (
        "ROOT/shop",
        "shop",
        "administrator",
    )
    assert "ROOT/shop" in texts_of(ada, page_of(grace))

    ada.post(f"/settings/memberships/{membership.id}/remove/")
    assert not Membership.objects.exists()
    acts = AuditEntry.objects.filter(action__startswith="membership").order_by("number")
    assert [entry.action for entry in acts] == ["membership added", "membership removed"]


def test_an_account_that_no_cloud_lists_and_an_operators_membership_are_refused(ada, inventory):
    Instance.objects.update(domain="ROOT/shop", account="shop")
    tenant, operator = make_person("tenant"), make_person("operator")

    ada.post(f"{page_of(tenant)}memberships/", {"account": "made up"})
    ada.post(f"{page_of(operator)}memberships/", {"account": listed_accounts()[0].value})

    assert not Membership.objects.exists()


def test_whoever_is_deactivated_is_out_everywhere_and_stays_out_of_old_sessions(ada):
    grace = make_grace()
    browser, token = login("grace", FIRST), make_token(grace)
    program = Client(headers={"Authorization": f"Token {token}"})
    assert is_in(browser)
    assert program.get("/api/v1/hosts/").status_code == 200

    ada.post(f"{page_of(grace)}deactivate/")
    assert not is_in(browser)
    assert not is_in(login("grace", FIRST))
    assert program.get("/api/v1/hosts/").status_code == 401

    ada.post(f"{page_of(grace)}activate/")
    assert is_in(login("grace", FIRST))
    assert not is_in(browser)
    assert program.get("/api/v1/hosts/").status_code == 401


def test_nobody_puts_out_or_lowers_themselves_or_the_last_administrator(ada):
    me = User.objects.get(username="administrator")

    answers = [
        ada.post(f"{page_of(me)}deactivate/", follow=True),
        send(ada, page_of(me), role="viewer"),
    ]

    assert all("you cannot" in answer.text for answer in answers)
    me.refresh_from_db()
    assert (me.is_active, me.role) == (True, Role.ADMINISTRATOR)


def test_demo_users_are_switched_off_by_a_real_administrator_only(ada):
    demo = make_person("administrator", "demo")
    User.objects.filter(pk=demo.pk).update(is_demo=True)
    theirs = Client()
    theirs.force_login(demo, backend="django.contrib.auth.backends.ModelBackend")

    refused = theirs.post("/settings/people/demo-off/", follow=True)
    assert "you are logged in as a demo user yourself" in refused.text
    assert "A demo user can log in" in texts_of(ada, "/settings/")

    ada.post("/settings/people/demo-off/")
    assert not is_in(theirs)
    assert "demo user" not in texts_of(ada, "/settings/")


def test_a_setting_keeps_demo_users_out_without_touching_anybody_else(ada, settings):
    grace = make_grace()
    User.objects.create_user(username="demo", password=FIRST, role=Role.ADMINISTRATOR, is_demo=True)
    inside = login("demo", FIRST)
    assert is_in(inside)

    settings.DEMO = False

    assert not is_in(inside)
    assert not is_in(login("demo", FIRST))
    assert is_in(login(grace.username, FIRST))


def test_a_new_password_ends_every_session_but_the_tokens_stay(ada):
    grace = make_grace()
    browser, token = login("grace", FIRST), make_token(grace)

    ada.post(f"{page_of(grace)}password/", {"kind": "chosen", "password": OWN})

    assert not is_in(browser)
    assert is_in(login("grace", OWN))
    program = Client(headers={"Authorization": f"Token {token}"})
    assert program.get("/api/v1/hosts/").status_code == 200


def test_every_right_of_every_role_has_words_or_an_address(ada):
    page = texts_of(ada, "/settings/roles/")

    assert "Start a run" in page
    assert "POST /api/v1/rolling-maintenances/{run_id}/pause/" in page
    assert "PATCH /api/v1/agent-balance/" in page


def test_no_method_of_any_request_is_missing_among_the_rights():
    shown = {(right.route, right.code.partition(" ")[0]) for right in roles().groups[-1].rights}
    for_roles = {
        (route, method)
        for route, row in MATRIX.items()
        if route.startswith("api:")
        for method, audience in row.items()
        if audience not in {ANYBODY, LOGGED_IN}
    }

    assert shown == for_roles
