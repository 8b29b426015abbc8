"""What needs a person: all of it by cause, and one of them with what can be done."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.pages.asked import number, role_of, words
from dashboard.screens.feed_head import feed_head
from dashboard.screens.needs.causes import CAUSES
from dashboard.screens.needs.list import STATES, NeedFilter, need_list, needs_verdict
from dashboard.screens.needs.one import need_page


@require_safe
def needs(request: HttpRequest) -> HttpResponse:
    """An unknown state or cause filters nothing."""
    seq = feed_head()
    state, cause = words(request, "state", 40), words(request, "cause", 60)
    asked = NeedFilter(
        state=state if state in STATES else "open",
        cause=cause if cause in CAUSES else "",
        page=number(request.GET.get("page", "")),
    )
    shown = need_list(asked, role_of(request))
    context = {"seq": seq, "topic": "needs", "list": shown, "verdict": needs_verdict()}
    return render(request, "needs/list.html", context)


@require_safe
def need(request: HttpRequest, need_id: UUID) -> HttpResponse:
    seq = feed_head()
    found = need_page(need_id, role_of(request))
    if found is None:
        raise Http404("nothing that needs a person has this id")
    return render(request, "needs/need.html", {"seq": seq, "topic": f"need:{need_id}", "need": found})
