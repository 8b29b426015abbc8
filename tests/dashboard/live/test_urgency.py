"""What is drawn first when much has changed at once."""

import threading

from dashboard.live.audience import Audience, Dirty, Joiner
from dashboard.live.member import Member
from dashboard.live.touched import Part
from dashboard.live.urgency import due_now
from tests.dashboard.live.test_hub import Feed, Page, Pen, running, until

ROW, VERDICT, FLEET = Part("hosts", "row", "h"), Part("overview", "verdict"), Part("hosts", "fleet")


def audiences(**dirty: dict[Part, Dirty]) -> dict[tuple[str, str], Audience]:
    return {(topic, "viewer"): Audience(topic, "viewer", 0, dirty=parts) for topic, parts in dirty.items()}


def test_what_should_be_seen_at_once_comes_before_what_may_wait():
    found = due_now(audiences(overview={VERDICT: Dirty(5.0, 1)}, hosts={ROW: Dirty(5.0, 1)}), 5.0)
    assert found == {("hosts", "viewer"): [ROW]}


def test_what_may_wait_does_not_wait_for_ever():
    found = due_now(audiences(overview={VERDICT: Dirty(4.0, 1)}, hosts={ROW: Dirty(5.0, 1)}), 5.0)
    assert found == {("overview", "viewer"): [VERDICT]}


def test_all_roles_of_a_page_are_drawn_for_together_and_nothing_before_its_time():
    pages = audiences(hosts={ROW: Dirty(5.0, 1), FLEET: Dirty(6.0, 1)})
    pages["hosts", "operator"] = Audience("hosts", "operator", 0, dirty={ROW: Dirty(5.0, 1)})
    assert due_now(pages, 5.0) == {("hosts", "viewer"): [ROW], ("hosts", "operator"): [ROW]}
    assert due_now(pages, 4.9) == {}


def test_whoever_comes_is_drawn_for_also_where_nothing_has_changed():
    pages = audiences(hosts={})

    async def send(_text: str) -> None:
        return

    pages["hosts", "viewer"].joiners = [Joiner(Member("hosts", "viewer", send, lambda: None), [], 0)]
    assert due_now(pages, 5.0) == {("hosts", "viewer"): []}


async def test_a_row_does_not_wait_for_the_slow_parts_of_another_page():
    feed, pen, lists, overview = Feed(), Pen(), Page(topic="hosts"), Page(topic="overview")
    may_go = threading.Event()

    def slow(parts):
        if any(part.topic == "overview" for part, _ in parts) and lists.of("current"):
            assert may_go.wait(10)
        return pen(parts)

    async with running(feed, slow) as hub:
        for page in (overview, lists):
            await hub.join(page.member, 0)
            await page.gets("current")
        feed.tell("host.changed")
        try:
            await until(lambda: "row" in lists.shows())
            assert not overview.of("delta")
        finally:
            may_go.set()
        await overview.gets("delta")
