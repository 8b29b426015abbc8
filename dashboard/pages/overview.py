"""The first page: what is so now."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.pages.asked import role_of
from dashboard.screens import overview as overview_screen
from dashboard.screens.feed_head import feed_head
from dashboard.screens.telling import latest_events


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    return render(
        request,
        "overview.html",
        {
            "seq": seq,
            "topic": "overview",
            "verdict": overview_screen.verdict(),
            "runs": overview_screen.run_cards(),
            "needs": overview_screen.needs(role_of(request)),
            "clusters": overview_screen.clusters(),
            "clusters_summary": overview_screen.clusters_summary(),
            "servers": overview_screen.servers(),
            "jobs": overview_screen.jobs(),
            "events": latest_events(),
        },
    )
