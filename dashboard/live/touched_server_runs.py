"""Which parts an event of a run over management servers touches, on its own page and where runs are told."""

from collections.abc import Iterator, Mapping
from typing import Any

from maintenance.domain.states import OVER_SERVERS

type Touched = tuple[str, str, str]  # topic, part, the part's own thing

PARTS = ("head", "problems", "lanes", "steering", "record")
EVERY_NEED = "need:*"


def is_over_servers(about: Mapping[str, Any]) -> bool:
    """Whether the event is about a run over management servers, or about one of these in it."""
    return about.get("kind") in OVER_SERVERS or bool(about.get("server") and about.get("run"))


def touched_server_runs(kind: str, about: Mapping[str, Any]) -> Iterator[Touched]:
    """`kind` is the event's: of a run, a target, a step or an attention that `is_over_servers`."""
    run, key = f"serverrun:{about.get('run')}", str(about.get("run", ""))
    match kind.partition(".")[0]:
        case "run":
            yield from _page(run, *PARTS)
            yield from _page("overview", "verdict", "runs", "events")
            yield from _page("runs", "verdict", "newest", "latest")
            yield "runs", "row", key
            yield from _page(EVERY_NEED, "standing", "actions")
            yield "frame", "nav-runs", ""
        case "target":
            yield from _page(run, *PARTS)
            yield from _page("overview", "verdict", "runs", "events")
            yield "runs", "row", key
            yield from _page(EVERY_NEED, "head", "standing", "actions")
        case "step" if kind == "step.moved":
            yield from _page(run, "head", "lanes")
        case "step":
            yield from _page(run, "head", "lanes", "steering", "record")
            yield from _page("overview", "runs", "events")
        case "attention":
            yield from _page(run, "head", "problems", "lanes")


def _page(topic: str, *parts: str) -> Iterator[Touched]:
    for part in parts:
        yield topic, part, ""
