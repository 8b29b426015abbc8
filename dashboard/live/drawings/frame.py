"""What stands around every page."""

from collections.abc import Mapping

from dashboard.live.drawings.drawing import CALM_S, Context, Drawing, Key
from dashboard.live.touched import FRAME
from dashboard.screens.frame import nav_counts


def _nav(name: str) -> Drawing:
    def context(_topic: str, _one: str, _role: str) -> Context:
        return {"count": next(count for count in nav_counts() if count.id == name)}

    return Drawing("console.html#count", name, context, every_s=CALM_S)


DRAWINGS: Mapping[Key, Drawing] = {
    (FRAME, name): _nav(name) for name in ("nav-runs", "nav-needs", "nav-hosts")
}
