"""The first page: what is so now."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.pages.asked import role_of
from dashboard.screens.actions import too_low
from dashboard.screens.events.telling import latest_events
from dashboard.screens.feed_head import feed_head
from dashboard.screens.needs.list import overview_needs
from dashboard.screens.overview.clusters import clusters, clusters_summary
from dashboard.screens.overview.runs import run_cards
from dashboard.screens.overview.servers import jobs, servers
from dashboard.screens.overview.verdict import verdict
from dashboard.screens.servers.blocked import why_blocked


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    role = role_of(request)
    return render(
        request,
        "overview.html",
        {
            "seq": seq,
            "topic": "overview",
            "start_disabled": too_low(role),
            "start_blocked": "" if too_low(role) else why_blocked(),
            "verdict": verdict(),
            "runs": run_cards(),
            "needs": overview_needs(role),
            "clusters": clusters(),
            "clusters_summary": clusters_summary(),
            "servers": servers(),
            "jobs": jobs(),
            "events": latest_events(),
        },
    )
