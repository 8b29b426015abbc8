"""The hub in a loop of its own: what each page is sent, when, and what a slow page costs the others."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from dashboard.live.database import DatabaseAway
from dashboard.live.feed_tail import ToldEvent
from dashboard.live.frames import Ages
from dashboard.live.hub import REPLAY_MAX, Hub
from dashboard.live.member import Member
from dashboard.live.render import DRAWINGS, Drawn
from dashboard.live.touched import Part
from dashboard.live.wire import never

RUN = "11111111-1111-4111-8111-111111111111"
TOPIC = f"run:{RUN}"


class Feed:
    """A feed that a test tells; it keeps the last events only."""

    def __init__(self, head: int = 0, kept: int = 1000) -> None:
        self.head, self.kept = head, kept
        self.fresh = True
        self._events: list[ToldEvent] = []
        self._news = asyncio.Event()

    async def start(self) -> None:
        return

    def is_fresh(self) -> bool:
        return self.fresh

    def after(self, seq: int) -> Sequence[ToldEvent] | None:
        if seq >= self.head:
            return ()
        if not self._events or seq < self._events[0].prev:
            return None
        return [event for event in self._events if event.seq > seq]

    async def news(self, within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                await self._news.wait()
        except TimeoutError:
            return
        self._news.clear()

    def tell(self, kind: str, before: str = "", after: str = "", run: str = RUN) -> None:
        told = {
            "kind": kind, "object": {"run": run, "target": "t", "host": "h"},
            "before": {"state": before}, "after": {"state": after},
        }  # fmt: skip
        self._events.append(ToldEvent(self.head, self.head + 1, json.dumps(told)[1:]))
        del self._events[: -self.kept]
        self.head += 1
        self._news.set()


class Pen:
    """Draws a part as its name and how often it was drawn; it can be made to fail."""

    def __init__(self) -> None:
        self.drawn: list[tuple[Part, str]] = []
        self.fails: set[str] = set()

    def __call__(self, parts: list[tuple[Part, str]]) -> dict[tuple[Part, str], Drawn | Exception]:
        self.drawn += parts
        return {key: self._draw(*key) for key in parts}

    def _draw(self, part: Part, role: str) -> Drawn | Exception:
        if part.name in self.fails:
            return ValueError(f"cannot draw {part.name}")
        return Drawn(part.name, f"<p>{part.name} {self.drawn.count((part, role))} {role}</p>")

    def times(self, name: str) -> int:
        return sum(part.name == name for part, _ in self.drawn)


class Page:
    """One open page: what it was sent, and whether it reads. `is_written`: its server takes whole frames."""

    def __init__(self, role: str = "viewer", topic: str = TOPIC, *, is_written: bool = False) -> None:
        self.written: list[bytes] = []
        self.frames: list[dict] = []
        self.texts: list[str] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.was_cut = False
        write = self._write if is_written else never
        self.member = Member(topic, role, self._take, self._cut, write=write)

    async def _take(self, text: str) -> None:
        if not self.reads.is_set():
            await self.reads.wait()
        self.texts.append(text)
        self.frames.append(json.loads(text))

    def _write(self, frame: bytes) -> bool:
        if self.reads.is_set():
            self.written.append(frame)
            self.texts.append(frame[frame.index(b"{") :].decode())
            self.frames.append(json.loads(self.texts[-1]))
        return self.reads.is_set()

    def _cut(self) -> None:
        self.was_cut = True

    def of(self, kind: str) -> list[dict]:
        return [frame for frame in self.frames if frame["type"] == kind]

    def shows(self) -> dict[str, str]:
        """What a person sees after all that was sent."""
        return {name: html for frame in self.frames for name, html in frame.get("parts", {}).items()}

    async def gets(self, kind: str, count: int = 1) -> list[dict]:
        await until(lambda: len(self.of(kind)) >= count)
        return self.of(kind)


async def until(condition) -> None:
    async with asyncio.timeout(15):
        while not condition():
            await asyncio.sleep(0.005)


async def ages() -> Ages:
    return Ages(0.0, {"cloud": 1.0}, 0.5)


@asynccontextmanager
async def running(feed: Feed, pen: Pen, **options) -> AsyncIterator[Hub]:
    hub = Hub(feed, pen, options.pop("ages", ages), **options)
    try:
        yield hub
    finally:
        await hub.stop()


async def test_a_page_that_is_up_to_date_is_told_so_and_nothing_is_drawn():
    feed, pen, page = Feed(head=7), Pen(), Page()
    async with running(feed, pen) as hub:
        await hub.join(page.member, 7)
        assert await page.gets("current") == [{"type": "current", "seq": 7}]
    assert pen.drawn == []


async def test_a_page_gets_a_change_with_where_it_was_and_where_it_is():
    feed, pen, page = Feed(head=7), Pen(), Page()
    async with running(feed, pen) as hub:
        await hub.join(page.member, 7)
        await page.gets("current")
        feed.tell("step.ended")

        delta = (await page.gets("delta"))[0]
    assert (delta["prev"], delta["seq"]) == (7, 8)
    assert set(delta["parts"]) == {"now", "problems"}


async def test_a_new_page_without_a_place_in_the_feed_gets_everything():
    feed, pen, page = Feed(head=7), Pen(), Page()
    async with running(feed, pen) as hub:
        await hub.join(page.member, None)
        snapshot = (await page.gets("snapshot"))[0]
    assert {"head", "progress", "now", "next", "finished", "nav-runs"} <= set(snapshot["parts"])
    assert snapshot["seq"] == 7


async def test_a_page_that_was_away_gets_what_it_missed_and_how_many_changes_that_were():
    feed, pen, here, away = Feed(), Pen(), Page(), Page()
    async with running(feed, pen) as hub:
        await hub.join(here.member, 0)
        for _ in range(3):
            feed.tell("step.output")
        feed.tell("step.output", run="22222222-2222-4222-8222-222222222222")
        await until(lambda: here.of("delta"))

        await hub.join(away.member, 0)
        snapshot = (await away.gets("snapshot"))[0]
    assert set(snapshot["parts"]) == {"out"}
    assert snapshot["changes"] == 3


async def test_a_page_that_was_away_for_longer_than_is_kept_gets_everything():
    feed, pen, page = Feed(kept=2), Pen(), Page()
    for _ in range(5):
        feed.tell("step.output")
    async with running(feed, pen) as hub:
        await hub.join(page.member, 1)
        snapshot = (await page.gets("snapshot"))[0]
    assert "head" in snapshot["parts"]
    assert (snapshot["changes"], snapshot["said"]) == (0, "")


async def test_a_page_that_missed_too_much_gets_everything_drawn_once():
    feed, pen, page = Feed(kept=2), Pen(), Page()
    for _ in range(REPLAY_MAX + 1):
        feed.tell("step.ended")
    async with running(feed, pen) as hub:
        await hub.join(page.member, 0)
        snapshot = (await page.gets("snapshot"))[0]
    assert "head" in snapshot["parts"]
    assert pen.times("now") == 1


async def test_what_happens_while_a_page_joins_is_not_lost():
    feed, pen, page = Feed(), Pen(), Page()
    async with running(feed, pen) as hub:
        await hub.join(page.member, 0)
        feed.tell("step.ended")  # before its first frame was made
        await until(lambda: "now" in page.shows())
        last = page.of("delta")[-1]["seq"] if page.of("delta") else page.frames[0]["seq"]
    assert last == 1


async def test_a_page_that_comes_while_the_only_other_one_goes_is_not_forgotten():
    """As when a page is reloaded: the old socket may end while the new one's first picture is being drawn."""
    feed, pen, old, new = Feed(head=7), Pen(), Page(), Page()
    is_drawing, may_go = threading.Event(), threading.Event()

    def slow(parts):
        is_drawing.set()
        assert may_go.wait(5)
        return pen(parts)

    async with running(feed, slow, heartbeat_s=0.1) as hub:
        may_go.set()
        await hub.join(old.member, 7)
        await old.gets("current")
        is_drawing.clear()
        may_go.clear()
        await hub.join(new.member, None)
        await until(is_drawing.is_set)

        hub.leave(old.member)
        may_go.set()

        assert (await new.gets("snapshot"))[0]["seq"] == 7
        await new.gets("heartbeat")


async def test_events_of_other_runs_are_no_gap():
    feed, pen, page = Feed(), Pen(), Page()
    async with running(feed, pen) as hub:
        await hub.join(page.member, 0)
        await page.gets("current")
        feed.tell("step.output", run="22222222-2222-4222-8222-222222222222")
        feed.tell("step.output")
        delta = (await page.gets("delta"))[0]
    assert (delta["prev"], delta["seq"]) == (0, 2)


async def test_the_first_change_goes_out_at_once_and_repeats_become_one():
    feed, pen, page = Feed(), Pen(), Page()
    async with running(feed, pen) as hub:
        await hub.join(page.member, 0)
        await page.gets("current")
        feed.tell("step.ended")
        await page.gets("delta")
        for _ in range(50):
            feed.tell("step.ended")
        await until(lambda: page.of("delta")[-1]["seq"] == 51)
        deltas = page.of("delta")
    assert pen.times("now") <= 3
    assert [d["prev"] for d in deltas[1:]] == [d["seq"] for d in deltas[:-1]]


async def test_a_change_that_overtakes_one_that_still_waits_says_how_new_it_is(monkeypatch):
    """Problems are drawn less often than what is at work, here much less: `seq` waits for the slower one."""
    monkeypatch.setitem(DRAWINGS, ("run", "problems"), replace(DRAWINGS["run", "problems"], every_s=3))
    feed, pen, page = Feed(), Pen(), Page()
    async with running(feed, pen) as hub:
        await hub.join(page.member, 0)
        await page.gets("current")
        feed.tell("step.ended")
        await until(lambda: "problems" in page.shows())
        feed.tell("step.ended")
        await until(lambda: len(page.of("delta")) >= 2)
        overtaking = page.of("delta")[1]
        await until(lambda: page.of("delta")[-1]["seq"] == 2)
    assert set(overtaking["parts"]) == {"now"}
    assert (overtaking["seq"], overtaking["drawn"]) == (1, 2)


async def test_each_audience_is_drawn_once_and_gets_the_same_bytes():
    feed, pen = Feed(), Pen()
    viewers, operators = [Page() for _ in range(20)], [Page("operator") for _ in range(20)]
    async with running(feed, pen) as hub:
        for page in viewers + operators:
            await hub.join(page.member, 0)
        await until(lambda: all(page.of("current") for page in viewers + operators))
        feed.tell("target.state", "Ready", "Preparing")
        await until(lambda: all(page.of("delta") for page in viewers + operators))
    assert len({page.texts[-1] for page in viewers}) == 1
    assert len({page.texts[-1] for page in operators}) == 1
    assert pen.times("now") == 1  # the same for every role
    assert pen.times("steering") == 2  # once for each role


async def test_what_many_get_is_framed_once_for_all_of_them():
    feed, pen, pages = Feed(), Pen(), [Page(is_written=True) for _ in range(3)]
    async with running(feed, pen) as hub:
        for page in pages:
            await hub.join(page.member, 0)
            await page.gets("heartbeat")
        feed.tell("step.ended")
        for page in pages:
            await page.gets("delta")
    assert len({id(page.written[page.frames.index(page.of("delta")[0])]) for page in pages}) == 1


@pytest.mark.parametrize("is_written", [False, True])
async def test_a_page_that_does_not_read_keeps_nobody_waiting_and_gets_the_newest_once_it_reads(is_written):
    feed, pen, slow, quick = Feed(), Pen(), Page(is_written=is_written), Page(is_written=is_written)
    async with running(feed, pen) as hub:
        for page in (slow, quick):
            await hub.join(page.member, 0)
            await page.gets("current")
        slow.reads.clear()
        for number in range(1, 4):
            feed.tell("step.ended")
            await until(lambda n=number: quick.of("delta") and quick.of("delta")[-1]["seq"] == n)
        assert slow.of("delta") == []

        slow.reads.set()
        await until(
            lambda: slow.of("delta") and slow.of("delta")[-1]["seq"] == 3 and slow.shows() == quick.shows()
        )
    assert len(slow.of("delta")) < len(quick.of("delta"))  # what came meanwhile was one
    assert [d["prev"] for d in slow.of("delta")[1:]] == [d["seq"] for d in slow.of("delta")[:-1]]
    assert slow.shows() == quick.shows()


async def test_a_page_that_never_reads_is_cut_off():
    feed, pen, page = Feed(), Pen(), Page()
    async with running(feed, pen, heartbeat_s=0.02, undrained_max_s=0.1) as hub:
        await hub.join(page.member, 0)
        await page.gets("current")
        page.reads.clear()
        feed.tell("step.ended")
        await until(lambda: page.was_cut)


async def test_the_heartbeat_says_how_far_the_audience_is_and_how_old_the_clouds_are():
    feed, pen, page = Feed(head=7), Pen(), Page()
    async with running(feed, pen, heartbeat_s=0.02) as hub:
        await hub.join(page.member, 7)
        beat = (await page.gets("heartbeat"))[0]
    assert (beat["seq"], beat["head"], beat["clouds"], beat["engine"]) == (7, 7, {"cloud": 1.0}, 0.5)


async def test_there_is_no_heartbeat_while_the_feed_or_the_database_cannot_be_read():
    is_away = False

    async def sometimes() -> Ages:
        if is_away:
            raise DatabaseAway
        return await ages()

    feed, pen, page = Feed(), Pen(), Page()
    async with running(feed, pen, heartbeat_s=0.02, ages=sometimes) as hub:
        await hub.join(page.member, 0)
        await page.gets("heartbeat", 2)
        feed.fresh = False
        await _falls_silent(page)
        feed.fresh, is_away = True, True
        await _falls_silent(page)
        is_away = False
        await page.gets("heartbeat", len(page.of("heartbeat")) + 2)


async def _falls_silent(page: Page) -> None:
    """Beats that are on their way still come; then none does for as long as many would take."""
    heard = -1
    async with asyncio.timeout(5):
        while heard != (heard := len(page.of("heartbeat"))):
            await asyncio.sleep(0.2)


async def test_a_part_that_cannot_be_drawn_leaves_the_page_looking_stale_until_it_can():
    feed, pen, page = Feed(), Pen(), Page()
    async with running(feed, pen, heartbeat_s=0.02) as hub:
        await hub.join(page.member, 0)
        await page.gets("heartbeat")
        pen.fails = {"now"}
        feed.tell("step.ended")
        await page.gets("delta")
        assert set(page.of("delta")[0]["parts"]) == {"problems"}
        assert page.of("delta")[0]["seq"] == 0  # not told everything yet
        await _falls_silent(page)

        pen.fails = set()
        await until(lambda: page.of("delta")[-1]["seq"] == 1)
        await page.gets("heartbeat", len(page.of("heartbeat")) + 1)


@pytest.mark.parametrize("what", ["clouds", "servers"])
async def test_when_a_cloud_or_its_servers_can_no_longer_be_read_every_page_is_drawn_anew(settings, what):
    settings.INVENTORY_UNKNOWN_S = 30
    age = 5.0

    async def ages_now() -> Ages:
        if what == "servers":
            return Ages(0.0, {"cloud": 1.0}, 0.5, servers={"cloud": age})
        return Ages(0.0, {"cloud": age}, 0.5)

    feed, pen, page = Feed(), Pen(), Page()
    async with running(feed, pen, heartbeat_s=0.02, ages=ages_now) as hub:
        await hub.join(page.member, 0)
        await page.gets("heartbeat")
        age = 31.0
        snapshot = (await page.gets("snapshot"))[0]
    assert "progress" in snapshot["parts"]


async def test_whoever_has_left_gets_nothing_any_more():
    feed, pen, gone, here = Feed(), Pen(), Page(), Page()
    async with running(feed, pen) as hub:
        for page in (gone, here):
            await hub.join(page.member, 0)
            await page.gets("current")
        hub.leave(gone.member)
        feed.tell("step.ended")
        await here.gets("delta")
    assert gone.of("delta") == []
