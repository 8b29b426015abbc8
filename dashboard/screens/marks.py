"""State = glyph + word + colour, in that order: one table for every page.

`state` chooses the colour (`data-state`, tokens.css), `glyph` the drawing (sprite.svg), `word` is what people read.
"""

from dataclasses import dataclass
from datetime import datetime

from maintenance.domain.states import TARGET_BEGUN, TargetState, word
from maintenance.models import Host, Target


@dataclass(frozen=True, slots=True)
class Mark:
    """One state as it is drawn."""

    state: str
    word: str
    glyph: str
    live: bool = False  # something moves: the glyph breathes


_GLYPHS = {
    "Done": "done",
    "Up": "done",
    "Waiting": "waiting",
    "Paused": "paused",
    "NeedsPerson": "paused",
    "Failed": "failed",
    "Down": "failed",
    "Skipped": "skipped",
    "Cancelled": "skipped",
    "Taken": "skipped",
    "Unknown": "unknown",
}
_MOVING = frozenset(
    {"Running", "Stopping", "Checking", "Preparing", "Draining", "Working", "Returning", "Verifying"}
)

IN_SERVICE = Mark("Up", "In service", "done")
UNKNOWN = Mark("Unknown", "Unknown", "unknown")
NEEDS_PERSON = Mark("NeedsPerson", "Needs a person", "paused")
TAKEN = Mark("Taken", "Taken by others", "skipped")
DOWN = Mark("Down", "Down", "failed")
DISABLED = Mark("Taken", "Disabled", "skipped")

# CloudStack's resource states of a host that is on its way out, out, or stuck there.
OUT_OF_SERVICE = frozenset(
    {
        "PrepareForMaintenance",
        "Maintenance",
        "ErrorInMaintenance",
        "ErrorInPrepareForMaintenance",
    }
)


def mark(state: str) -> Mark:
    """A run's or a host's state in a run, drawn. An unknown value is Unknown, never green."""
    said = "Cancelled" if state == TargetState.CANCELLED else word(state)
    key = "NeedsPerson" if said == NEEDS_PERSON.word else said
    if key in _MOVING:
        return Mark(key, said, "running", live=True)
    return Mark(key, said, _GLYPHS[key]) if key in _GLYPHS else UNKNOWN


def moving(word_: str) -> Mark:
    """A state of work that goes on, with a word of its own."""
    return Mark("Running", word_, "running", live=True)


def host_mark(host: Host, now: datetime, *, target: Target | None, is_ours: bool) -> Mark:
    """A host as it is now.

    `target`: its open target, if a run of ours has one. `is_ours`: our ledger says that we took it out and have
    not seen it back.
    """
    if target is not None and (target.state in TARGET_BEGUN or target.state == TargetState.CHECKING):
        return mark(target.state)
    if target is not None and target.state == TargetState.NEEDS_PERSON:
        return NEEDS_PERSON
    if not host.is_known(now):
        return UNKNOWN
    if is_ours:
        return NEEDS_PERSON
    if host.is_in_service():
        return IN_SERVICE
    if host.resource_state in OUT_OF_SERVICE:
        return TAKEN
    if host.state in {"Down", "Alert", "Disconnected", "Error"}:
        return DOWN
    if host.resource_state == "Disabled":
        return DISABLED
    return Mark("Unknown", f"{host.state}, {host.resource_state}", "unknown")
