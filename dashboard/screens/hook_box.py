"""One of the four letters that stand for a host's scripts, as `parts/hooks.html` draws it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class HookBox:
    """One of the four letters: there, not there, or not known; `drifts`: other than in its cluster."""

    letter: str
    title: str
    is_missing: bool
    is_unknown: bool
    drifts: bool = False
