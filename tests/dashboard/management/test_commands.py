"""Making people: the first administrator, and the demo."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from dashboard.models import User
from maintenance.backends.lab import models as lab
from maintenance.models import Cloud

PASSWORD = "a password of some length"


def run(*args: str) -> str:
    said = StringIO()
    call_command(*args, stdout=said)
    return said.getvalue()


def test_createadmin_makes_somebody_who_may_everything(db, monkeypatch):
    monkeypatch.setenv("PITSTOP_ADMIN_PASSWORD", PASSWORD)
    run("createadmin", "ada", "--email", "ada@example.org")
    ada = User.objects.get(username="ada")
    assert ada.role == "administrator"
    assert ada.check_password(PASSWORD)
    assert not ada.is_superuser


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        ("ada", "short", "at least 10"),
        ("ada", "1234567890", "too common"),
        ("not a name", PASSWORD, "valid username"),
        ("taken", PASSWORD, "already somebody"),
        ("ada", "", "nobody to ask"),
    ],
)
def test_createadmin_says_why_it_does_not(db, monkeypatch, name, password, said):
    User.objects.create(username="taken")
    monkeypatch.setenv("PITSTOP_ADMIN_PASSWORD", password)
    with pytest.raises(CommandError, match=said):
        run("createadmin", name)
    assert User.objects.count() == 1


made_in_the_lab = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


@pytest.fixture
def empty_demo(settings, open_folder, monkeypatch):
    settings.VAR_DIR = open_folder
    monkeypatch.delenv("PITSTOP_DEMO_PASSWORD", raising=False)


def log_in(name: str, password: str) -> bool:
    return User.objects.get(username=name).check_password(password)


@made_in_the_lab
def test_the_demo_is_made_once_and_its_password_told_once(empty_demo):
    said = run("seed")
    assert said.count("\n") == 1
    password = said.removeprefix("PITSTOP_DEMO_PASSWORD_MADE=").strip()
    roles = dict(User.objects.values_list("username", "role"))
    assert roles == {"admin": "administrator", "operator": "operator", "viewer": "viewer", "tenant": "tenant"}
    assert all(log_in(name, password) for name in roles)
    cloud = Cloud.objects.get()
    assert (cloud.name, cloud.kind) == ("lab", "lab")
    hosts = lab.Host.objects.count()
    assert hosts >= 10
    tenants = [str(membership) for membership in User.objects.get(username="tenant").memberships.all()]
    assert tenants == ["ROOT/tenant/tenant"]

    assert run("seed") == ""
    assert log_in("admin", password)
    assert (User.objects.count(), Cloud.objects.get().id, lab.Host.objects.count()) == (4, cloud.id, hosts)


@made_in_the_lab
def test_a_chosen_password_is_everybodys_from_then_on(empty_demo, monkeypatch):
    run("seed")
    monkeypatch.setenv("PITSTOP_DEMO_PASSWORD", PASSWORD)
    assert run("seed") == ""
    assert all(log_in(name, PASSWORD) for name in ("admin", "operator", "viewer", "tenant"))


@made_in_the_lab
def test_no_demo_is_made_where_none_is_wanted(empty_demo, settings):
    settings.DEMO = False
    with pytest.raises(CommandError, match="createadmin"):
        run("seed")
    assert not User.objects.exists()
