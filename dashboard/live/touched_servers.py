"""Which parts of the pages of management servers and of jobs an event touches.

However many agents or jobs change at once, it is the same few parts: each is drawn once for all of them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

type Touched = tuple[str, str, str]  # topic, part, the part's own thing

EVERY_SERVER = "server:*"
ALL = "servers"
JOBS = "jobs"


def touched_servers(
    subject: str, about: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Touched]:
    server = _id(about, "server")
    match subject:
        case "server":
            yield from _page(ALL, "verdict", "table", "preparing", "restart")
            # What may be asked of one, and what is told of where its agents go, depends on all of them.
            yield from _page(EVERY_SERVER, "head", "moves", "preparing", "left", "peers")
            yield from _page(f"server:{server}", "tasks", "jobs-count", "agents-count", "history")
        case "servers" | "balance":
            yield from _page(ALL, "verdict", "table", "preparing", "restart")
            yield from _page(EVERY_SERVER, "head", "moves", "preparing", "left")
        case "jobs":
            yield from _page(JOBS, "total", "table")
            yield from _page(ALL, "verdict", "table", "preparing")
            if server:
                yield from _page(
                    f"server:{server}", "head", "moves", "preparing", "left", "jobs-count", "jobs"
                )
        case "cut_off":
            yield JOBS, "cut-off", ""
            if server:
                yield f"server:{server}", "cut-off", ""
        case "agent":
            yield from _page(ALL, "table", "preparing")
            yield from _page(EVERY_SERVER, "agents", "agents-count", "preparing", "left")
        case "target" | "step" if server:
            yield from _page(ALL, "table", "preparing")
            yield from _page(f"server:{server}", "head", "moves", "preparing", "left", "history")
        case "run":
            yield from _page(ALL, "table", "preparing", "restart")
            yield from _page(EVERY_SERVER, "head", "moves", "history")
            yield JOBS, "table", ""


def _page(topic: str, *parts: str) -> Iterator[Touched]:
    for part in parts:
        yield topic, part, ""


def _id(values: Mapping[str, Any], name: str) -> str:
    """An id, or nothing: some events say None in words."""
    found = str(values.get(name) or "")
    return "" if found == "None" else found
