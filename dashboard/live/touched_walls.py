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
    """The cluster's, which events about a host or a target name. Of a need only its host is known: until somebody has
    looked where that stands, the map is touched: too much, never too little."""
    if cluster:
        yield EVERY_MAP, "cluster", cluster
    elif host:
        where = where_is(host)
        yield (EVERY_MAP, "cluster", where.cluster) if where else (EVERY_MAP, "map", "")


def _id(values: Mapping[str, Any], name: str) -> str:
    """An id, or nothing: some events say None in words."""
    found = str(values.get(name) or "")
    return "" if found == "None" else found
