"""Where the access matrix is asked: the doors of pages and of REST. Sockets ask it themselves."""

from typing import TYPE_CHECKING, Any, assert_never
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.exceptions import PermissionDenied as Forbidden
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from dashboard.access import (
    ANYBODY,
    MATRIX,
    NEWCOMER,
    Verdict,
    allowed_methods,
    judge,
    principal,
    why_forbidden,
)
from dashboard.walls import door as wall_door
from dashboard.walls.ended import link_ended

if TYPE_CHECKING:  # REST's views read this module while they are being imported
    from rest_framework.views import APIView


WALLS = frozenset({"wall", "wall-hosts"})


class ApiAccess(BasePermission):
    """REST's door: 401 for anonymous, 403 for a role that is too low, 405 for a method that does not exist."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        django_request = request._request
        django_request.person_name = request.user.get_username()  # type: ignore[attr-defined]
        match judge(_route(django_request), request.method or "", request.user):
            case Verdict.ALLOWED:
                return True
            case Verdict.NO_SUCH_METHOD:
                raise MethodNotAllowed(request.method or "")
            case Verdict.LOG_IN:
                return False  # DRF answers 401 to the anonymous
            case Verdict.FORBIDDEN:
                raise Forbidden(why_forbidden(_route(django_request), request.method or "", request.user))
            case other:
                assert_never(other)


class AccessMiddleware(MiddlewareMixin):
    """The door of everything that is not REST, and `no-store` on whatever came through a door."""

    def process_view(
        self, request: HttpRequest, view: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if _has_the_api_door(view):
            return None
        route = _route(request)
        if MATRIX.get(route, {}).get(request.method or "") == ANYBODY:
            return None  # without asking who it is: health must answer when sessions cannot be read
        _let_a_screen_in(request)
        match judge(route, request.method or "", request.user):
            case Verdict.ALLOWED:
                return None
            case Verdict.LOG_IN if route in WALLS and wall_door.has_cookie(request):
                return link_ended(request)
            case Verdict.LOG_IN:
                return _to_login(request)
            case Verdict.FORBIDDEN if principal(request.user) == NEWCOMER:
                return _to_own_password(request)
            case Verdict.FORBIDDEN:
                raise PermissionDenied(f"your role may not use {request.path}")
            case Verdict.NO_SUCH_METHOD:
                page = render_to_string("405.html", request=request)
                return HttpResponseNotAllowed(allowed_methods(route), page)
            case other:
                assert_never(other)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.has_header("Cache-Control"):
            response["Cache-Control"] = "private, no-store"
        return response


def _let_a_screen_in(request: HttpRequest) -> None:
    """Whoever has logged in is who they are; otherwise a wall's cookie says which screen this is."""
    request.person_name = request.user.get_username()  # type: ignore[attr-defined]
    if not request.user.is_authenticated and (screen := wall_door.screen_of(request)) is not None:
        request.user = screen  # type: ignore[assignment]
        request.person_name = screen.logged_as  # type: ignore[attr-defined]


def _route(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""


def _has_the_api_door(view: Any) -> bool:
    """Whether the view is REST and asks `ApiAccess` itself, after it has read the token."""
    return ApiAccess in getattr(getattr(view, "cls", None), "permission_classes", ())


def _to_login(request: HttpRequest) -> HttpResponse:
    """To the login page, and back afterwards. htmx gets told to load it as a page, not to swap it in."""
    if "HX-Request" in request.headers:
        page = urlsplit(request.headers.get("HX-Current-URL", ""))
        answer = HttpResponse(status=401)
        answer["HX-Redirect"] = _login_url(page.path + (f"?{page.query}" if page.query else ""))
        return answer
    return HttpResponseRedirect(
        _login_url(request.get_full_path() if request.method in {"GET", "HEAD"} else "")
    )


def _to_own_password(request: HttpRequest) -> HttpResponse:
    """The only door that is open to somebody whose password another person knows."""
    where = reverse("me-password")
    if "HX-Request" in request.headers:
        answer = HttpResponse(status=403)
        answer["HX-Redirect"] = where
        return answer
    return HttpResponseRedirect(where, status=303)


def _login_url(next_path: str) -> str:
    wanted = next_path if next_path.startswith("/") and next_path not in {"/", settings.LOGIN_URL} else ""
    return settings.LOGIN_URL + (f"?{urlencode({'next': wanted})}" if wanted else "")
