"""What the clouds list: hosts, and the places they stand in."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import visible_hosts
from dashboard.pages.asked import number, role_of, uuid_or_none, words
from dashboard.screens import host as host_screen
from dashboard.screens.feed_head import feed_head
from dashboard.screens.fleet import in_service_words
from dashboard.screens.hosts import HostFilter, host_list


@require_safe
def hosts(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    asked = HostFilter(
        search=words(request, "search"),
        cluster=uuid_or_none(request.GET.get("cluster", "")),
        state=words(request, "state", 40),
        page=number(request.GET.get("page", "")),
    )
    shown = host_list(asked, role_of(request))
    return render(
        request, "hosts/list.html", {"seq": seq, "topic": "hosts", "list": shown, "fleet": in_service_words()}
    )


@require_safe
def host(request: HttpRequest, host_id: UUID) -> HttpResponse:
    seq = feed_head()
    at = host_screen.standing(host_id) if visible_hosts(request.user).filter(id=host_id).exists() else None
    if at is None:
        raise Http404("no such host")
    return render(
        request,
        "hosts/host.html",
        {
            "seq": seq,
            "topic": f"host:{host_id}",
            "head": host_screen.host_head(at),
            "hand": host_screen.by_hand(at, role_of(request)),
            "way": host_screen.on_its_way(at),
            "scripts": host_screen.scripts(at),
            "instances": host_screen.instances(at),
            "history": host_screen.history(at),
        },
    )
