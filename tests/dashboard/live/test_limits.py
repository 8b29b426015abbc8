"""What one socket, one person and one address may take of a web process, on real sockets."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest
from django.conf import settings
from websockets.exceptions import ConnectionClosed, InvalidStatus

from dashboard.live import limits
from dashboard.live.limits import BYTES_AT_ONCE, FRAMES_AT_ONCE, Allowance, Comers, one_more_from
from tests.dashboard.live.test_events_socket import end_of, frames_of, session_of
from tests.dashboard.people import make_person, make_token
from tests.waiting import wait_until

EVENTS, PAGE = "/ws/events/", "/ws/live/?topic=timeline"
OURS = settings.WEBSOCKET_ORIGINS[0]
TOO_MANY, TOO_LARGE, TRY_LATER = 1008, 1009, 1013
MASKED = b"\0\0\0\0"


@pytest.fixture
def token(transactional_db) -> dict[str, str]:
    return {"Authorization": f"Token {make_token(make_person('viewer'))}"}


# ---- one socket ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "allowed"), [(EVENTS, "ping"), (PAGE, "snapshot")])
def test_what_is_allowed_is_not_allowed_without_end(web, token, path, allowed):
    with web.socket(path, **token) as opened:
        try:
            for _ in range(FRAMES_AT_ONCE + 20):
                opened.send(allowed)
        except ConnectionClosed:
            pass
        assert end_of(opened) == TOO_MANY


@pytest.mark.parametrize("path", [EVENTS, PAGE])
@pytest.mark.parametrize("sent", [b"snapshot", "subscribe", '{"type": "subscribe", "topic": "events"}'])
def test_nothing_else_is_said_on_any_socket(web, token, path, sent):
    with web.socket(path, **token) as opened:
        opened.send(sent)
        assert end_of(opened) == TOO_MANY


@pytest.mark.parametrize("path", [EVENTS, PAGE])
def test_a_frame_that_is_too_large_ends_the_socket(web, token, path):
    with web.socket(path, **token) as opened:
        opened.send("x" * 66_000)
        assert end_of(opened) == TOO_LARGE


@pytest.mark.parametrize("frame", [b"\x89\x80" + MASKED, b"\x00\x80" + MASKED], ids=["pings", "fragments"])
def test_a_flood_of_frames_that_nobody_hears_drops_the_socket(web, token, frame):
    with raw_socket(web.port, PAGE, token) as flooding:
        try:
            flooding.sendall(b"\x01\x80" + MASKED if frame[0] == 0 else frame)
            flooding.sendall(frame * (BYTES_AT_ONCE // len(frame) + 1))
            while flooding.recv(65_536):
                continue
        except (ConnectionResetError, BrokenPipeError):
            return  # dropped while it was sending


@contextmanager
def raw_socket(port: int, path: str, headers: dict[str, str]) -> Iterator[socket.socket]:
    lines = [
        f"GET {path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items()),
        *("Host: x", "Upgrade: websocket", "Connection: Upgrade"),
        *("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13"),
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as opened:
        opened.sendall("\r\n".join([*lines, "", ""]).encode())
        assert opened.recv(12) == b"HTTP/1.1 101"
        yield opened


# ---- one person, one address -----------------------------------------------------------------------------------------


def test_one_person_has_so_many_pages_and_no_more(web, token, monkeypatch):
    monkeypatch.setattr("dashboard.live.consumers.PER_PERSON_MAX", 2)
    with ExitStack() as stack:
        for _ in range(2):
            frames_of(stack.enter_context(web.socket(PAGE, **token)), "heartbeat", 1)
        with web.socket(
            PAGE, **session_of(make_person("viewer"))
        ) as third:  # the same person, otherwise logged in
            assert end_of(third) == TRY_LATER
        with web.socket(PAGE, **session_of(make_person("operator"))) as other:
            assert frames_of(other, "heartbeat", 1)


def test_a_person_who_opens_sockets_too_quickly_is_told_to_try_later(web, token, monkeypatch):
    monkeypatch.setattr("dashboard.live.door.person_may_come", Comers(1, 0.001).may_come)
    with web.socket(PAGE, **token) as opened:
        assert frames_of(opened, "heartbeat", 1)
    with web.socket(EVENTS, **token) as too_soon:
        assert end_of(too_soon) == TRY_LATER
    with web.socket(PAGE, **session_of(make_person("operator"))) as other:
        assert frames_of(other, "heartbeat", 1)


def test_one_address_has_so_many_sockets_and_is_refused_more_before_the_handshake(web, token, monkeypatch):
    with web.socket(PAGE, **token) as opened:
        assert frames_of(opened, "heartbeat", 1)
        monkeypatch.setattr(limits, "PER_ADDRESS_MAX", 1)
        with pytest.raises(InvalidStatus):
            web.socket(PAGE, **token)

    def is_let_in() -> bool:
        """The server may hear a moment later that the other has left."""
        try:
            with web.socket(PAGE, **token) as later:
                return bool(frames_of(later, "heartbeat", 1))
        except InvalidStatus:
            return False

    assert wait_until(is_let_in)


@pytest.mark.parametrize(
    ("address", "other", "is_the_same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("", "", True),
    ],
)
def test_an_address_is_one_machine_or_one_network(monkeypatch, address, other, is_the_same):
    monkeypatch.setattr(limits, "PER_ADDRESS_MAX", 1)
    with one_more_from(address) as first, one_more_from(other) as second:
        assert (first, second) == (True, not is_the_same)
    with one_more_from(other) as later:
        assert later


def test_an_allowance_is_so_much_at_once_and_comes_back(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    allowance = Allowance(3, 0.5)
    assert [allowance.takes() for _ in range(4)] == [True, True, True, False]
    assert not allowance.is_untouched()
    now[0] += 2
    assert [allowance.takes(), allowance.takes()] == [True, False]
    now[0] += 1_000
    assert allowance.is_untouched()
    assert [allowance.takes(3), allowance.takes()] == [True, False]


@pytest.mark.parametrize("origin", ["https://evil.example", "null", OURS + "1", OURS.upper()])
def test_a_page_of_another_site_is_refused_before_the_handshake(web, origin):
    with pytest.raises(InvalidStatus) as refused:
        web.socket(PAGE, **{**session_of(make_person("viewer")), "Origin": origin})
    assert refused.value.response.status_code == 403
