"""What travels to a page's socket: small JSON frames, written once for everybody who gets the same.

`delta {prev, seq, drawn, parts}` · `snapshot {seq, drawn, changes, said, parts}` · `current {seq}` · `heartbeat {seq,
head, at, age, clouds, listings, engine, build}`.

`seq`: everything up to here has been told. `drawn`: the parts are at least as new as this; it is larger than `seq`
while a part that changed earlier still waits. A page that was fetched later than `drawn` is newer.
`parts` maps an element's id to its HTML, or to null when it is gone.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property

from django.utils.translation import ngettext

from dashboard.build import build_id
from dashboard.live.wire import framed
from dashboard.screens.words import figure

type Parts = Mapping[str, str | None]


@dataclass(frozen=True)
class Frame:
    """Parts that take a page from `prev` to `seq`. `changes`: a snapshot, after that many changes (0: unknown); `said`:
    the same in words."""

    prev: int
    seq: int
    drawn: int
    parts: Parts
    changes: int | None = None
    said: str = ""

    @cached_property
    def text(self) -> str:
        if self.changes is None:
            return _json(
                {
                    "type": "delta",
                    "prev": self.prev,
                    "seq": self.seq,
                    "drawn": self.drawn,
                    "parts": self.parts,
                }
            )
        if not self.parts:
            return _json({"type": "current", "seq": self.seq})
        told = {"type": "snapshot", "seq": self.seq, "drawn": self.drawn, "changes": self.changes}
        return _json({**told, "said": self.said, "parts": self.parts})

    @cached_property
    def wire(self) -> bytes:
        return framed(self.text)


def merged(older: Frame | None, newer: Frame) -> Frame:
    """For a reader who was too slow for `older`: one frame that does both; of each part the newest wins."""
    if older is None or newer.changes is not None:
        return newer
    parts = {**older.parts, **newer.parts}
    return Frame(older.prev, newer.seq, newer.drawn, parts, older.changes, older.said)


def caught_up_words(changes: int) -> str:
    """What a page that was away says when it has everything again; empty when nothing had changed."""
    if not changes:
        return ""
    return ngettext("Caught up, %(n)s change.", "Caught up, %(n)s changes.", changes) % {"n": figure(changes)}


@dataclass(frozen=True, slots=True)
class Ages:
    """Seconds since the feed, each cloud and an engine were last heard of. None: never.

    `known_for`: how old a cloud's reading may be, where that differs from the environment's. `listings`: how old the
    clouds themselves say that their lists are. `servers`: since the management servers of those that have some were
    read, which is done apart.
    """

    feed: float
    clouds: Mapping[str, float | None]
    engine: float | None
    known_for: Mapping[str, int] = field(default_factory=dict)
    listings: Mapping[str, float | None] = field(default_factory=dict)
    servers: Mapping[str, float | None] = field(default_factory=dict)

    def of(self, clouds: frozenset[str]) -> "Ages":
        """Of these clouds only; of all of them where none is named."""
        if not clouds:
            return self
        return replace(self, clouds=_only(clouds, self.clouds), listings=_only(clouds, self.listings))


def heartbeat(seq: int, head: int, ages: Ages) -> str:
    """Says that this audience has everything up to `seq`, and how old that knowledge is."""
    return _json(
        {
            "type": "heartbeat",
            "seq": seq,
            "head": head,
            "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "age": round(ages.feed, 1),
            "clouds": _rounded(ages.clouds),
            "listings": _rounded(ages.listings),
            "engine": None if ages.engine is None else round(ages.engine, 1),
            "build": build_id(),
        }
    )


def _only(clouds: frozenset[str], ages: Mapping[str, float | None]) -> dict[str, float | None]:
    return {key: age for key, age in ages.items() if key in clouds}


def _rounded(ages: Mapping[str, float | None]) -> dict[str, float | None]:
    return {key: None if age is None else round(age, 1) for key, age in ages.items()}


def _json(content: Mapping[str, object]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
