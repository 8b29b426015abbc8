"""What the clouds list: hosts, and the zones, pods and clusters they stand in. A list and a page each."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.access import visible_clusters, visible_hosts, visible_pods, visible_zones
from dashboard.pages.asked import number, role_of, uuid_or_none, words
from dashboard.screens.feed_head import feed_head
from dashboard.screens.fleet import hosts_in_service_words, in_service_words
from dashboard.screens.host.hand import by_hand
from dashboard.screens.host.head import host_head
from dashboard.screens.host.history import history
from dashboard.screens.host.instances import instances
from dashboard.screens.host.scripts import scripts
from dashboard.screens.host.standing import standing
from dashboard.screens.host.way import on_its_way
from dashboard.screens.hosts.list import asked_of_hosts, host_list
from dashboard.screens.places.asked import Asked
from dashboard.screens.places.below import below
from dashboard.screens.places.head import place_head, place_of
from dashboard.screens.places.instances import instances_there
from dashboard.screens.places.kinds import KINDS
from dashboard.screens.places.lines import lines
from dashboard.screens.places.list import asked_of, place_list
from dashboard.screens.places.room import room_there
from dashboard.screens.places.runs import runs_there

VISIBLE = {"zone": visible_zones, "pod": visible_pods, "cluster": visible_clusters}


@require_safe
def hosts(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    shown = host_list(asked_of_hosts(_asked(request)), role_of(request))
    return render(
        request, "hosts/list.html", {"seq": seq, "topic": "hosts", "list": shown, "fleet": in_service_words()}
    )


@require_safe
def host(request: HttpRequest, host_id: UUID) -> HttpResponse:
    seq = feed_head()
    at = standing(host_id) if visible_hosts(request.user).filter(id=host_id).exists() else None
    if at is None:
        raise Http404("no such host")
    return render(
        request,
        "hosts/host.html",
        {
            "seq": seq,
            "topic": f"host:{host_id}",
            "head": host_head(at),
            "hand": by_hand(at, role_of(request)),
            "way": on_its_way(at),
            "scripts": scripts(at),
            "instances": instances(at),
            "history": history(at),
        },
    )


@require_safe
def places(request: HttpRequest, kind: str) -> HttpResponse:
    """All zones, pods or clusters."""
    seq = feed_head()
    of = KINDS[kind]
    shown = place_list(of, asked_of(of, _asked(request)), role_of(request))
    context = {"seq": seq, "topic": of.plural, "list": shown, "fleet": hosts_in_service_words()}
    return render(request, "places/list.html", context)


@require_safe
def place(request: HttpRequest, kind: str, place_id: UUID) -> HttpResponse:
    """One zone, pod or cluster."""
    seq = feed_head()
    of, role = KINDS[kind], role_of(request)
    found = place_of(of, place_id) if VISIBLE[kind](request.user).filter(id=place_id).exists() else None
    if found is None:
        raise Http404(f"no such {kind}")
    return render(
        request,
        "places/place.html",
        {
            "seq": seq,
            "topic": f"{kind}:{place_id}",
            "kind": of,
            "head": place_head(of, found, role),
            "lines": lines(of, found),
            "below": below(of, found, role),
            "room": room_there(of, found),
            "runs": runs_there(of, found),
            "instances": instances_there(of, found),
        },
    )


def _asked(request: HttpRequest) -> Asked:
    """What the address asks for; what cannot be read is not asked."""
    return Asked(
        search=words(request, "search"),
        zone=uuid_or_none(request.GET.get("zone", "")),
        pod=uuid_or_none(request.GET.get("pod", "")),
        cluster=uuid_or_none(request.GET.get("cluster", "")),
        state=words(request, "state", 40),
        scripts=words(request, "scripts", 40),
        sort=words(request, "sort", 40),
        page=number(request.GET.get("page", "")),
    )
