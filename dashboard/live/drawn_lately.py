"""Pictures that still hold: what nothing has touched since it was drawn is not drawn again for whoever comes next.

After a restart a thousand pages come back within seconds, and most of them lack the same.
"""

import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from dashboard.live.pictures import Drawings, Wanted
from dashboard.live.render import Drawn
from dashboard.live.touched import ALONE, Part

LATELY_S = 10.0  # as long as pages need to come back (socket.js)
TOUCHED_MAX = 10_000  # parts whose last change is remembered

type Draw = Callable[[list[Wanted]], Awaitable[Drawings]]


@dataclass(frozen=True, slots=True)
class _Kept:
    drawn: Drawn
    seq: int
    until: float


@dataclass(slots=True)
class DrawnLately:
    """`era`: pictures of an earlier one do not hold any more, whatever touched them."""

    era: int = 0
    _pictures: dict[Wanted, _Kept] = field(default_factory=dict)
    _touched: dict[Part, int] = field(default_factory=dict)

    def touch(self, part: Part, seq: int) -> None:
        """The part may look different after the event; `run:*` is the part of every run."""
        if len(self._touched) >= TOUCHED_MAX:
            self.forget()
        self._touched[part] = seq
        if part.one:  # a row, a cell, a cluster's line: whatever of the page holds it holds it as it was
            self._touched[part._replace(name="", one="")] = seq

    def forget(self) -> None:
        """Everything may look different now."""
        self.era += 1
        self._pictures.clear()
        self._touched.clear()

    async def drawings(self, wanted: Iterable[Wanted], seq: int, draw: Draw) -> Drawings:
        """What still holds, and the rest drawn anew: all as of `seq` at least."""
        kept, era = self.still_hold(wanted, time.monotonic()), self.era
        missing = [one for one in wanted if one not in kept]
        if not missing:
            return kept
        drawn = await draw(missing)
        self.keep(drawn, seq=seq, era=era, now=time.monotonic())
        return {**kept, **drawn}

    def still_hold(self, wanted: Iterable[Wanted], now: float) -> dict[Wanted, Drawn | Exception]:
        found: dict[Wanted, Drawn | Exception] = {}
        for one in wanted:
            kept = self._pictures.get(one)
            if kept is not None and now < kept.until and not self._is_touched(one[0], kept.seq):
                found[one] = kept.drawn
        return found

    def keep(self, drawings: Drawings, *, seq: int, era: int, now: float) -> None:
        """What was drawn after the event `seq` had been told, begun in that era. One person's own is kept nowhere."""
        self._pictures = {key: kept for key, kept in self._pictures.items() if now < kept.until}
        if era != self.era:
            return
        for wanted, drawn in drawings.items():
            if isinstance(drawn, Drawn) and wanted[0].topic.partition(":")[0] not in ALONE:
                self._pictures[wanted] = _Kept(drawn, seq, now + LATELY_S)

    def _is_touched(self, part: Part, since: int) -> bool:
        every = f"{part.topic.partition(':')[0]}:*"
        own = (part,) if part.one else (part, part._replace(name="", one=""))
        touched = [
            self._touched.get(one._replace(topic=topic), 0) for one in own for topic in (part.topic, every)
        ]
        return max(touched) > since
