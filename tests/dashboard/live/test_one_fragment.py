"""One changed row costs one fragment for each audience, however many look at it and wherever else they are."""

from collections import Counter
from contextlib import ExitStack

import pytest

from dashboard.live import render
from dashboard.live.touched import Part
from dashboard.screens.feed_head import feed_head
from maintenance.feed import unit_of_work
from maintenance.models import Host
from tests.dashboard.inventory import Inventory, make_inventory
from tests.dashboard.live.test_live_socket import next_frame
from tests.dashboard.people import make_person, make_token

TOPICS = ("hosts", "hosts", "overview", "runs", "frame")
ROLES = ("viewer", "viewer", "operator", "administrator")


@pytest.fixture
def inventory(transactional_db) -> Inventory:
    return make_inventory()


@pytest.fixture
def drawn(monkeypatch) -> Counter[tuple[Part, str]]:
    """How often each part was drawn, for which role ("": for all of them)."""
    counted: Counter[tuple[Part, str]] = Counter()
    draw = render._draw

    def counting(part: Part, role: str) -> render.Drawn:
        counted[part, role] += 1
        return draw(part, role)

    monkeypatch.setattr(render, "_draw", counting)
    return counted


def change(host: Host) -> None:
    """The cloud lists it as Disabled."""
    with unit_of_work() as work:
        Host.objects.filter(pk=host.pk).update(resource_state="Disabled")
        about = {"host": str(host.pk), "host_name": host.name, "cluster": str(host.cluster_id)}
        before, after = {"resource_state": "Enabled"}, {"resource_state": "Disabled"}
        work.event("host.changed", about, before=before, after=after)


def test_a_changed_row_is_drawn_once_for_twenty_pages_of_five_kinds_and_three_roles(web, inventory, drawn):
    host = inventory.hosts["kvm1"]
    tokens = [make_token(make_person(role)) for role in ROLES]
    with ExitStack() as pages:
        sockets = [
            pages.enter_context(
                web.socket(f"/ws/live/?topic={topic}&after={feed_head()}", Authorization=f"Token {token}")
            )
            for topic in TOPICS
            for token in tokens
        ]
        for socket in sockets:
            next_frame(socket, "current")
        drawn.clear()

        change(host)

        of_hosts = sockets[: 2 * len(tokens)]
        rows = [_row(socket, f"host-row-{host.pk}") for socket in of_hosts]
    assert len(set(rows)) == 1
    assert "Disabled" in rows[0]
    assert drawn[Part("hosts", "row", str(host.pk)), ""] == 1
    # Everything else that shows the host somewhere: once each, too.
    assert {part for part, times in drawn.items() if times > 1} == set()


def _row(socket, element: str) -> str:
    """The row as this page is sent it."""
    while element not in (parts := next_frame(socket, "delta")["parts"]):
        continue
    html: str = parts[element]
    return html
