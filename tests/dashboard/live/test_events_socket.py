"""/ws/events/ on real sockets: every event once and in order, the doors, the ends."""

import asyncio
import json
import time
from contextlib import ExitStack, suppress

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dashboard.live import events_socket as module
from dashboard.live.events_socket import events_socket
from dashboard.live.people import Credentials
from dashboard.models import User
from maintenance.feed import unit_of_work
from maintenance.models import FeedEvent
from tests.dashboard.people import make_person, make_token
from tests.waiting import wait_until

EVENTS = "/ws/events/"
OURS = settings.WEBSOCKET_ORIGINS[0]


def tell(*kinds: str) -> list[int]:
    with unit_of_work("ada") as work:
        for kind in kinds:
            work.event(kind, {"run": "r1"}, before={"state": "Queued"}, after={"state": "Running"})
    return list(FeedEvent.objects.order_by("seq").values_list("seq", flat=True))


def frames_of(socket, type_: str, count: int) -> list[dict]:
    """The next so many frames of this type."""
    found: list[dict] = []
    deadline = time.monotonic() + 15
    while len(found) < count:
        assert time.monotonic() < deadline, f"only {len(found)} of {count} frames {type_}"
        frame = json.loads(socket.recv(timeout=10))
        if frame["type"] == type_:
            found.append(frame)
    return found


def end_of(socket):
    """The code it is closed with, whatever is sent before."""
    deadline = time.monotonic() + 15
    with suppress(ConnectionClosed):
        while time.monotonic() < deadline:
            socket.recv(timeout=10)
    return socket.close_code


@pytest.fixture
def token(transactional_db) -> dict[str, str]:
    return {"Authorization": f"Token {make_token(make_person('viewer'))}"}


def test_what_was_told_and_what_is_told_now_come_once_and_in_order(web, token):
    before = tell("run.created", "run.state")
    with web.socket(f"{EVENTS}?after={before[0] - 1}", **token) as socket:
        old = frames_of(socket, "event", 2)
        all_ = tell("target.state", "step.started", "step.ended")
        new = frames_of(socket, "event", 3)
    told = old + new
    assert [frame["seq"] for frame in told] == all_
    assert [frame["prev"] for frame in told] == [before[0] - 1, *all_[:-1]]
    assert [frame["kind"] for frame in told] == [
        "run.created",
        "run.state",
        "target.state",
        "step.started",
        "step.ended",
    ]
    assert {k: v for k, v in told[0].items() if k not in {"prev", "seq", "at"}} == {
        "type": "event",
        "kind": "run.created",
        "actor": "ada",
        "object": {"run": "r1"},
        "before": {"state": "Queued"},
        "after": {"state": "Running"},
    }
    assert told[0]["at"].endswith("Z")


def test_without_a_place_only_what_is_new_is_told(web, token):
    tell("run.created")
    with web.socket(EVENTS, **token) as socket:
        (beat,) = frames_of(socket, "heartbeat", 1)
        newest = tell("run.state")[-1]
        (event,) = frames_of(socket, "event", 1)
    assert (event["seq"], event["prev"]) == (newest, beat["head"])


def test_events_that_are_no_longer_in_memory_come_from_the_table(web, token, monkeypatch):
    monkeypatch.setattr("dashboard.live.feed_tail.KEPT_MAX", 3)
    seqs = tell(*["run.state"] * 3)
    with web.socket(EVENTS, **token) as socket:
        frames_of(socket, "heartbeat", 1)
        seqs = tell(*["target.state"] * 20)
    with web.socket(f"{EVENTS}?after=0", **token) as socket:
        assert [frame["seq"] for frame in frames_of(socket, "event", len(seqs))] == seqs


def test_a_heartbeat_tells_the_head(web, token):
    head = tell("run.created")[-1]
    with web.socket(EVENTS, **token) as socket:
        beats = frames_of(socket, "heartbeat", 2)
    assert [beat["head"] for beat in beats] == [head, head]
    assert beats[0]["at"] < beats[1]["at"]


@pytest.mark.parametrize("place", ["99999999999", "-1", "x", "", "1&after=2", "9" * 30, "1.5"])
def test_a_place_that_is_none_in_the_feed_is_told_to_start_afresh(web, token, place):
    head = tell("run.created")[-1]
    with web.socket(f"{EVENTS}?after={place}", **token) as socket:
        assert json.loads(socket.recv(timeout=10)) == {"type": "resync", "head": head}
        assert end_of(socket) == 1013


def test_a_place_before_what_is_kept_is_told_to_start_afresh(web, token, monkeypatch):
    monkeypatch.setattr("dashboard.live.feed_tail.KEPT_MAX", 1)
    seqs = tell(*["run.state"] * 5)
    FeedEvent.objects.filter(seq__lte=seqs[2]).delete()
    with web.socket(f"{EVENTS}?after={seqs[0]}", **token) as socket:
        assert frames_of(socket, "resync", 1)[0]["head"] == seqs[-1]
        assert end_of(socket) == 1013
    with web.socket(f"{EVENTS}?after={seqs[2]}", **token) as socket:
        assert frames_of(socket, "event", 1)[0]["seq"] == seqs[3]


def test_a_ping_gets_a_heartbeat_at_once(web, token):
    with web.socket(EVENTS, **token) as socket:
        frames_of(socket, "heartbeat", 1)
        for ping in ("ping", '{"type": "ping"}'):
            socket.send(ping)
        assert len(frames_of(socket, "heartbeat", 2)) == 2


@pytest.mark.parametrize(
    "sent", ["start", '{"type": "cancel", "run": "r1"}', "", b"ping", "ping" + " " * 5000]
)
def test_commands_never_travel_over_the_socket(web, token, sent):
    with web.socket(EVENTS, **token) as socket:
        socket.send(sent)
        assert end_of(socket) == 1008


# ---- the door ------------------------------------------------------------------------------------------------------


def session_of(user: User) -> dict[str, str]:
    browser = Client()
    browser.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return {"Cookie": f"{name}={browser.cookies[name].value}", "Origin": OURS}


def test_a_browser_comes_with_its_session_from_our_own_pages(web):
    with web.socket(EVENTS, **session_of(make_person("operator"))) as socket:
        assert frames_of(socket, "heartbeat", 1)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        OURS.replace("http:", "https:"),
        OURS + "1",
        OURS + ".evil.example",
        OURS.upper(),
        "http://localhost",
    ],
)
def test_another_site_is_refused_before_the_handshake(web, origin):
    for headers in (
        session_of(make_person("operator")),
        {"Authorization": f"Token {make_token(make_person('viewer'))}"},
    ):
        with pytest.raises(InvalidStatus) as refused:
            web.socket(EVENTS, **{**headers, "Origin": origin})
        assert refused.value.response.status_code == 403


def test_a_cookie_without_an_origin_is_refused_before_the_handshake(web):
    cookie = session_of(make_person("operator"))["Cookie"]
    with pytest.raises(InvalidStatus):
        web.socket(EVENTS, Cookie=cookie)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": OURS},
        {"Origin": OURS, "Cookie": f"{settings.SESSION_COOKIE_NAME}=made-up"},
        {"Origin": OURS, "Cookie": f"{settings.SESSION_COOKIE_NAME}=abcdefghijklmnopqrstuvwxyz012345"},
        {"Authorization": "Token abc"},
        {"Authorization": "Token \xe9"},
        {"Authorization": "Basic YTpi"},
    ],
)
def test_nobody_is_asked_to_log_in(web, headers):
    with web.socket(EVENTS, **headers) as socket:
        assert end_of(socket) == 4401


def test_a_wrong_token_is_nobody_whatever_the_cookie_says(web):
    with web.socket(EVENTS, **session_of(make_person("operator")), Authorization="Token abc") as socket:
        assert end_of(socket) == 4401


@pytest.mark.parametrize("role", ["tenant", ""])
def test_whoever_may_not_read_is_told_so(web, role):
    tell("run.created")
    with web.socket(f"{EVENTS}?after=0", **session_of(make_person(role))) as socket:
        assert end_of(socket) == 4403


def test_somebody_deactivated_is_nobody(web):
    user = make_person("operator")
    headers = session_of(user)
    User.objects.update(is_active=False)
    with web.socket(EVENTS, **headers) as socket:
        assert end_of(socket) == 4401


def test_an_address_without_a_socket_is_refused(web, token):
    for path in ("/ws/", "/ws/events", "/ws/events/x/", "/"):
        with pytest.raises(InvalidStatus) as refused:
            web.socket(path, **token)
        assert refused.value.response.status_code == 403


def test_whatever_let_somebody_in_ends_their_socket_when_it_ends(web):
    """Logout, a revoked token, a new role, a new password, a deactivated person: each within 5 s."""
    names = ("logout", "token", "role", "password", "inactive", "stays")
    people = {name: make_person("viewer", name) for name in names}
    keys = {name: session_of(user) for name, user in people.items()}
    keys["token"] = {"Authorization": f"Token {make_token(people['token'])}"}
    with ExitStack() as open_sockets:
        sockets = {name: open_sockets.enter_context(web.socket(EVENTS, **keys[name])) for name in names}
        for socket in sockets.values():
            frames_of(socket, "heartbeat", 1)

        logged_out = Client()
        logged_out.cookies.load(keys["logout"]["Cookie"])
        logged_out.post("/logout/")
        people["token"].auth_token_set.all().delete()
        User.objects.filter(username="role").update(role="tenant")
        User.objects.filter(username="password").update(password="another hash")
        User.objects.filter(username="inactive").update(is_active=False)
        began = time.monotonic()

        for name in names[:-1]:
            assert end_of(sockets[name]) == 4401, name
        assert time.monotonic() - began < 5
        assert frames_of(sockets["stays"], "heartbeat", 1)


def test_one_person_has_so_many_sockets_and_no_more(web, token, monkeypatch):
    monkeypatch.setattr(module, "PER_PERSON_MAX", 2)
    with web.socket(EVENTS, **token) as one, web.socket(EVENTS, **token) as two:
        frames_of(one, "heartbeat", 1)
        frames_of(two, "heartbeat", 1)
        with web.socket(EVENTS, **token) as third:
            assert end_of(third) == 1013

    def is_let_in() -> bool:
        """The server may hear a moment later that the others have left."""
        with web.socket(EVENTS, **token) as later, suppress(ConnectionClosed):
            return bool(frames_of(later, "heartbeat", 1))
        return False

    wait_until(is_let_in)


# ---- readers that do not read ----------------------------------------------------------------------------------------


async def test_a_reader_that_takes_nothing_is_dropped(live_database, monkeypatch):
    monkeypatch.setattr(module, "SEND_MAX_S", 0.1)
    monkeypatch.setattr(module, "FAREWELL_S", 0.1)
    dropped = asyncio.Event()

    async def receive():
        return connects.pop() if connects else await asyncio.Event().wait()

    async def send(message: dict[str, object]) -> None:
        if message["type"] != "websocket.accept":
            await asyncio.Event().wait()  # its buffer is full, and stays so

    connects = [{"type": "websocket.connect"}]
    scope = {
        "user": User(username="ada", role="viewer"),
        "credentials": Credentials("session", "key", 1, "viewer", ""),
        "query_string": b"",
        "extensions": {"pitstop.abort": dropped.set},
    }
    async with asyncio.timeout(10):
        await events_socket(scope, receive, send)
    assert dropped.is_set()


async def test_nobody_without_credentials_gets_a_frame(monkeypatch):
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await events_socket(
        {"user": AnonymousUser(), "credentials": None, "query_string": b"after=0"}, receive, send
    )
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
