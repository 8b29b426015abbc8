"""State = glyph + word + colour, in that order: one table for every page.

`state` chooses the colour (`data-state`, tokens.css), `glyph` the drawing (sprite.svg), `word` is what people read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy

from maintenance.domain.states import TARGET_BEGUN, UNKNOWN_WORD, TargetState, word
from maintenance.models import Host, Target

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise


@dataclass(frozen=True, slots=True)
class Mark:
    """One state as it is drawn."""

    state: str
    said: "str | StrPromise"
    glyph: str
    live: bool = False  # something moves: the glyph breathes
    is_told: bool = False  # the word is the cloud's own: data, which no language changes

    @property
    def word(self) -> str:
        """The word, in the installation's language."""
        return str(self.said)


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

# The words of domain/states.py, as people of this installation read them.
_WORDS: "Mapping[str, StrPromise]" = {
    "Waiting": gettext_lazy("Waiting"),
    "Running": gettext_lazy("Running"),
    "Paused": gettext_lazy("Paused"),
    "Stopping": gettext_lazy("Stopping"),
    "Done": gettext_lazy("Done"),
    "Failed": gettext_lazy("Failed"),
    "Cancelled": gettext_lazy("Cancelled"),
    "Checking": gettext_lazy("Checking"),
    "Preparing": gettext_lazy("Preparing"),
    "Draining": gettext_lazy("Draining"),
    "Working": gettext_lazy("Working"),
    "Returning": gettext_lazy("Returning"),
    "Verifying": gettext_lazy("Verifying"),
    "Skipped": gettext_lazy("Skipped"),
    "Needs a person": gettext_lazy("Needs a person"),
    "Unknown": gettext_lazy("Unknown"),
}

IN_SERVICE = Mark("Up", gettext_lazy("In service"), "done")
SERVES_FLAGGED = Mark("NeedsPerson", gettext_lazy("In service, needs a person"), "paused")
UNKNOWN = Mark("Unknown", _WORDS[UNKNOWN_WORD], "unknown")
NEEDS_PERSON = Mark("NeedsPerson", _WORDS["Needs a person"], "paused")
TAKEN = Mark("Taken", gettext_lazy("Taken by others"), "skipped")
DOWN = Mark("Down", gettext_lazy("Down"), "failed")
DISABLED = Mark("Taken", gettext_lazy("Disabled"), "skipped")

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
    english = "Cancelled" if state == TargetState.CANCELLED else word(state)
    key = "NeedsPerson" if state == TargetState.NEEDS_PERSON else english
    if key in _MOVING:
        return Mark(key, _WORDS[english], "running", live=True)
    return Mark(key, _WORDS[english], _GLYPHS[key]) if key in _GLYPHS else UNKNOWN


def moving(word_: "str | StrPromise") -> Mark:
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
    # What the cloud says, word for word: nothing we know.
    return Mark("Unknown", f"{host.state}, {host.resource_state}", "unknown", is_told=True)
