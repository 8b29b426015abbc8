"""Name and password for a token; what ends one."""

import pytest
from django.test import Client

from dashboard.models import User
from tests.dashboard.people import Api, api_of, make_person

PASSWORD = "a password of some length"


@pytest.fixture
def ada(db) -> User:
    return User.objects.create_user("ada", password=PASSWORD, role="operator")


def log_in(username: str, password: str) -> object:
    return Api(Client()).post("auth/token/", {"username": username, "password": password})


def test_a_token_opens_what_its_person_may_use(ada):
    answer = log_in("ada", PASSWORD)
    assert answer.status_code == 200
    assert set(answer.json()) == {"token", "expiry"}
    token = Api(Client(headers={"Authorization": f"Token {answer.json()['token']}"}))
    assert token.get("hosts/").status_code == 200


def test_a_wrong_password_and_a_wrong_name_get_the_same_answer(ada):
    wrong_password, wrong_name = log_in("ada", "wrong"), log_in("nobody", PASSWORD)
    for answer in (wrong_password, wrong_name):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Token"
    without_id = [
        {k: v for k, v in a.json().items() if k != "request_id"} for a in (wrong_password, wrong_name)
    ]
    assert without_id[0] == without_id[1]


def test_somebody_deactivated_cannot_log_in_and_their_token_is_worth_nothing(ada):
    program = api_of(ada)
    assert program.get("hosts/").status_code == 200
    ada.is_active = False
    ada.save()
    assert program.get("hosts/").status_code == 401
    assert log_in("ada", PASSWORD).status_code == 401


def test_too_many_wrong_passwords_are_told_to_wait(ada, settings):
    settings.AXES_FAILURE_LIMIT = 3
    for _ in range(2):
        assert log_in("ada", "wrong").status_code == 401
    log_in("ada", "wrong")
    answer = log_in("ada", PASSWORD)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "300"
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_logging_out_ends_this_token_and_no_other(ada):
    one, other = api_of(ada), api_of(ada)
    assert one.delete("auth/token/").status_code == 204
    assert one.get("hosts/").status_code == 401
    assert other.get("hosts/").status_code == 200


def test_a_session_has_no_token_to_end(ada):
    browser = Client()
    browser.force_login(ada)
    assert browser.delete("/api/v1/auth/token/").status_code == 400


@pytest.mark.parametrize(
    "sent", ["Token", "Token x y", "Token é", "Token \x00", "Token " + "a" * 129, "Basic YTpi", "Bearer abc"]
)
def test_a_header_that_is_no_token_is_401(db, sent):
    assert Client(headers={"Authorization": sent}).get("/api/v1/hosts/").status_code == 401


def test_a_401_says_what_to_do_next(db):
    nobody = Client().get("/api/v1/hosts/")
    unknown = Client(headers={"Authorization": "Token " + "a" * 64}).get("/api/v1/hosts/")
    for answer, why in ((nobody, "you are not logged in"), (unknown, "this token is unknown or has ended")):
        assert answer.status_code == 401
        assert answer.json()["detail"].startswith(why)
        assert "POST /api/v1/auth/token/" in answer.json()["detail"]


def test_a_write_with_a_session_needs_the_csrf_token(db):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_person("operator"))
    answer = browser.post("/api/v1/rolling-maintenances/", {}, content_type="application/json")
    assert answer.status_code == 403
    assert "CSRF" in answer.json()["detail"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": "ada"},
        {"username": "ada", "password": 5},
        {"username": "a\x00", "password": "b"},
        {"username": "ada", "password": "x" * 2000},
        {"username": "ada", "password": "b", "role": "administrator"},
    ],
)
def test_a_login_that_is_none_is_400(db, body):
    assert Api(Client()).post("auth/token/", body).status_code == 400
