"""Parts of the lists of zones, pods and clusters, and of the page of one of them."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from dashboard.live.drawings.drawing import Context, Drawing, Key, found, simple
from dashboard.screens.fleet import hosts_in_service_words
from dashboard.screens.hosts.rows import host_row
from dashboard.screens.places.below import below
from dashboard.screens.places.head import place_head, place_of
from dashboard.screens.places.instances import instances_there
from dashboard.screens.places.kinds import BY_PLURAL, KINDS, Kind
from dashboard.screens.places.lines import line, lines
from dashboard.screens.places.room import room_there
from dashboard.screens.places.rows import place_row
from dashboard.screens.places.runs import runs_there

# What is counted over more hosts is counted less often. Seconds between two drawings of the same part.
EVERY_S = {"cluster": 0.5, "pod": 1.5, "zone": 3.0}
ROOM_EVERY_S = {"cluster": 2.0, "pod": 5.0, "zone": 10.0}


def _of_place(
    kind: Kind, name: str, build: Callable[[Kind, Any, str], Any]
) -> Callable[[str, str, str], Context]:
    """Drawn from the topic's place."""

    def context(place_id: str, _one: str, role: str) -> Context:
        place = place_of(kind, UUID(place_id))
        return None if place is None else {name: build(kind, place, role), "kind": kind}

    return context


def _page(kind: Kind) -> Iterator[tuple[Key, Drawing]]:
    every_s = EVERY_S[kind.name]

    def part(name: str, build: Callable[[Kind, Any, str], Any], **more: Any) -> tuple[Key, Drawing]:
        drawing = Drawing(
            f"places/place.html#{name}",
            f"place-{name}",
            _of_place(kind, name, build),
            **{"every_s": every_s} | more,
        )
        return (kind.name, name), drawing

    yield part("head", place_head, by_role=True)
    yield part("lines", lambda k, place, _role: lines(k, place))
    yield part("room", lambda k, place, _role: room_there(k, place), every_s=ROOM_EVERY_S[kind.name])
    yield part("runs", lambda k, place, _role: runs_there(k, place))
    yield part("instances", lambda k, place, _role: instances_there(k, place))
    yield part("below", below, by_role=True)
    yield (
        (kind.name, "line"),
        Drawing("places/place.html#line", "line-{}", found("line", lambda key, _role: line(kind, key))),
    )
    yield (kind.name, "row"), _row(kind.below)


def _row(plural: str) -> Drawing:
    """A row of a list, which is the same on the page of what it lies in."""
    if plural == "hosts":
        return Drawing("hosts/list.html#row", "host-row-{}", found("row", lambda key, _role: host_row(key)))
    kind = BY_PLURAL[plural]
    return Drawing(
        "places/list.html#row",
        f"{kind.name}-row-{{}}",
        found("row", partial(_place_row, kind)),
        every_s=EVERY_S[kind.name],
    )


def _place_row(kind: Kind, key: UUID, _role: str) -> Any:
    return place_row(kind, key)


def _list(kind: Kind) -> Iterator[tuple[Key, Drawing]]:
    yield (
        (kind.plural, "fleet"),
        Drawing(
            "places/list.html#fleet", "places-fleet", simple("fleet", hosts_in_service_words), every_s=1.0
        ),
    )
    yield (kind.plural, "news"), Drawing("places/news.html", "list-news", simple("news", lambda: True))
    yield (kind.plural, "row"), _row(kind.plural)


DRAWINGS: Mapping[Key, Drawing] = dict(
    drawing for kind in KINDS.values() for drawings in (_page(kind), _list(kind)) for drawing in drawings
)
