"""From events to parts: what an event touches, and what a page lacks that has missed some."""

import json
from collections.abc import Iterable, Sequence

from dashboard.live.audience import Audience, Joiner
from dashboard.live.feed_tail import ToldEvent
from dashboard.live.frames import caught_up_words
from dashboard.live.member import Member
from dashboard.live.touched import Part, touched, whole


def touched_by(event: ToldEvent) -> Iterable[Part]:
    """The parts that may look different after the event."""
    told = json.loads("{" + event.rest)
    return touched(told["kind"], told["object"], told["before"] or {}, told["after"] or {})


def lacking(audience: Audience, member: Member, missed: Sequence[ToldEvent] | None) -> Joiner:
    """What a page lacks that has missed these events; everything, where they are not known."""
    if missed is None:
        return Joiner(member, whole(audience.topic), 0)
    if audience.is_alone:
        # How much happened is not theirs to know: they get their page again, or are told that it is current.
        has_news = any(audience.follows(part) for event in missed for part in touched_by(event))
        return Joiner(member, whole(audience.topic) if has_news else [], 0)
    parts: dict[Part, None] = {}
    changes = 0
    for event in missed:
        mine = [audience.own(part) for part in touched_by(event) if audience.follows(part)]
        changes += bool(mine)
        parts |= dict.fromkeys(mine)
    return Joiner(member, list(parts), changes, caught_up_words(changes))
