"""From events to parts: what an event touches, and what a page lacks that has missed some.

After a restart a thousand pages have missed the same: what an event touches is looked up once, and what lies between
two events once for each topic.
"""

import json
from collections.abc import Sequence
from functools import lru_cache

from dashboard.live.audience import Audience, Joiner
from dashboard.live.feed_tail import ToldEvent
from dashboard.live.frames import caught_up_words
from dashboard.live.member import Member
from dashboard.live.touched import Part, touched, whole

EVENTS_KEPT = 2_000
ANSWERS_KEPT = 500

type _Missed = tuple[tuple[Part, ...], int]  # the parts, and after how many changes

_answers: dict[tuple[str, ToldEvent, ToldEvent], _Missed] = {}


@lru_cache(EVENTS_KEPT)
def touched_by(event: ToldEvent) -> tuple[Part, ...]:
    """The parts that may look different after the event."""
    told = json.loads("{" + event.rest)
    return tuple(touched(told["kind"], told["object"], told["before"] or {}, told["after"] or {}))


def lacking(audience: Audience, member: Member, missed: Sequence[ToldEvent] | None) -> Joiner:
    """What a page lacks that has missed these events; everything, where they are not known."""
    if missed is None:
        return Joiner(member, whole(audience.topic), 0)
    parts, changes = _touched_between(audience, missed) if missed else ((), 0)
    if audience.is_alone:
        # How much happened is not theirs to know: they get their page again, or are told that it is current.
        return Joiner(member, whole(audience.topic) if changes else [], 0)
    return Joiner(member, list(parts), changes, caught_up_words(changes))


def _touched_between(audience: Audience, missed: Sequence[ToldEvent]) -> _Missed:
    asked = (audience.topic, missed[0], missed[-1])
    if asked not in _answers:
        if len(_answers) >= ANSWERS_KEPT:
            _answers.clear()
        _answers[asked] = _parts_touched(audience, missed)
    return _answers[asked]


def _parts_touched(audience: Audience, missed: Sequence[ToldEvent]) -> _Missed:
    parts: dict[Part, None] = {}
    changes = 0
    for event in missed:
        mine = [audience.own(part) for part in touched_by(event) if audience.follows(part)]
        changes += bool(mine)
        parts |= dict.fromkeys(mine)
    return tuple(parts), changes
