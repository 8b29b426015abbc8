"""Settings: wall links. A link is shown once, in the answer to the form that made it."""

from uuid import UUID, uuid4

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.pages.asked import typed, uuid_or_none
from dashboard.pages.buttons import press
from dashboard.pages.settings_shown import settings_page
from dashboard.requests import request_id
from dashboard.screens.feed_head import feed_head
from dashboard.screens.settings import walls as screen
from dashboard.walls.links import LinkGiven, make_link, revoke_link
from maintenance.actions import BadInput
from maintenance.actions.errors import Conflict

CLOUDS_MAX = 200  # ticked


@require_http_methods(["GET", "HEAD", "POST"])
def walls(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _walls(request, _nothing_typed())
    given = _typed(request)
    link_id = uuid_or_none(typed(request, "link"))
    if link_id is None:
        return _walls(
            request, given, errors={"name": _("Open this page again: its form is not whole.")}, status=400
        )
    try:
        secret = make_link(
            given, link_id=link_id, actor=request.user.get_username(), request_id=request_id(request)
        )
    except BadInput as reason:
        return _walls(request, given, errors={reason.field: str(reason)}, status=400)
    except Conflict as reason:
        messages.error(request, _("Not done: %(reason)s.") % {"reason": str(reason)})
        return _walls(request, given, status=409)
    url = settings.BASE_URL + reverse("wall-link", args=[secret])
    return _walls(request, _nothing_typed(), made=url, made_name=given.name)


@require_POST
def wall_revoke(request: HttpRequest, link_id: UUID) -> HttpResponse:
    return press(
        request,
        lambda who, ref: revoke_link(link_id, actor=who, request_id=ref),
        reverse("settings-walls"),
    )


def _typed(request: HttpRequest) -> LinkGiven:
    """What cannot be an id of a cloud is one that there is not."""
    asked = [uuid_or_none(text) or uuid4() for text in request.POST.getlist("clouds")[:CLOUDS_MAX]]
    days = typed(request, "days")
    return LinkGiven(
        name=typed(request, "name"),
        cloud_ids=asked,
        shows_names=typed(request, "names") == "yes",
        has_sound=bool(request.POST.get("sound")),
        days=int(days) if days.isascii() and days.isdigit() and len(days) < 6 else -1,
        networks=typed(request, "networks"),
    )


def _nothing_typed() -> LinkGiven:
    return LinkGiven("", [], shows_names=True, has_sound=False, days=screen.PROPOSED_DAYS, networks="")


def _walls(
    request: HttpRequest,
    given: LinkGiven,
    *,
    errors: dict[str, str] | None = None,
    made: str = "",
    made_name: str = "",
    status: int = 200,
) -> HttpResponse:
    seq = feed_head()
    return settings_page(
        request,
        "settings/walls.html",
        "settings-walls",
        {
            "seq": seq,
            "walls": screen.links(),
            "clouds": screen.all_clouds(),
            "days": [(value, text, value == given.days) for value, text, _proposed in screen.days()],
            "given": given,
            "errors": errors or {},
            "made": made,
            "made_name": made_name,
            "link_id": uuid4(),
        },
        status=status,
    )
