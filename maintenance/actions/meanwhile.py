"""Two people at the same form: the second is told what the first has changed, and nothing is lost.

A form carries what it showed. When that is no longer what is kept, nothing is written: `ChangedMeanwhile` says what is
different now, since when and by whom.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from maintenance.actions.errors import Conflict
from maintenance.models import AuditEntry


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that the form showed, and what it is now."""

    what: str
    seen: Any
    now: Any


class ChangedMeanwhile(Conflict):
    """Somebody changed this after the page was opened. Look at what it is now, then press again."""

    def __init__(self, differences: list[Difference], last: AuditEntry | None) -> None:
        super().__init__("somebody changed this after you opened the page")
        self.differences = differences
        self.by: str = last.actor if last else ""
        self.at: datetime | None = last.at if last else None


def check_seen(seen: Mapping[str, Any], now: Mapping[str, Any], *, about: Mapping[str, str]) -> None:
    """Nothing, when every value that was shown is still what is kept. Call it with the row locked.

    `about`: what the audit calls the thing. Raises: ChangedMeanwhile.
    """
    differences = [
        Difference(name, seen.get(name), value) for name, value in now.items() if seen.get(name) != value
    ]
    if differences:
        last = AuditEntry.objects.filter(object__contains=dict(about)).order_by("-number").first()
        raise ChangedMeanwhile(differences, last)
