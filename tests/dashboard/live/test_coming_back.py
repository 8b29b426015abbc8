"""What pages have missed that come back – to a web process that was started meanwhile, many at once, or too late."""

import asyncio
import json
import time
from itertools import pairwise

import pytest

from dashboard.live import database
from dashboard.live import feed_tail as module
from dashboard.live.asked_together import AskedTogether
from dashboard.live.audience import Audience
from dashboard.live.drawn_lately import LATELY_S, DrawnLately
from dashboard.live.feed_tail import ToldEvent, feed_tail
from dashboard.live.lacking import lacking
from dashboard.live.member import Member
from dashboard.live.render import Drawn
from dashboard.live.touched import Part, whole
from maintenance.models import FeedEvent
from tests.dashboard.inventory import make_inventory
from tests.dashboard.live.test_events_socket import tell
from tests.dashboard.live.test_live_socket import next_frame
from tests.dashboard.people import make_person, make_token


@pytest.fixture
def told(transactional_db) -> list[int]:
    """What was told before the process began."""
    return tell(*["run.state"] * 5)


async def test_what_was_told_before_we_began_is_in_memory(told, live_database):
    await feed_tail().start()
    missed = feed_tail().after(told[1])
    assert missed is not None
    assert [event.seq for event in missed] == told[2:]
    assert [event.prev for event in missed] == told[1:-1]


async def test_of_what_was_told_before_we_began_only_so_much_is_in_memory(told, live_database, monkeypatch):
    monkeypatch.setattr(module, "BEFORE_US", 2)
    await feed_tail().start()
    assert [event.seq for event in feed_tail().after(told[2]) or ()] == told[3:]
    assert feed_tail().after(told[1]) is None


async def test_what_was_told_before_the_oldest_event_that_is_kept_nobody_knows(told, live_database):
    await asyncio.to_thread(FeedEvent.objects.filter(seq__lte=told[2]).delete)
    await feed_tail().start()
    assert [event.seq for event in feed_tail().after(told[2]) or ()] == told[3:]
    assert feed_tail().after(told[1]) is None


async def test_readers_who_are_far_behind_take_turns(told, live_database, monkeypatch):
    asked: list[float] = []
    read = database.fetch

    async def noted(*question):
        asked.append(time.monotonic())
        return await read(*question)

    monkeypatch.setattr(database, "fetch", noted)
    tail = feed_tail()
    found = await asyncio.gather(*(tail.older(told[0]) for _ in range(5)))
    assert [[event.seq for event in events] for events in found] == [told[1:]] * 5
    assert min(after - before for before, after in pairwise(asked)) >= module.OLDER_EVERY_S


def test_a_page_from_before_what_is_kept_gets_a_snapshot_that_says_so(web, monkeypatch):
    monkeypatch.setattr(module, "KEPT_MAX", 1)
    make_inventory()
    seqs = tell(*["run.state"] * 5)
    FeedEvent.objects.filter(seq__lte=seqs[2]).delete()
    viewer = {"Authorization": f"Token {make_token(make_person('viewer'))}"}
    with web.socket(f"/ws/live/?topic=overview&after={seqs[0]}", **viewer) as opened:
        first = json.loads(opened.recv(timeout=10))
        assert (first["type"], first["changes"], first["said"]) == (
            "snapshot",
            0,
            "",
        )  # 0: how many, nobody knows
        assert len(first["parts"]) == len(whole("overview"))
        assert next_frame(opened, "heartbeat")["seq"] == first["seq"]


# ---- many at once ----------------------------------------------------------------------------------------------------


class Book:
    """Reads slowly, and notes what it was asked."""

    def __init__(self) -> None:
        self.asked: list[set[str]] = []
        self.opens = asyncio.Event()
        self.fails = False

    async def read(self, keys: set[str]) -> dict[str, str]:
        self.asked.append(set(keys))
        await self.opens.wait()
        if self.fails:
            raise OSError("away")
        return {key: key.upper() for key in keys - {"nobody"}}


async def test_those_who_ask_while_a_reading_is_under_way_share_the_next_one():
    book = Book()
    together = AskedTogether(book.read)
    first = asyncio.create_task(together.ask("first"))
    await asyncio.sleep(0)
    others = [asyncio.create_task(together.ask(key)) for key in ("a", "b", "a", "nobody")]
    await asyncio.sleep(0)
    book.opens.set()
    assert await first == "FIRST"
    assert await asyncio.gather(*others) == ["A", "B", "A", None]
    assert book.asked == [{"first"}, {"a", "b", "nobody"}]


async def test_whoever_comes_first_waits_a_moment_for_others():
    book = Book()
    book.opens.set()
    together = AskedTogether(book.read, gather_s=0.05)
    first = asyncio.create_task(together.ask("a"))
    await asyncio.sleep(0)
    assert await together.ask("b") == "B"
    assert await first == "A"
    assert book.asked == [{"a", "b"}]


async def test_a_reading_that_fails_fails_for_all_who_share_it_and_for_nobody_else():
    book = Book()
    book.opens.set()
    book.fails = True
    together = AskedTogether(book.read)
    failed = await asyncio.gather(*(together.ask(key) for key in "ab"), return_exceptions=True)
    assert [type(answer) for answer in failed] == [OSError, OSError]
    book.fails = False
    assert await together.ask("a") == "A"


async def test_whoever_reads_for_others_and_leaves_is_followed_by_one_of_them():
    book = Book()
    together = AskedTogether(book.read)
    reader, other = (asyncio.create_task(together.ask(key)) for key in ("a", "b"))
    await asyncio.sleep(0)
    reader.cancel()
    book.opens.set()
    assert await other == "B"


def test_pages_that_missed_the_same_lack_the_same_and_it_is_found_once(monkeypatch):
    events = [_event(seq) for seq in (1, 2)]
    audience = Audience("overview", "viewer", seq=2)
    one = lacking(audience, _member("overview"), events)
    monkeypatch.setattr("dashboard.live.lacking.touched_by", None)  # nobody is asked again
    other = lacking(audience, _member("overview"), events)
    assert one.changes == 2
    assert Part("overview", "verdict") in one.parts
    assert (other.parts, other.changes, other.said) == (one.parts, one.changes, one.said)


def _event(seq: int) -> ToldEvent:
    content = {"kind": "run.state", "object": {"run": "r"}, "before": None, "after": None}
    return ToldEvent(seq - 1, seq, json.dumps(content)[1:])


def _member(topic: str) -> Member:
    async def send(_text: str) -> None:
        return

    return Member(topic, "viewer", send, lambda: None)


# ---- what was drawn lately -------------------------------------------------------------------------------------------

RUN = Part("run:1", "head"), ""
HOST_ROW = Part("hosts", "row", "h1"), ""


def drawn_at(seq: int) -> DrawnLately:
    lately = DrawnLately()
    lately.keep({RUN: Drawn("a", "A"), HOST_ROW: Drawn("b", "B")}, seq=seq, era=lately.era, now=0)
    return lately


def test_what_nothing_has_touched_since_still_holds_for_a_while():
    lately = drawn_at(7)
    lately.touch(Part("run:1", "head"), 7)  # had been told when it was drawn
    lately.touch(Part("run:2", "head"), 8)
    assert lately.still_hold([RUN, HOST_ROW], 1) == {RUN: Drawn("a", "A"), HOST_ROW: Drawn("b", "B")}
    assert lately.still_hold([RUN], LATELY_S) == {}


@pytest.mark.parametrize("touched", [Part("run:1", "head"), Part("run:*", "head")])
def test_what_was_touched_since_is_drawn_again(touched):
    lately = drawn_at(7)
    lately.touch(touched, 8)
    assert set(lately.still_hold([RUN, HOST_ROW], 1)) == {HOST_ROW}


def test_when_everything_may_look_different_nothing_holds_not_even_what_is_being_drawn():
    lately = drawn_at(7)
    begun_in = lately.era
    lately.forget()
    assert lately.still_hold([RUN], 1) == {}
    lately.keep({RUN: Drawn("a", "A")}, seq=8, era=begun_in, now=1)
    assert lately.still_hold([RUN], 2) == {}


def test_neither_failures_nor_what_is_one_persons_own_are_kept():
    mine = Part("my:p1", "now"), ""
    lately = DrawnLately()
    lately.keep({RUN: ValueError("no"), mine: Drawn("a", "A")}, seq=1, era=lately.era, now=0)
    assert lately.still_hold([RUN, mine], 1) == {}
