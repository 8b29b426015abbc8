"""Agents: how they are spread over management servers, other settings with their preview, and sending them home."""

from collections.abc import Mapping
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from dashboard.access import visible_clouds
from dashboard.pages.asked import number, role_of, typed, uuid_or_none, words
from dashboard.requests import request_id
from dashboard.screens.actions import too_low_to_administer
from dashboard.screens.agents.list import AskedAgents, agent_list
from dashboard.screens.agents.now import now
from dashboard.screens.agents.plan import FIELDS, change_of, plan, shown
from dashboard.screens.feed_head import feed_head
from maintenance.actions import ActionError, BadInput
from maintenance.actions.agent_balance import PreviewChanged, change_balance, preview, rebalance
from maintenance.agents_view import AgentsView, agents_view
from maintenance.backends.servers import BalanceChange
from maintenance.domain.balance_preview import Preview
from maintenance.models import Cloud

WITH_FORM = ["GET", "HEAD", "POST"]
# Fields of the form by what actions call them.
FIELD_OF = {"clusters": "clusterinterval"}


@require_safe
def agents(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    clouds = list(visible_clouds(request.user).order_by("name"))
    cloud = _chosen(request, clouds)
    if cloud is None:
        return render(request, "agents/none.html", {"seq": seq, "topic": "frame"})
    view = agents_view(cloud)
    asked = AskedAgents(
        search=words(request, "search"),
        server=uuid_or_none(request.GET.get("server", "")),
        kind=words(request, "kind", 40),
        drift=words(request, "drift", 10),
        page=number(request.GET.get("page", "")),
    )
    return render(
        request,
        "agents/list.html",
        {
            "seq": seq,
            "topic": f"agents:{cloud.id}",
            "picture": now(cloud, view),
            "list": None if view is None else agent_list(cloud, view, asked),
            "clouds": clouds,
            "may_change": not too_low_to_administer(role_of(request)),
        },
    )


@require_http_methods(WITH_FORM)
def change(request: HttpRequest) -> HttpResponse:
    """The form and, once it is filled in, what it would do (GET, for everybody); and doing it (POST)."""
    cloud, view = _cloud_and_view(request)
    if view is None:
        return HttpResponseRedirect(reverse("agents"), status=303)
    if request.method != "POST":
        given = {name: words(request, name, 2000) for name in FIELDS if name in request.GET}
        return _plan(request, cloud, view, given)
    given = {
        name: request.POST[name].replace("\0", "").strip()[:2000] for name in FIELDS if name in request.POST
    }
    try:
        change_balance(
            cloud.id,
            change_of(given, view),
            actor=request.user.get_username(),
            reason=typed(request, "reason"),
            request_id=request_id(request),
            seen_hash=typed(request, "hash") or "none",
        )
    except BadInput as reason:
        field = FIELD_OF.get(reason.field, reason.field)
        return _plan(request, cloud, view, given, errors={field: str(reason)}, status=400)
    except PreviewChanged as reason:
        return _plan(request, cloud, view, given, agreed_to_another=reason.preview, status=409)
    except ActionError as reason:
        messages.error(request, _("Not done: %(reason)s.") % {"reason": str(reason).rstrip(".")})
        return _plan(request, cloud, view, given, status=409)
    messages.success(request, _("Asked of the cloud. Below is what it answers."))
    return HttpResponseRedirect(f"{reverse('agents')}?cloud={cloud.id}", status=303)


@require_http_methods(WITH_FORM)
def home(request: HttpRequest) -> HttpResponse:
    """What sending every agent to its preferred server does (GET, for everybody); and doing it (POST)."""
    cloud, view = _cloud_and_view(request)
    if view is None:
        return HttpResponseRedirect(reverse("agents"), status=303)
    is_new, status = False, 200
    if request.method == "POST":
        try:
            rebalance(
                cloud.id,
                actor=request.user.get_username(),
                reason=typed(request, "reason"),
                request_id=request_id(request),
                seen_hash=typed(request, "hash") or "none",
            )
        except PreviewChanged:
            is_new, status = True, 409
        except ActionError as reason:
            messages.error(request, _("Not done: %(reason)s.") % {"reason": str(reason).rstrip(".")})
            status = 409
        else:
            messages.success(request, _("Asked of the cloud. Below is what it answers."))
            return HttpResponseRedirect(f"{reverse('agents')}?cloud={cloud.id}", status=303)
    return render(
        request,
        "agents/home.html",
        {
            "seq": feed_head(),
            "topic": "frame",
            "cloud": cloud,
            "shown": shown(preview(cloud.id, None)),
            "disabled": too_low_to_administer(role_of(request)),
            "is_new": is_new,
        },
        status=status,
    )


def _plan(
    request: HttpRequest,
    cloud: Cloud,
    view: AgentsView,
    given: Mapping[str, str],
    *,
    errors: Mapping[str, str] | None = None,
    agreed_to_another: Preview | None = None,
    status: int = 200,
) -> HttpResponse:
    seq = feed_head()
    told, found = agreed_to_another, dict(errors or {})
    if told is None and given and not found:
        try:
            asked = change_of(given, view)
            told = preview(cloud.id, asked) if asked != BalanceChange() else None
        except BadInput as reason:
            found = {FIELD_OF.get(reason.field, reason.field): str(reason)}
            status = 400
    made = plan(
        cloud,
        view,
        given,
        told,
        role_of(request),
        errors=found,
        is_new=agreed_to_another is not None,
    )
    context = {"seq": seq, "topic": "frame", "plan": made, "is_asked": bool(given)}
    return render(request, "agents/change.html", context, status=status)


def _cloud_and_view(request: HttpRequest) -> tuple[Cloud, AgentsView | None]:
    cloud = _chosen(request, list(visible_clouds(request.user).order_by("name")))
    if cloud is None:
        raise Http404("there is no cloud yet")
    return cloud, agents_view(cloud)


def _chosen(request: HttpRequest, clouds: list[Cloud]) -> Cloud | None:
    """The one that is named, else the first that tells its settings, else the first. Raises: Http404."""
    named: UUID | None = uuid_or_none(request.POST.get("cloud", "") or request.GET.get("cloud", ""))
    if named is not None:
        found = next((cloud for cloud in clouds if cloud.id == named), None)
        if found is None:
            raise Http404("no such cloud")
        return found
    return next((cloud for cloud in clouds if cloud.balance is not None), clouds[0] if clouds else None)
