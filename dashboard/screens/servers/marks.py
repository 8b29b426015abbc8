"""A management server's state, drawn: CloudStack's own word, our glyph and colour."""

from collections.abc import Mapping
from datetime import datetime

from dashboard.screens.marks import UNKNOWN, Mark
from maintenance.domain.servers import ServerState, server_state
from maintenance.models import ManagementServer

_DRAWN: Mapping[ServerState, tuple[str, str, bool]] = {
    ServerState.UP: ("Up", "done", False),
    ServerState.PREPARING_FOR_MAINTENANCE: ("Preparing", "running", True),
    ServerState.MAINTENANCE: ("Skipped", "skipped", False),
    ServerState.PREPARING_FOR_SHUTDOWN: ("Preparing", "running", True),
    ServerState.READY_TO_SHUTDOWN: ("Skipped", "skipped", False),
    ServerState.SHUTTING_DOWN: ("Stopping", "running", True),
    ServerState.DOWN: ("Down", "failed", False),
}


def server_mark(server: ManagementServer, now: datetime) -> Mark:
    """As last read; unknown while it could not be read lately, and for a state nobody knows: that keeps the cloud's
    word. Up is green only while it is known."""
    return state_mark(server.state) if server.is_known(now) else UNKNOWN


def state_mark(text: str) -> Mark:
    """A state as a cloud spells it."""
    state = server_state(text)
    if state is None:
        return Mark("Unknown", text, "unknown", is_told=True)
    drawn, glyph, is_moving = _DRAWN[state]
    return Mark(drawn, str(state), glyph, live=is_moving, is_told=True)
