"""The page that restarts routers: what would be done and what it has cost so far; then doing it."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from dashboard.access import visible_networks, visible_vpcs
from dashboard.requests import request_id
from dashboard.restart_forms import RestartChoices, restart_choices
from dashboard.screens.feed_head import feed_head
from dashboard.screens.router_restart.start import start_restart
from dashboard.screens.servers.blocked import blocked_clouds
from maintenance.actions import ActionError, BadInput
from maintenance.actions.router_restarts import start_router_restart


@require_http_methods(["GET", "HEAD", "POST"])
def routers_restart(request: HttpRequest) -> HttpResponse:
    """GET: the form for the networks and VPCs of the address. POST: looked at again, or, with `do=start`, started."""
    choices = _choices(request, request.POST if request.method == "POST" else request.GET)
    if request.method != "POST" or request.POST.get("do") != "start":
        return _form(request, choices)
    if not choices.has_place:
        return _form(request, choices, status=400)
    try:
        started = start_router_restart(
            choices.request(), actor=request.user.get_username(), request_id=request_id(request)
        )
    except ActionError as reason:
        status = 400 if isinstance(reason, BadInput) else 409
        refusal = _("Not started: %(reason)s.") % {"reason": str(reason).rstrip(".")}
        return _form(request, choices, status=status, refusal=refusal)
    if started.joined:
        messages.info(
            request,
            _("They were being restarted already: this is that run, %(n)s.") % {"n": started.run.number},
        )
    answer = HttpResponse(status=303)
    answer["Location"] = reverse("run", args=[started.run.id])
    return answer


def _choices(request: HttpRequest, sent: QueryDict) -> RestartChoices:
    """Raises: Http404 when one of the networks or VPCs is none."""
    choices = restart_choices(sent)
    for ids, visible in (
        (choices.network_ids, visible_networks(request.user)),
        (choices.vpc_ids, visible_vpcs(request.user)),
    ):
        known: set[UUID] = set(visible.filter(id__in=ids, gone_at=None).values_list("id", flat=True))
        if set(ids) - known:
            raise Http404("no such network or VPC")
    return choices


def _form(
    request: HttpRequest, choices: RestartChoices, *, status: int = 200, refusal: str = ""
) -> HttpResponse:
    seq = feed_head()
    screen = start_restart(choices, refusal=refusal)
    shown = {"seq": seq, "topic": "systemvms", "start": screen, "blocked": blocked_clouds()}
    return render(request, "system_vms/restart.html", shown, status=status)
