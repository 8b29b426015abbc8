"""Logging in."""

from django.conf import settings
from django.contrib.auth.views import LoginView as DjangoLoginView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


class LoginView(DjangoLoginView):
    """The door. Whoever is inside already goes on."""

    template_name = "login.html"
    redirect_authenticated_user = True


def locked_out(request: HttpRequest, *_args: object, **_kwargs: object) -> HttpResponse:
    """Too many wrong passwords: what happened, how long it lasts."""
    minutes = max(1, round(settings.AXES_COOLOFF_TIME.total_seconds() / 60))
    return render(request, "locked_out.html", {"minutes": minutes}, status=429)
