"""The part of the page of agents that changes by itself: it is one, so that a cloud's agents are looked at once."""

from collections.abc import Mapping
from uuid import UUID

from dashboard.live.drawings.drawing import CALM_S, Context, Drawing, Key
from dashboard.screens.agents.now import now_of


def _now(cloud_id: str, _one: str, _role: str) -> Context:
    found = now_of(UUID(cloud_id))
    return None if found is None else {"picture": found}


DRAWINGS: Mapping[Key, Drawing] = {
    ("agents", "now"): Drawing("agents/list.html#now", "agents-now", _now, every_s=CALM_S),
}
