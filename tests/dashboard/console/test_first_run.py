"""An installation without people: whoever can read the code on the machine makes the first administrator."""

import pytest
from django.test import Client

from dashboard.models import User
from dashboard.people.first import CODE_FILE
from tests.dashboard.console.forms import send
from tests.dashboard.people import make_person

pytestmark = pytest.mark.django_db
WORDS = "a password of some length"


@pytest.fixture
def stranger(settings, tmp_path) -> Client:
    """Somebody at the page of an installation that has nobody yet."""
    settings.VAR_DIR = tmp_path
    return Client()


def welcome(client: Client, code: str, again: str = WORDS):
    return send(client, "/welcome/", code=code, username="ada", new=WORDS, again=again)


def test_where_nobody_can_log_in_the_door_leads_to_the_first_administrator(stranger, tmp_path):
    assert stranger.get("/login/").url == "/welcome/"
    stranger.get("/welcome/")
    code = tmp_path / CODE_FILE
    assert code.stat().st_mode & 0o077 == 0

    welcome(stranger, code.read_text())

    assert User.objects.get().role == "administrator"
    assert not code.exists()
    stranger.post("/login/", {"username": "ada", "password": WORDS})
    assert stranger.get("/settings/").status_code == 200
    assert Client().get("/welcome/").status_code == 303


def test_without_the_code_nobody_becomes_anything(stranger, tmp_path):
    stranger.get("/welcome/")
    code = (tmp_path / CODE_FILE).read_text()

    assert "not the code" in welcome(stranger, "guessed").text
    assert "not the same" in welcome(stranger, code, again="another").text
    assert not User.objects.exists()


def test_where_there_are_people_the_first_page_is_no_more(stranger):
    make_person("viewer")

    answer = stranger.post("/welcome/", {"code": "x", "username": "mallory", "new": WORDS, "again": WORDS})

    assert answer.status_code == 303
    assert User.objects.count() == 1
