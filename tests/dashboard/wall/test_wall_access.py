"""A screen on a wall reads its own wall and nothing else: every route, method and topic, and not one row changes."""

import hashlib
import time
from contextlib import suppress
from datetime import timedelta

import pytest
from django.apps import apps
from django.conf import settings
from django.test import Client
from django.utils import timezone
from websockets.exceptions import ConnectionClosed

from dashboard.access import ANYBODY, MATRIX, TOPICS, WALL, may_subscribe
from dashboard.models import WallLink
from dashboard.screens.wall.profile import EVERYTHING
from dashboard.walls import cookie
from dashboard.walls.door import screen_for
from dashboard.walls.links import revoke_link
from tests.dashboard.live.test_live_socket import end_of, next_frame
from tests.dashboard.people import make_person
from tests.dashboard.walk import Route, all_routes
from tests.dashboard.walk_scene import WALL_SECRET, Scene
from tests.dashboard.wall.conftest import make_secret, open_link
from tests.dashboard.wall.fleets import fleet_at_work, quiet_fleet
from tests.waiting import wait_until

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
OURS = settings.WEBSOCKET_ORIGINS[0]
WALLS = {"wall", "wall-hosts"}
# When it was last seen is what a screen leaves behind, and all of it.
SEEN = {"seen_at", "seen_from"}


def everything_there_is() -> dict[str, str]:
    """By table: a digest of all its rows."""
    found = {}
    for model in apps.get_models():
        names = [field.attname for field in model._meta.concrete_fields if field.attname not in SEEN]
        rows = model._base_manager.using("default").order_by("pk").values_list(*names)
        found[model._meta.label] = hashlib.sha256(repr(list(rows)).encode()).hexdigest()
    return found


@pytest.mark.timeout(240)
def test_a_screen_may_open_its_wall_and_nothing_else_and_changes_not_one_row(scene: Scene):
    client = open_link(WALL_SECRET)
    before = everything_there_is()
    asked = 0
    for route in all_routes():
        for path in [route.made_up(), *real_addresses(scene, route)]:
            for method in METHODS:
                answer = client.generic(method, path)
                said = f"{method} {path}: {answer.status_code}"
                asked += 1
                row = MATRIX[route.name]
                if route.name in WALLS:
                    expected = {200} if method in {"GET", "HEAD"} else {405}
                    assert answer.status_code in expected, said
                elif row.get("GET" if method == "HEAD" else method) == ANYBODY:
                    assert answer.status_code != 500, said  # as for anybody who comes along
                elif ANYBODY in row.values():
                    assert answer.status_code in {401, 403, 405}, said
                else:
                    assert answer.status_code in {401, 403}, said

    assert asked > 1000
    assert everything_there_is() == before


def real_addresses(scene: Scene, route: Route, most: int = 2) -> list[str]:
    """Of things that there are, as far as the scene knows them by these names."""
    known = scene.things.of
    if route.takes not in scene.things.together and any(
        name not in known and f"{route.name} {name}" not in known for name in route.takes
    ):
        return []
    return [route.address(given) for given in scene.things.fillings(route)[:most]]


def test_the_matrix_gives_a_screen_two_routes_to_read_and_two_topics(db):
    rows = {
        (route, method)
        for route, row in MATRIX.items()
        for method, who in row.items()
        if WALL in who and who != ANYBODY
    }
    assert rows == {("wall", "GET"), ("wall-hosts", "GET")}
    assert {kind for kind, topic in TOPICS.items() if WALL in topic.audience} == {"wall", "wallhosts"}


def test_a_screen_follows_its_own_profile_and_no_other_topic(db):
    _secret, link = make_secret(shows_names=False)
    screen = screen_for(link)

    assert may_subscribe(screen, f"wall:{link.profile}")
    assert may_subscribe(screen, f"wallhosts:{link.profile}")
    assert not may_subscribe(screen, f"wall:{EVERYTHING.id}")
    for kind, topic in TOPICS.items():
        if kind not in {"wall", "wallhosts"}:
            assert not may_subscribe(screen, f"{kind}:{link.profile}" if topic.names_one else kind), kind


# ---- sockets ---------------------------------------------------------------------------------------------------------


def cookie_of(secret: str) -> dict[str, str]:
    value = open_link(secret).cookies[cookie.NAME].value
    return {"Cookie": f"{cookie.NAME}={value}", "Origin": OURS}


def test_a_socket_of_a_screen_opens_its_wall_only(web):
    fleet_at_work()
    secret, link = make_secret(shows_names=False)
    cookies = cookie_of(secret)
    with web.socket(f"/ws/live/?topic=wall:{link.profile}", **cookies) as opened:
        assert "wall-clusters" in next_frame(opened, "snapshot")["parts"]
    for path in (
        f"/ws/live/?topic=wall:{EVERYTHING.id}",
        "/ws/live/?topic=overview",
        "/ws/live/?topic=frame",
        "/ws/events/",
    ):
        with web.socket(path, **cookies) as opened:
            assert end_of(opened) == 4403, path


def test_a_socket_of_another_origin_is_refused_whatever_its_cookie(web):
    quiet_fleet()
    secret, link = make_secret()
    with pytest.raises(Exception, match="403"):
        web.socket(
            f"/ws/live/?topic=wall:{link.profile}", **{**cookie_of(secret), "Origin": "https://evil.example"}
        )


@pytest.mark.parametrize("over", ["revoked", "expired"])
def test_a_link_that_is_over_closes_its_socket_within_five_seconds(web, over):
    quiet_fleet()
    secret, link = make_secret(days=1)
    with web.socket(f"/ws/live/?topic=wall:{link.profile}", **cookie_of(secret)) as opened:
        next_frame(opened, "heartbeat")
        began = time.monotonic()
        if over == "revoked":
            revoke_link(link.id, actor="ada")
        else:
            WallLink.objects.filter(id=link.id).update(ends_at=timezone.now())
        code = end_of(opened)
        took_s = time.monotonic() - began

    assert code == 4401
    assert took_s < 5


def test_a_screen_that_stays_open_is_seen_again_and_again(web):
    quiet_fleet()
    secret, link = make_secret()
    with web.socket(f"/ws/live/?topic=wall:{link.profile}", **cookie_of(secret)) as opened:
        next_frame(opened, "heartbeat")
        WallLink.objects.update(seen_at=timezone.now() - timedelta(minutes=2), seen_from="192.0.2.1")
        wait_until(lambda: WallLink.objects.get(id=link.id).seen_from == "127.0.0.1", within_s=15)


def test_a_cookie_of_a_link_that_is_over_opens_no_socket(web):
    quiet_fleet()
    secret, link = make_secret()
    cookies = cookie_of(secret)
    revoke_link(link.id, actor="ada")

    with web.socket(f"/ws/live/?topic=wall:{link.profile}", **cookies) as opened, suppress(ConnectionClosed):
        assert end_of(opened) == 4401


def test_a_wall_may_be_watched_by_readers_and_not_by_tenants(db):
    quiet_fleet()
    for role, status in (
        ("viewer", 200),
        ("operator", 200),
        ("administrator", 200),
        ("tenant", 403),
        ("", 403),
    ):
        client = Client()
        client.force_login(make_person(role), backend="django.contrib.auth.backends.ModelBackend")
        assert client.get("/wall/").status_code == status
        assert client.get("/wall/hosts/").status_code == status
    assert Client().get("/wall/").headers["Location"].startswith("/login/")
