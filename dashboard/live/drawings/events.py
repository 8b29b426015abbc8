"""Parts of the timeline."""

from collections.abc import Mapping

from dashboard.live.drawings.drawing import CALM_S, Drawing, Key
from dashboard.screens.events.chain import chain
from dashboard.screens.events.timeline import latest

DRAWINGS: Mapping[Key, Drawing] = {
    ("timeline", "latest"): Drawing(
        "events/timeline.html#latest",
        "timeline-latest",
        lambda _t, _o, role: {"latest": latest(role)},
        by_role=True,
        every_s=0.25,
    ),
    ("timeline", "chain"): Drawing(
        "events/timeline.html#chain",
        "timeline-chain",
        lambda _t, _o, role: {"chain": chain(role)},
        by_role=True,
        every_s=CALM_S,
    ),
}
