"""Every address × method × role, walked: what the matrix says is what happens, and nothing is without a row."""

from uuid import UUID, uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client

from dashboard import access
from dashboard.access import MATRIX, ROLELESS, TOPICS, Verdict, judge, may, may_subscribe, principal
from dashboard.models import Role, User
from maintenance.models import AuditEntry, FeedEvent, IdempotentAnswer, Run
from tests.dashboard.inventory import make_inventory
from tests.dashboard.people import make_person, make_token
from tests.dashboard.walk import all_routes

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
ROLES = (*Role.values, "")  # "": logged in, without a role
LOGIN = "/login/"


def test_every_route_has_a_row_and_every_row_a_route():
    assert {route.name for route in all_routes()} == set(MATRIX)


@pytest.mark.parametrize("role", ["anonymous", *ROLES])
def test_each_route_answers_as_the_matrix_says(db, role):
    """Ids are made up: who may not is told so before anybody looks for them, and nothing is changed by asking."""
    person = AnonymousUser() if role == "anonymous" else make_person(role)
    client = Client()
    for route in all_routes():
        name, path = route.name, route.made_up()
        for method in METHODS:
            if isinstance(person, User) and (method == "GET" or name == "logout"):
                client.force_login(person)  # again for each: one of the routes is the logout
            answer = client.generic(method, path)
            said = f"{role} {method} {path}: {answer.status_code}"
            match judge(name, method, person):
                case Verdict.ALLOWED:
                    assert answer.status_code not in {401, 403, 405}, said
                    assert path == "/logout/" or not answer.headers.get("Location", "").startswith(LOGIN), (
                        said
                    )
                case Verdict.FORBIDDEN:
                    assert answer.status_code == 403, said
                case Verdict.NO_SUCH_METHOD:
                    assert answer.status_code == 405, said
                case Verdict.LOG_IN if path.startswith("/api/"):
                    assert answer.status_code == 401, said
                    assert answer.headers["WWW-Authenticate"] == "Token"
                case Verdict.LOG_IN:
                    assert answer.status_code == 302, said
                    assert answer.headers["Location"].startswith(LOGIN), said
    for changed in (Run, AuditEntry, FeedEvent, IdempotentAnswer):
        assert not changed.objects.exists()


def test_a_token_is_judged_like_the_person_it_belongs_to(db):
    for role in ROLES:
        person = make_person(role)
        client = Client(headers={"Authorization": f"Token {make_token(person)}"})
        answer = client.post(
            f"/api/v1/hosts/{uuid4()}/prepare-for-maintenance/", content_type="application/json"
        )
        assert answer.status_code == (404 if may(person, "api:host-prepare", "POST") else 403)


def test_a_route_without_a_row_is_nobodys(db):
    for role in ROLES:
        assert judge("made-up", "GET", make_person(role)) is Verdict.FORBIDDEN
    assert judge("made-up", "GET", AnonymousUser()) is Verdict.LOG_IN


def test_django_flags_open_no_door():
    user = User(username="root", is_superuser=True, is_staff=True)
    assert principal(user) == ROLELESS
    assert not may(user, "overview")


def test_somebody_deactivated_is_nobody():
    assert principal(User(username="gone", role=Role.ADMINISTRATOR, is_active=False)) == "anonymous"


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "*",
        "events:",
        "event",
        "Events",
        "events\n",
        "run",
        "run:*",
        "run:1",
        "hosts:../",
        f"hosts:{UUID(int=7)}",
        "made-up",
    ],
)
def test_a_topic_without_a_rule_cannot_be_subscribed(topic):
    assert not may_subscribe(User(username="admin", role=Role.ADMINISTRATOR), topic)


def test_a_topic_is_followed_by_its_audience_and_tenants_follow_their_own_alone():
    for kind, rule in TOPICS.items():
        for role in Role.values:
            person = User(username=role, role=role)
            topic = f"{kind}:{person.key if rule.is_own else uuid4()}" if rule.names_one else kind
            assert may_subscribe(person, topic) == (role in rule.audience), f"{role} {topic}"
            assert not may_subscribe(AnonymousUser(), topic)
        assert (Role.TENANT in rule.audience) == (kind == "my")
    not_read = {kind for kind, rule in TOPICS.items() if "viewer" not in rule.audience}
    assert not_read == {"settings", "person", "my"}


def test_nobody_follows_the_own_page_of_somebody_else():
    ada, eve = User(username="ada", role=Role.ADMINISTRATOR), User(username="eve", role=Role.ADMINISTRATOR)
    assert may_subscribe(ada, f"me:{ada.key}")
    assert not may_subscribe(eve, f"me:{ada.key}")
    shop, bank = User(username="shop", role=Role.TENANT), User(username="bank", role=Role.TENANT)
    assert may_subscribe(shop, f"my:{shop.key}")
    assert not may_subscribe(bank, f"my:{shop.key}")
    assert not may_subscribe(ada, f"my:{shop.key}")


def test_whoever_has_a_one_time_password_may_only_choose_another():
    newcomer = User(username="new", role=Role.ADMINISTRATOR, must_change_password=True)
    open_routes = {route for route, row in MATRIX.items() for method in row if may(newcomer, route, method)}
    assert {"me", "me-password", "logout"} <= open_routes
    assert not open_routes & {"overview", "hosts", "settings", "me-tokens", "api:hosts", "run-start"}
    assert not any(may_subscribe(newcomer, kind) for kind in TOPICS)


def test_a_newcomer_is_led_to_the_page_where_a_password_is_chosen(db):
    newcomer = make_person("operator", "new")
    newcomer.must_change_password = True
    newcomer.save()
    client = Client()
    client.force_login(newcomer)
    answer = client.get("/hosts/")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/me/password/")
    assert client.get("/me/password/").status_code == 200
    token = Client(headers={"Authorization": f"Token {make_token(newcomer)}"})
    refused = token.get("/api/v1/hosts/")
    assert refused.status_code == 403
    assert "/me/password/" in refused.json()["detail"]


NARROWED = [
    access.visible_clouds,
    access.visible_zones,
    access.visible_pods,
    access.visible_clusters,
    access.visible_hosts,
    access.visible_instances,
]


@pytest.mark.parametrize("narrowed", NARROWED)
def test_only_readers_see_rows(db, narrowed):
    make_inventory()
    for role in (Role.VIEWER, Role.OPERATOR, Role.ADMINISTRATOR):
        assert narrowed(make_person(role)).exists()
    for person in (make_person(Role.TENANT), make_person(""), AnonymousUser()):
        assert not narrowed(person).exists()


def test_a_page_brings_the_anonymous_back_after_the_login(db):
    answer = Client().get("/hosts/?state=Up")
    assert answer.headers["Location"] == "/login/?next=%2Fhosts%2F%3Fstate%3DUp"


def test_an_htmx_request_is_sent_to_the_login_as_a_page(db):
    answer = Client().get(
        "/hosts/", headers={"HX-Request": "true", "HX-Current-URL": "http://127.0.0.1:8000/rolling/?a=1"}
    )
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/login/?next=%2Frolling%2F%3Fa%3D1"


def test_a_foreign_page_is_no_place_to_come_back_to(db):
    answer = Client().get("/hosts/", headers={"HX-Request": "true", "HX-Current-URL": "javascript:alert(1)"})
    assert answer.headers["HX-Redirect"] == "/login/"


def test_what_came_through_a_door_is_not_kept_by_caches(db):
    client = Client()
    client.force_login(make_person("viewer"))
    for path in ("/api/v1/hosts/", "/hosts/"):
        assert client.get(path).headers["Cache-Control"] == "private, no-store"
