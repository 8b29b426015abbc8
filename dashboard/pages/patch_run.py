"""The page of a live patch."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.pages.asked import number, words
from dashboard.screens.patch_run.actions import patch_run_actions
from dashboard.screens.patch_run.head import patch_head
from dashboard.screens.patch_run.lanes import patch_lanes
from dashboard.screens.patch_run.problems import patch_problems
from dashboard.screens.patch_run.record import patch_record
from dashboard.screens.patch_run.table import patch_table
from maintenance.models import Run


def patch_run(request: HttpRequest, seq: int, run: Run, role: str) -> HttpResponse:
    """`seq`: the feed's position before anything was read. `?show=` narrows the table of all VMs."""
    lanes = patch_lanes(run, role)
    return render(
        request,
        "system_vms/run.html",
        {
            "seq": seq,
            "topic": f"patchrun:{run.id}",
            "run_id": run.id,
            "head": patch_head(run),
            "problems": patch_problems(run, role),
            "lanes": lanes,
            "table": patch_table(run, words(request, "show", 40), number(request.GET.get("page", "")))
            if lanes.is_cut
            else None,
            "steering": patch_run_actions(run, role),
            "record": patch_record(run),
        },
    )
