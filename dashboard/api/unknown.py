"""Errors that no REST view answers: addresses under /api/ that do not exist, and what nobody foresaw.

A program gets problem JSON, a person a page.
"""

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views import defaults
from django.views.decorators.csrf import csrf_exempt

from dashboard.api.problems import problem
from dashboard.pages import errors

API = "/api/"


@csrf_exempt
def no_such_route(request: HttpRequest) -> HttpResponse:
    """404 for every address under /api/ that is none of ours."""
    hint = "" if request.path.endswith("/") else "; addresses end with a slash"
    return problem(request, 404, f"there is no such address{hint}")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if request.path.startswith(API):
        return problem(request, 400, "the request is malformed")
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if request.path.startswith(API):
        return problem(request, 403, "your role may not do this")
    return errors.forbidden(request)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    if request.path.startswith(API):
        return problem(request, 404, "there is no such address")
    return defaults.page_not_found(request, exception)


def server_error(request: HttpRequest) -> HttpResponseBase:
    if request.path.startswith(API):
        return problem(request, 500, "we failed; the log has the reason under this request id")
    return errors.failed(request)
