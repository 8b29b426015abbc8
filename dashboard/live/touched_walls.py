"""Which bands of a wall an event touches, whatever profile it is drawn for."""

from collections.abc import Iterator, Mapping
from typing import Any

from dashboard.live.whereabouts import where_is

type Touched = tuple[str, str, str]  # topic, part, the part's own thing

BANDS = ("verdict", "problems", "clusters", "servers")
EVERY_WALL = "wall:*"
EVERY_MAP = "wallhosts:*"


def touched_walls(
    subject: str, about: Mapping[str, Any], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[Touched]:
    """A band is drawn for the whole fleet, once in a while; of the map of hosts, the cluster that changed."""
    for band in _bands(subject):
        yield EVERY_WALL, band, ""
    match subject:
        case "host" | "target" | "attention":
            yield from _cells(_id(about, "host"), _id(about, "cluster"))
            if gone := _id(before, "cluster_id"):
                yield EVERY_MAP, "cluster", gone
        case "zone" | "pod" | "cluster":
            yield EVERY_MAP, "map", ""


def _bands(subject: str) -> tuple[str, ...]:
    match subject:
        case "run" | "target" | "attention" | "host" | "cloud" | "engine":
            return BANDS  # whether all is quiet is said by each of them
        case "zone" | "pod" | "cluster":
            return ("clusters",)
        case "instance":
            return ("verdict", "clusters")
        case "server":
            return BANDS
        case "servers" | "jobs" | "agent":
            return ("servers",)
        case _:
            return ()


def _cells(host: str, cluster: str) -> Iterator[Touched]:
    if not host and not cluster:
        return
    where = where_is(host, cluster)
    if where is not None:
        yield EVERY_MAP, "cluster", where.cluster
    elif cluster:
        yield EVERY_MAP, "cluster", cluster
    else:
        yield EVERY_MAP, "map", ""  # nobody knows yet where it stands: too much, never too little


def _id(values: Mapping[str, Any], name: str) -> str:
    """An id, or nothing: some events say None in words."""
    found = str(values.get(name) or "")
    return "" if found == "None" else found
