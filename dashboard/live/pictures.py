"""What is drawn once and given to many: a part, for a role where that makes a difference."""

from collections.abc import Iterable, Mapping

import structlog

from dashboard.live.frames import Frame
from dashboard.live.render import Drawn, drawing_of
from dashboard.live.touched import Part

log = structlog.get_logger("pitstop.live")

type Wanted = tuple[Part, str]  # the part, and the role or ""
type Drawings = Mapping[Wanted, Drawn | Exception]


def picture(part: Part, role: str) -> Wanted:
    """What has to be drawn to show the part to this role."""
    return part, role if drawing_of(part).by_role else ""


def has_failed(part: Part, role: str, drawn: Drawings) -> bool:
    """Whether it could not be drawn; the reason is logged."""
    found = drawn[picture(part, role)]
    if isinstance(found, Exception):
        log.error("a part cannot be drawn", part=":".join(part), exc_info=found)
        return True
    return False


def parts_of(parts: Iterable[Part], role: str, drawn: Drawings) -> dict[str, str | None]:
    """Elements by id, as this role sees them."""
    found = [drawn[picture(part, role)] for part in parts]
    return {drawing.element: drawing.html for drawing in found if isinstance(drawing, Drawn)}


def shared(made: dict[tuple[str, ...], Frame], frame: Frame) -> Frame:
    """Pages that lack the same get the same bytes."""
    return made.setdefault((str(frame.changes), *frame.parts), frame)
