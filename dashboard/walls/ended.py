"""The dark page of a link that is over: on a wall, so that nobody takes the last picture for the present."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def link_ended(request: HttpRequest, *, status: int = 403) -> HttpResponse:
    """It tells nothing about what the link has shown."""
    return private(render(request, "wall/ended.html", status=status))


def private(response: HttpResponse) -> HttpResponse:
    """Nothing of a wall is told onwards, or found by search engines."""
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
