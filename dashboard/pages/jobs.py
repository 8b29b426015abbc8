"""Pending jobs: what the management servers still work on, and what they were cut off from."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from dashboard.pages.asked import number, role_of, uuid_or_none, words
from dashboard.pages.buttons import press
from dashboard.screens.feed_head import feed_head
from dashboard.screens.jobs.cut_off import cut_off
from dashboard.screens.jobs.list import AskedJobs, job_list, total
from maintenance.actions.cut_off_jobs import reconcile


@require_safe
def jobs(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    asked = AskedJobs(
        search=words(request, "search"),
        server=uuid_or_none(request.GET.get("server", "")),
        sort=words(request, "sort", 40),
        page=number(request.GET.get("page", "")),
    )
    return render(
        request,
        "jobs/list.html",
        {
            "seq": seq,
            "topic": "jobs",
            "total": total(),
            "list": job_list(asked),
            "cut": cut_off(role_of(request)),
        },
    )


@require_POST
def job_reconcile(request: HttpRequest, cut_off_id: UUID) -> HttpResponse:
    """What a job left behind is in order, says whoever looked at it."""
    return press(
        request,
        lambda who, ref: reconcile(cut_off_id, actor=who, request_id=ref),
        f"{reverse('jobs')}#cut-off",
    )
