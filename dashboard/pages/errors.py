"""What people see where a page cannot be shown: what happened, what state things are in, what to do, and an id."""

from django.contrib.auth import get_user_model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template import loader
from django.utils.deprecation import MiddlewareMixin
from django.utils.translation import gettext as _

from dashboard.access import MATRIX, READERS, TENANTS, principal
from dashboard.models import Role
from dashboard.once import OtherBody, StillBeingDone
from dashboard.requests import request_id
from dashboard.screens.frame import role_word
from maintenance.actions import ActionError, BadInput, NotFound

GRANTORS_MAX = 5


def forbidden(request: HttpRequest) -> HttpResponse:
    """403: which role is missing and who grants it. Whoever may read nothing is told of nothing."""
    role = principal(request.user)
    told = {"needed": "", "role": role_word(role), "grantors": [], "is_tenant": role in TENANTS}
    if role in READERS:
        told |= {"needed": _roles_that_may(request), "grantors": _grantors()}
    return render(request, "403.html", told, status=403)


def _roles_that_may(request: HttpRequest) -> str:
    """“operator or administrator”."""
    row = MATRIX.get(request.resolver_match.view_name, {}) if request.resolver_match else {}
    audience = row.get("GET" if request.method == "HEAD" else request.method or "", frozenset())
    able = [role_word(role) for role in Role if role.value in audience]
    return _(" or ").join(able)


def _grantors() -> list[str]:
    people = get_user_model().objects.filter(role=Role.ADMINISTRATOR, is_active=True).order_by("username")
    return list(people.values_list("username", flat=True)[:GRANTORS_MAX])


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form's token is not this browser's; nothing was read of what was sent."""
    return render(request, "403_csrf.html", status=403)


def conflict(request: HttpRequest, reason: str) -> HttpResponse:
    """409: what was asked for does not fit what is so."""
    return render(request, "409.html", {"reason": reason}, status=409)


def failed(request: HttpRequest) -> HttpResponse:
    """500. Asks nobody anything: whatever failed may fail again."""
    page = loader.get_template("500.html").render({"request_id": request_id(request)})
    return HttpResponse(page, status=500)


class ActionErrorsMiddleware(MiddlewareMixin):
    """An action's refusal that a page did not foresee is an answer all the same, never a fault of ours."""

    def process_exception(self, request: HttpRequest, failure: Exception) -> HttpResponse | None:
        match failure:
            case NotFound():
                return render(request, "404.html", status=404)
            case BadInput():
                return render(request, "400.html", {"reason": str(failure)}, status=400)
            case ActionError():
                return conflict(request, str(failure))
            case StillBeingDone():
                return conflict(
                    request, _("The same form was sent a moment ago and is still being worked on.")
                )
            case OtherBody():
                return conflict(request, _("This form was sent before, with other choices."))
            case _:
                return None
