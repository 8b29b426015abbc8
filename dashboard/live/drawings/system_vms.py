"""Parts of the pages of system VMs, and of the pages of runs that patch them."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from dashboard.live.drawings.drawing import CALM_S, Context, Drawing, Key, found
from dashboard.screens.patch_run.actions import patch_run_actions
from dashboard.screens.patch_run.head import patch_head
from dashboard.screens.patch_run.lanes import patch_lanes
from dashboard.screens.patch_run.problems import patch_problems
from dashboard.screens.patch_run.record import patch_record
from dashboard.screens.system_vms.history import vm_history
from dashboard.screens.system_vms.list import newest_payloads, vms_verdict
from dashboard.screens.system_vms.offer import patch_offer
from dashboard.screens.system_vms.page import vm_page
from dashboard.screens.system_vms.rows import vm_row
from maintenance.domain.states import OVER_SYSTEM_VMS
from maintenance.models import Run

SOON_S = 0.3


def _run_part(part: str, build: Callable[[Run, str], Any], *, by_role: bool = False) -> Drawing:
    def context(run_id: str, _one: str, role: str) -> Context:
        run = Run.objects.select_related("cloud").filter(id=run_id, kind__in=OVER_SYSTEM_VMS).first()
        return None if run is None else {part: build(run, role), "run_id": run.id}

    return Drawing(f"system_vms/run.html#{part}", f"prun-{part}", context, by_role=by_role, every_s=SOON_S)


def _vm_part(part: str, name: str, build: Callable[[UUID, str], Any], *, by_role: bool = False) -> Drawing:
    """Drawn from the topic's VM; None once no cloud lists it."""

    def context(vm_id: str, _one: str, role: str) -> Context:
        built = build(UUID(vm_id), role)
        return None if built is None else {name: built}

    return Drawing(
        f"system_vms/system_vm.html#{part}", f"systemvm-{part}", context, by_role=by_role, every_s=SOON_S
    )


DRAWINGS: Mapping[Key, Drawing] = {
    ("systemvms", "verdict"): Drawing(
        "system_vms/list.html#verdict",
        "systemvms-verdict",
        lambda _topic, _one, role: {"verdict": vms_verdict(role), "payloads": newest_payloads()},
        by_role=True,
        every_s=CALM_S,
    ),
    ("systemvms", "row"): Drawing(
        "system_vms/row.html", "systemvm-row-{}", found("row", vm_row), by_role=True, every_s=0.5
    ),
    ("systemvm", "head"): _vm_part("head", "page", vm_page),
    ("systemvm", "update"): _vm_part("update", "offer", patch_offer, by_role=True),
    ("systemvm", "services"): _vm_part("services", "page", vm_page),
    ("systemvm", "rules"): _vm_part("rules", "page", vm_page),
    ("systemvm", "history"): _vm_part("history", "history", lambda vm_id, _role: vm_history(vm_id)),
    ("patchrun", "head"): _run_part("head", lambda run, _role: patch_head(run)),
    ("patchrun", "problems"): _run_part("problems", patch_problems, by_role=True),
    ("patchrun", "lanes"): _run_part("lanes", patch_lanes, by_role=True),
    ("patchrun", "steering"): _run_part("steering", patch_run_actions, by_role=True),
    ("patchrun", "record"): _run_part("record", lambda run, _role: patch_record(run)),
}
