"""One hub for each web process: it follows the feed once, draws each touched part once per audience, and gives the
same bytes to every socket of that audience. A slow socket costs nobody anything: for it the newest wins.

An audience is a topic and a role. Its `seq` is the feed position up to which it has been told everything.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol
from weakref import WeakKeyDictionary

import structlog

from dashboard.live import database
from dashboard.live.ages import known_now, read_ages
from dashboard.live.audience import Audience, Dirty, Joiner
from dashboard.live.drawn_lately import DrawnLately
from dashboard.live.feed_tail import ToldEvent, feed_tail
from dashboard.live.frames import Ages, Frame, heartbeat
from dashboard.live.lacking import lacking, touched_by
from dashboard.live.member import Member
from dashboard.live.pictures import Drawings, Wanted, has_failed, parts_of, picture, shared
from dashboard.live.render import draw
from dashboard.live.touched import Part, whole
from dashboard.live.touched_portal import EVERY_PORTAL
from dashboard.live.urgency import Due, due_now
from dashboard.live.whose import Whose, whose
from dashboard.live.wire import framed

HEARTBEAT_S = 2.0
UNDRAINED_MAX_S = 10.0  # a socket that takes nothing for this long is cut off
REPLAY_MAX = 1_000  # further behind than this, a page is drawn whole
AGAIN_AFTER_S = 1.0  # a part that could not be drawn is tried again

log = structlog.get_logger("pitstop.live")

type Drawer = Callable[[list[Wanted]], Drawings]


class Tail(Protocol):
    """What the hub needs of `FeedTail`."""

    head: int

    async def start(self) -> None: ...
    def is_fresh(self) -> bool: ...
    def after(self, seq: int) -> Sequence[ToldEvent] | None: ...
    async def news(self, within_s: float) -> None: ...


class Hub:
    """Use `hub()`. Everything runs in the event loop but the drawing, which runs in threads."""

    def __init__(
        self,
        tail: Tail,
        drawer: Drawer = draw,
        ages: Callable[[], Awaitable[Ages]] | None = None,
        heartbeat_s: float = HEARTBEAT_S,
        undrained_max_s: float | None = None,
    ) -> None:
        self._tail, self._draw, self._ages = tail, drawer, ages or read_ages
        self._heartbeat_s = heartbeat_s
        self._undrained_max_s = UNDRAINED_MAX_S if undrained_max_s is None else undrained_max_s
        self._audiences: dict[tuple[str, str], Audience] = {}
        self._seq = 0
        self._wake = asyncio.Event()
        self._somebody_came = asyncio.Event()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="draw")  # one round after another
        self._tasks: list[asyncio.Task[None]] = []
        self._known: dict[str, bool] = {}
        self._lately = DrawnLately()

    # ---- members -----------------------------------------------------------------------------------------------------

    async def join(self, member: Member, after: int | None) -> None:
        """It gets what it lacks since `after` (None: everything), then every change. Raises: DatabaseAway."""
        await self._tail.start()
        self._start()
        # From here to the end nothing else runs: no event is told in between.
        missed = None if after is None else self._missed(after)
        member.has_joined = True
        key = (member.topic, member.role)
        audience = self._audiences.setdefault(key, Audience(*key, seq=self._seq, clouds=member.clouds))
        audience.joiners.append(lacking(audience, member, missed))
        self._wake.set()

    def _missed(self, after: int) -> Sequence[ToldEvent] | None:
        """The events after `after`, REPLAY_MAX at most; None: they are more, or no longer kept."""
        missed = self._tail.after(after)
        return missed if missed is not None and len(missed) <= REPLAY_MAX else None

    def leave(self, member: Member) -> None:
        """It gets nothing any more."""
        member.has_joined = False
        audience = self._audiences.get((member.topic, member.role))
        if audience is None:
            return
        audience.members.discard(member)
        audience.joiners = [joiner for joiner in audience.joiners if joiner.member is not member]
        if not audience.members and not audience.joiners:
            del self._audiences[member.topic, member.role]

    # ---- life --------------------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if not self._tasks:
            self._seq = self._tail.head
            for work in (self._follow, self._paint, self._beat):
                self._tasks.append(asyncio.create_task(self._for_ever(work), name=f"hub {work.__name__}"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _for_ever(self, work: Callable[[], Awaitable[None]]) -> None:
        """A fault in one round is logged and the next round is made; pages look stale meanwhile."""
        while True:
            try:
                await work()
            except Exception:
                log.exception("the hub failed", work=work.__name__)
                await asyncio.sleep(AGAIN_AFTER_S)

    # ---- from events to parts ----------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        while True:
            events = self._tail.after(self._seq)
            if events is None:
                self._seq = self._tail.head
                self._touch_everything()
            elif events:
                whose = await self._whose(events)
                now = time.monotonic()
                for event in events:
                    self._apply(event, now, whose)
                self._seq = events[-1].seq
                self._wake.set()
            else:
                await self._tail.news(self._heartbeat_s)

    async def _whose(self, events: Sequence[ToldEvent]) -> Whose:
        """Whom of those who look at pages of their own the events concern."""
        people = {a.topic.partition(":")[2] for a in self._audiences.values() if a.is_alone}
        if not people:
            return Whose()
        parts = (part for event in events for part in touched_by(event))
        return await whose({part.one for part in parts if part.topic == EVERY_PORTAL}, people)

    def _apply(self, event: ToldEvent, now: float, whose: Whose) -> None:
        for part in touched_by(event):
            self._lately.touch(part, event.seq)
            for audience in self._audiences.values():
                if audience.follows(part) and (not audience.is_alone or whose.concerns(audience.topic, part)):
                    audience.touch(part, event.seq, now)

    def _touch_everything(self) -> None:
        """What every page shows may be another: pages get a snapshot."""
        self._lately.forget()
        for audience in self._audiences.values():
            parts = whole(audience.topic)
            audience.joiners += [Joiner(member, parts, 0) for member in audience.members]
        self._wake.set()

    # ---- from parts to frames ----------------------------------------------------------------------------------------

    async def _paint(self) -> None:
        while True:
            now = time.monotonic()
            if due := due_now(self._audiences, now):
                await self._paint_round(due)
            else:
                await self._until_next(now)

    async def _until_next(self, now: float) -> None:
        dues = [dirty.due for audience in self._audiences.values() for dirty in audience.dirty.values()]
        try:
            async with asyncio.timeout(max(0.001, min(dues) - now) if dues else None):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    async def _paint_round(self, due: Due) -> None:
        self._wake.clear()
        seq = self._seq
        taken: dict[tuple[str, str], dict[Part, Dirty]] = {}
        joiners: dict[tuple[str, str], list[Joiner]] = {}
        wanted: dict[Wanted, None] = {}
        audiences = {key: self._audiences[key] for key in due}
        for key, parts in due.items():
            audience = audiences[key]
            taken[key] = {part: audience.dirty.pop(part) for part in parts}
            joiners[key], audience.joiners = audience.joiners, []
            for part in [*parts, *(part for joiner in joiners[key] for part in joiner.parts)]:
                wanted[picture(part, audience.role)] = None
        drawn = await self._lately.drawings(wanted, seq, self._draw_in_thread)
        now = time.monotonic()
        for key, audience in audiences.items():
            if self._audiences.get(key) is audience:
                self._deliver(audience, taken[key], joiners[key], drawn, seq, now)
            else:
                self._begin_anew(key, joiners[key])

    async def _draw_in_thread(self, wanted: list[Wanted]) -> Drawings:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._draw, wanted)

    def _deliver(
        self,
        audience: Audience,
        taken: dict[Part, Dirty],
        joiners: list[Joiner],
        drawn: Drawings,
        seq: int,
        now: float,
    ) -> None:
        failed = [part for part in taken if has_failed(part, audience.role, drawn)]
        failed_joiners = [j for j in joiners if any(has_failed(p, audience.role, drawn) for p in j.parts)]
        audience.is_broken = bool(failed or failed_joiners)
        same: dict[tuple[str, ...], Frame] = {}
        for part in failed:
            audience.dirty.setdefault(part, Dirty(now + AGAIN_AFTER_S, taken[part].since_seq))
        if failed_joiners:
            asyncio.get_running_loop().call_later(AGAIN_AFTER_S, self._join_again, audience, failed_joiners)
        # Who comes first gets what it lacks, as of what the others have; then everybody gets what changed.
        for joiner in joiners:
            if joiner.member.has_joined and joiner not in failed_joiners:
                parts = parts_of(joiner.parts, audience.role, drawn)
                audience.members.add(joiner.member)
                self._somebody_came.set()
                joiner.member.push(
                    shared(same, Frame(audience.seq, audience.seq, seq, parts, joiner.changes, joiner.said))
                )
        good = [part for part in taken if part not in failed]
        if good:
            for part in good:
                audience.pushed_at[part] = now
            # Everything up to here was told – but for what still waits to be merged.
            told = min([seq, *(dirty.since_seq - 1 for dirty in audience.dirty.values())])
            prev, audience.seq = audience.seq, max(audience.seq, told)
            frame = Frame(prev, audience.seq, seq, parts_of(good, audience.role, drawn))
            for member in audience.members:
                member.push(frame)

    def _begin_anew(self, key: tuple[str, str], joiners: list[Joiner]) -> None:
        """Everybody else of the audience left while these were drawn for, and it ended: they come to a new one."""
        for joiner in joiners:
            if joiner.member.has_joined:
                fresh = Audience(*key, seq=self._seq, clouds=joiner.member.clouds)
                audience = self._audiences.setdefault(key, fresh)
                audience.joiners.append(Joiner(joiner.member, whole(audience.topic), 0))
        self._wake.set()

    def _join_again(self, audience: Audience, joiners: list[Joiner]) -> None:
        key = (audience.topic, audience.role)
        if self._audiences.get(key) is not audience:
            self._begin_anew(key, joiners)
        else:
            audience.joiners += joiners
            self._wake.set()

    # ---- heartbeat ---------------------------------------------------------------------------------------------------

    async def _beat(self) -> None:
        """Every HEARTBEAT_S, and soon after somebody came."""
        while True:
            self._somebody_came.clear()
            if self._audiences:
                await self._beat_once()
            await asyncio.sleep(self._heartbeat_s / 10)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._heartbeat_s * 0.9):
                    await self._somebody_came.wait()

    async def _beat_once(self) -> None:
        """None while the feed or the database cannot be read: stale must look stale."""
        for audience in self._audiences.values():
            for member in audience.members:
                member.cut_if_stuck(self._undrained_max_s)
        try:
            ages = await self._ages()
        except database.DatabaseAway:
            return
        if not self._tail.is_fresh():
            return
        known = known_now(ages)
        if self._known and known != self._known:
            self._touch_everything()
        self._known = known
        for audience in self._audiences.values():
            if audience.is_broken:
                continue
            if audience.is_alone:  # nothing of the clouds and of how much happens in them
                text = heartbeat(audience.seq, audience.seq, Ages(ages.feed, {}, None))
            else:
                text = heartbeat(audience.seq, self._tail.head, ages.of(audience.clouds))
            wire = framed(text)
            for member in audience.members:
                member.beat(text, wire)


_per_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """This process's hub (one for each event loop, and a server has one)."""
    loop = asyncio.get_running_loop()
    if loop not in _per_loop:
        _per_loop[loop] = Hub(feed_tail())
    return _per_loop[loop]


async def stop_hub() -> None:
    if (running := _per_loop.pop(asyncio.get_running_loop(), None)) is not None:
        await running.stop()
