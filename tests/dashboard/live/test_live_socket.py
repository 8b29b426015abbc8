"""/ws/live/ on real sockets: the doors, a change from commit to page, revocation, a reader that does not read."""

import asyncio
import json
import re
import time
from contextlib import suppress

import pytest
from django.conf import settings
from django.test import Client
from knox.models import get_token_model
from websockets.exceptions import ConnectionClosed

from dashboard.live import database
from dashboard.live import hub as hub_module
from dashboard.live.consumers import live_socket
from dashboard.live.feed_tail import feed_tail
from dashboard.live.hub import stop_hub
from dashboard.live.people import Credentials
from dashboard.models import User
from dashboard.screens.feed_head import feed_head
from maintenance.actions import pause_run
from maintenance.domain.states import RunState, TargetState
from tests.dashboard.console.runs import in_state, put_host, start_run
from tests.dashboard.inventory import make_inventory
from tests.dashboard.people import make_person, make_token

OURS = settings.WEBSOCKET_ORIGINS[0]


def next_frame(opened, kind: str, within_s: float = 10) -> dict:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        frame = json.loads(opened.recv(timeout=within_s))
        if frame["type"] == kind:
            found: dict = frame
            return found
    raise AssertionError(f"no frame {kind} within {within_s} s")


def end_of(opened) -> int:
    deadline = time.monotonic() + 15
    with suppress(ConnectionClosed):
        while time.monotonic() < deadline:
            opened.recv(timeout=10)
    code: int = opened.close_code
    return code


@pytest.fixture
def inventory(transactional_db):
    return make_inventory()


@pytest.fixture
def viewer(transactional_db) -> dict[str, str]:
    return {"Authorization": f"Token {make_token(make_person('viewer'))}"}


def test_a_change_reaches_the_page_drawn_for_its_role(web, inventory, viewer):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    put_host(run, "kvm1", TargetState.WORKING)
    with web.socket(f"/ws/live/?topic=run:{run.id}&after={feed_head()}", **viewer) as opened:
        assert next_frame(opened, "current")["seq"] == feed_head()

        pause_run(run.id, actor="ada")

        delta = next_frame(opened, "delta")
        assert delta["prev"] < delta["seq"] == feed_head()
        assert "Pausing: kvm1 finishes and returns to service first." in delta["parts"]["run-head"]
        assert "Your role is viewer." in delta["parts"]["run-steering"]


def test_a_page_that_is_asked_for_without_a_place_gets_a_snapshot_that_is_the_page(web, inventory, viewer):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    with web.socket(f"/ws/live/?topic=run:{run.id}", **viewer) as opened:
        parts = next_frame(opened, "snapshot")["parts"]
    client = Client()
    client.force_login(
        User.objects.get(username="viewer"), backend="django.contrib.auth.backends.ModelBackend"
    )
    page = client.get(f"/rolling/{run.id}/").text

    for name in ("run-steering", "run-next", "run-finished", "nav-runs"):
        assert _ageless(parts[name]) in _ageless(page)
    pushed = "".join(html for html in parts.values() if html)
    assert "csrf" not in pushed.lower()
    assert all(text.endswith("Z") for text in pushed.split('datetime="')[1:] for text in [text.split('"')[0]])


def _ageless(html):
    """Without the words in which a moment is told: `2 s ago` is `3 s ago` a moment later."""
    return re.sub(r"(<time [^>]*>)[^<]*", r"\1", html)


def test_a_heartbeat_comes_at_once_and_tells_the_age_of_the_cloud(web, inventory, viewer):
    with web.socket("/ws/live/?topic=overview", **viewer) as opened:
        beat = next_frame(opened, "heartbeat")

    assert beat["clouds"].keys() == {str(inventory.cloud.id)}
    assert beat["engine"] is None


def test_a_page_that_has_noticed_a_gap_asks_for_a_snapshot(web, inventory, viewer):
    with web.socket(f"/ws/live/?topic=overview&after={feed_head()}", **viewer) as opened:
        next_frame(opened, "current")
        opened.send("snapshot")
        assert "overview-clusters" in next_frame(opened, "snapshot")["parts"]


@pytest.mark.parametrize("sent", ["pause run 7", "{}", "snapshot please"])
def test_commands_do_not_travel_over_the_socket(web, viewer, sent):
    with web.socket("/ws/live/?topic=overview", **viewer) as opened:
        opened.send(sent)
        assert end_of(opened) == 1008


def test_without_a_login_the_socket_says_log_in(web):
    with web.socket("/ws/live/?topic=overview", Origin=OURS) as opened:
        assert end_of(opened) == 4401


@pytest.mark.parametrize(
    ("role", "topic"),
    [
        ("tenant", "overview"),
        ("", "overview"),
        ("viewer", "events"),
        ("viewer", "everything"),
        ("viewer", "run:1"),
        ("administrator", ""),
    ],
)
def test_topics_that_are_not_yours_or_do_not_exist_are_refused(web, role, topic):
    token = make_token(make_person(role))
    with web.socket(f"/ws/live/?topic={topic}", Authorization=f"Token {token}") as opened:
        assert end_of(opened) == 4403


def test_a_role_that_is_taken_away_ends_the_open_page_within_five_seconds(web, inventory, viewer):
    with web.socket("/ws/live/?topic=overview", **viewer) as opened:
        next_frame(opened, "heartbeat")
        began = time.monotonic()
        User.objects.filter(username="viewer").update(role="tenant")
        assert end_of(opened) == 4401
        assert time.monotonic() - began < 5


@pytest.fixture
def credentials(transactional_db) -> Credentials:
    person = make_person("viewer")
    kept, _ = get_token_model().objects.create(user=person)
    return Credentials("token", kept.digest, person.pk, person.role, person.password)


async def test_a_reader_that_does_not_read_is_cut_off(inventory, credentials, monkeypatch):
    """Its buffer is full, so a close frame would wait behind everything else: the connection is dropped."""
    monkeypatch.setattr(hub_module, "UNDRAINED_MAX_S", 0.1)
    was_dropped = asyncio.Event()
    messages = asyncio.Queue()
    messages.put_nowait({"type": "websocket.connect"})

    async def send(message) -> None:
        if message["type"] == "websocket.send":
            await asyncio.Event().wait()  # never drains

    scope = {
        "query_string": b"topic=overview",
        "user": User(role=credentials.role),
        "credentials": credentials,
        "extensions": {"pitstop.abort": was_dropped.set},
    }
    serving = asyncio.create_task(live_socket(scope, messages.get, send))
    try:
        async with asyncio.timeout(15):
            await was_dropped.wait()
            await serving
    finally:
        serving.cancel()
        await stop_hub()
        await feed_tail().stop()
        await database.close()
