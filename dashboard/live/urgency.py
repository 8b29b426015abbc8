"""What is drawn next: one page at a time, so that a row does not wait until the slow parts of other pages are drawn."""

from collections.abc import Mapping, Sequence

from dashboard.live.audience import Audience
from dashboard.live.drawings.drawing import AT_ONCE_S
from dashboard.live.render import drawing_of
from dashboard.live.touched import Part

type Key = tuple[str, str]  # topic and role
type Due = Mapping[Key, list[Part]]


def due_now(audiences: Mapping[Key, Audience], now: float) -> Due:
    """Of the most urgent page what has to be drawn now, for all its roles; empty when there is nothing to draw."""
    due = {
        key: [part for part, dirty in audience.dirty.items() if dirty.due <= now]
        for key, audience in audiences.items()
        if audience.dirty or audience.joiners
    }
    due = {key: parts for key, parts in due.items() if parts or audiences[key].joiners}
    if not due:
        return due
    topic, _role = min(due, key=lambda key: _should_be_seen_by(audiences[key], due[key]))
    return {key: parts for key, parts in due.items() if key[0] == topic}


def _should_be_seen_by(audience: Audience, parts: Sequence[Part]) -> tuple[float, int]:
    """Whatever waits becomes the more urgent the longer it does: nothing waits for ever. Of two, first the smaller."""
    changed = [audience.dirty[part].due + drawing_of(part).every_s for part in parts]
    return min(changed + [joiner.came_at + AT_ONCE_S for joiner in audience.joiners]), len(changed)
