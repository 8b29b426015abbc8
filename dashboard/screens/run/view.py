"""What the address of a run's page holds beside the run: the map's filter, the opened cluster, the host in focus."""

from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RunView:
    """`find` is what was searched for and not found."""

    run_url: str
    show: str = ""
    cluster: UUID | None = None
    host: UUID | None = None
    find: str = ""

    def url(self, **changes: Any) -> str:
        """The same page with something else chosen."""
        to = replace(self, find="", **changes)
        asked = {"show": to.show, "open": to.cluster or "", "host": to.host or ""}
        query = urlencode({name: value for name, value in asked.items() if value})
        return f"{to.run_url}?{query}" if query else to.run_url
