"""One changed row costs one frame to each open page, and no page asks for anything."""

import json

import pytest
from playwright.sync_api import Page, expect

from maintenance.models import FeedEvent
from tests.browser.test_live_honesty import change, is_live

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]


class Wire:
    """What a page asks for, and what its socket is sent."""

    def __init__(self, page: Page) -> None:
        self.asked: list[str] = []
        self.told: list[dict] = []
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda socket: socket.on("framereceived", self._hear))

    def _hear(self, text: str | bytes) -> None:
        self.told.append(json.loads(text))

    def deltas(self) -> list[dict]:
        return [frame["parts"] for frame in self.told if frame["type"] == "delta"]

    def forget(self) -> None:
        self.asked.clear()
        self.told.clear()


@pytest.mark.parametrize("path", ["/hosts/", "/hosts/?state=up&sort=-name"])
def test_a_changed_row_is_sent_once_to_each_page_and_nothing_is_fetched(lab, web, open_page, path):
    pages = [open_page("/", who=who) for who in ("viewer", "viewer", "operator")]
    wires = [Wire(page) for page in pages]
    row = f"host-row-{lab.hosts['kvm1']}"
    for page, wire in zip(pages, wires, strict=True):
        page.goto(path)
        is_live(page)
        wire.forget()
    same: list[list[tuple[str, str]]] = []
    before = FeedEvent.objects.latest("seq").seq

    change(lab, "kvm1", resource_state="Disabled")

    for page, wire in zip(pages, wires, strict=True):
        expect(page.locator(f"#{row}")).to_contain_text("Disabled")
        assert wire.asked == []
        rows = [
            (key, html)
            for parts in wire.deltas()
            for key, html in parts.items()
            if key.startswith("host-row-")
        ]
        assert [key for key, _ in rows] == [row]
        same.append(rows)
    assert same[0] == same[1] == same[2]  # nothing in it goes by the role
    # One for the host, and one for its agent: its resource state decides where lists of agent balance count it.
    told = FeedEvent.objects.filter(seq__gt=before).order_by("seq")
    assert [(event.kind, event.after) for event in told] == [
        ("host.changed", {"resource_state": "Disabled"}),
        ("agent.changed", {"resource_state": "Disabled"}),
    ]
