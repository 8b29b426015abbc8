"""The page of a run over management servers."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from dashboard.screens.server_run.actions import server_run_actions
from dashboard.screens.server_run.head import server_run_head
from dashboard.screens.server_run.lanes import server_lanes
from dashboard.screens.server_run.problems import server_problems
from dashboard.screens.server_run.record import server_record
from maintenance.models import Run


def server_run(request: HttpRequest, seq: int, run: Run, role: str) -> HttpResponse:
    """`seq`: the feed's position before anything was read."""
    request.rail_path = reverse("servers")  # type: ignore[attr-defined]  # it belongs to them, not to runs over hosts
    return render(
        request,
        "servers/run.html",
        {
            "seq": seq,
            "topic": f"serverrun:{run.id}",
            "run_id": run.id,
            "head": server_run_head(run),
            "problems": server_problems(run, role),
            "lanes": server_lanes(run, role),
            "steering": server_run_actions(run, role),
            "record": server_record(run),
        },
    )
