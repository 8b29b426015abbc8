"""One's own page: tokens that are shown once and revoked, a password that ends other sessions."""

import pytest
from django.test import Client

from dashboard.models import TokenNote, User
from maintenance.models import AuditEntry
from tests.dashboard.console.conftest import logged_in
from tests.dashboard.console.forms import send, texts_of
from tests.dashboard.walk_page import Page

pytestmark = pytest.mark.django_db
OWN = "a password of their own"


def make_named_token(client: Client, name: str = "nightly report") -> str:
    shown = Page(send(client, "/me/", to="/me/tokens/", name=name).text).by_id("secret")
    assert shown is not None
    return shown.text


def asks(token: str) -> int:
    return Client(headers={"Authorization": f"Token {token}"}).get("/api/v1/hosts/").status_code


def test_a_token_is_shown_once_named_and_worth_nothing_once_revoked():
    viewer = logged_in("viewer")
    token = make_named_token(viewer)
    assert asks(token) == 200
    assert token not in viewer.get("/me/").text
    assert "nightly report" in texts_of(viewer, "/me/")

    viewer.post(f"/me/tokens/{TokenNote.objects.get().id}/revoke/")

    assert asks(token) == 401
    acts = AuditEntry.objects.order_by("number").values_list("action", flat=True)
    assert list(acts) == ["token made", "token revoked"]
    assert token not in str(list(AuditEntry.objects.values()))


def test_administrators_see_and_revoke_everybodys_tokens_and_nobody_else_does():
    token = make_named_token(logged_in("viewer"))
    note = TokenNote.objects.get()
    assert logged_in("operator").get("/settings/tokens/").status_code == 403
    assert logged_in("operator").post(f"/me/tokens/{note.id}/revoke/").status_code == 404
    assert asks(token) == 200
    administrator = logged_in("administrator")
    assert "nightly report" in texts_of(administrator, "/settings/tokens/")

    administrator.post(f"/settings/tokens/{note.id}/revoke/")

    assert asks(token) == 401


def test_a_form_that_is_sent_twice_makes_one_token():
    viewer = logged_in("viewer")
    form = {"name": "report", "days": "30", "token": "5f6c1c1e-7e0b-4f3e-9a51-1b1d0d6c2a11"}

    answers = [viewer.post("/me/tokens/", form) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 409]
    assert TokenNote.objects.count() == 1


def test_an_own_new_password_ends_every_other_session():
    User.objects.create_user(username="grace", password="the first password", role="viewer")
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        client.post("/login/", {"username": "grace", "password": "the first password"})

    wrong = send(here, "/me/", to="/me/password/", old="a wrong one", new=OWN, again=OWN)
    send(here, "/me/", to="/me/password/", old="the first password", new=OWN, again=OWN)

    assert "This is not your password." in wrong.text
    assert here.get("/me/").status_code == 200
    assert elsewhere.get("/me/").status_code == 302


def test_logging_out_elsewhere_leaves_this_session_and_the_tokens():
    User.objects.create_user(username="grace", password=OWN, role="viewer")
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        client.post("/login/", {"username": "grace", "password": OWN})
    token = make_named_token(here)

    here.post("/me/sessions/", {"log_out": "elsewhere"})

    assert here.get("/me/").status_code == 200
    assert elsewhere.get("/me/").status_code == 302
    assert asks(token) == 200
