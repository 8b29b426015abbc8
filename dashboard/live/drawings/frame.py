"""What stands around every page."""

from collections.abc import Mapping

from dashboard.live.drawings.drawing import CALM_S, Context, Drawing, Key, simple
from dashboard.live.touched import FRAME
from dashboard.screens.nav_counts import COUNTS
from dashboard.screens.servers.blocked import blocked_clouds

SOON_S = 0.3  # agrees with the list of jobs, which jobs leave within a second
EVERY_S = {"nav-jobs": SOON_S, "nav-servers": SOON_S}


def _nav(name: str) -> Drawing:
    def context(_topic: str, _one: str, _role: str) -> Context:
        return {"count": COUNTS[name]()}

    return Drawing("console.html#count", name, context, every_s=EVERY_S.get(name, CALM_S))


DRAWINGS: Mapping[Key, Drawing] = {
    **{(FRAME, name): _nav(name) for name in COUNTS},
    (FRAME, "blocked"): Drawing("console.html#blocked", "blocked", simple("blocked", blocked_clouds)),
}
