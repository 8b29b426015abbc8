"""Parts of the page of a run over management servers."""

from collections.abc import Callable, Mapping
from typing import Any

from dashboard.live.drawings.drawing import Context, Drawing, Key
from dashboard.screens.server_run.actions import server_run_actions
from dashboard.screens.server_run.head import server_run_head
from dashboard.screens.server_run.lanes import server_lanes
from dashboard.screens.server_run.problems import server_problems
from dashboard.screens.server_run.record import server_record
from maintenance.domain.states import OVER_SERVERS
from maintenance.models import Run

SOON_S = 0.3


def _part(part: str, build: Callable[[Run, str], Any], *, by_role: bool = False) -> Drawing:
    def context(run_id: str, _one: str, role: str) -> Context:
        run = Run.objects.select_related("cloud").filter(id=run_id, kind__in=OVER_SERVERS).first()
        return None if run is None else {part: build(run, role), "run_id": run.id}

    return Drawing(f"servers/run.html#{part}", f"srun-{part}", context, by_role=by_role, every_s=SOON_S)


DRAWINGS: Mapping[Key, Drawing] = {
    ("serverrun", "head"): _part("head", lambda run, _role: server_run_head(run)),
    ("serverrun", "problems"): _part("problems", server_problems, by_role=True),
    ("serverrun", "lanes"): _part("lanes", server_lanes, by_role=True),
    ("serverrun", "steering"): _part("steering", server_run_actions, by_role=True),
    ("serverrun", "record"): _part("record", lambda run, _role: server_record(run)),
}
