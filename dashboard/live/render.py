"""Drawing parts of pages, each for its role."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import connection
from django.template.loader import render_to_string

from dashboard.live.drawings import (
    agents,
    events,
    frame,
    hosts,
    jobs,
    needs,
    overview,
    places,
    portal,
    runs,
    server_run,
    servers,
    settings,
    system_vms,
    walls,
)
from dashboard.live.drawings.drawing import Drawing, Key
from dashboard.live.drawn_once import one_push
from dashboard.live.touched import Part
from dashboard.live.whereabouts import read_if_wanted

DRAWINGS: Mapping[Key, Drawing] = {
    **frame.DRAWINGS,
    **overview.DRAWINGS,
    **events.DRAWINGS,
    **settings.DRAWINGS,
    **needs.DRAWINGS,
    **runs.DRAWINGS,
    **hosts.DRAWINGS,
    **places.DRAWINGS,
    **servers.DRAWINGS,
    **server_run.DRAWINGS,
    **system_vms.DRAWINGS,
    **jobs.DRAWINGS,
    **agents.DRAWINGS,
    **walls.DRAWINGS,
    **portal.DRAWINGS,
}


@dataclass(frozen=True, slots=True)
class Drawn:
    element: str
    html: str | None


def drawing_of(part: Part) -> Drawing:
    return DRAWINGS[part.topic.partition(":")[0], part.name]


def draw(parts: Iterable[tuple[Part, str]]) -> dict[tuple[Part, str], Drawn | Exception]:
    """Each part for its role; one that cannot be drawn is the error it made. Asks the database: call from a thread."""
    found: dict[tuple[Part, str], Drawn | Exception] = {}
    wanted = list(parts)
    try:
        read_if_wanted()
        with one_push(part for part, _role in wanted):
            for part, role in wanted:
                try:
                    found[part, role] = _draw(part, role)
                except Exception as failure:
                    found[part, role] = failure
    finally:
        connection.close()
    return found


def _draw(part: Part, role: str) -> Drawn:
    drawing = drawing_of(part)
    context = drawing.build(part.topic.partition(":")[2], part.one, role)
    element = drawing.element.format((context or {}).get("element", part.one))
    return Drawn(
        element, None if context is None else render_to_string(drawing.template, dict(context)).strip()
    )
