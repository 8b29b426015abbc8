"""Logging in."""

from typing import Any

from django.conf import settings
from django.contrib.auth.views import LoginView as DjangoLoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse

from dashboard.access import TENANTS, principal
from dashboard.people import first


class LoginView(DjangoLoginView):
    """The door. Whoever is inside already goes on."""

    template_name = "login.html"
    redirect_authenticated_user = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Where nobody can log in yet, the first administrator is made first."""
        if request.method in {"GET", "HEAD"} and first.is_empty():
            return HttpResponseRedirect(reverse("first-run"), status=303)
        return super().dispatch(request, *args, **kwargs)

    def get_default_redirect_url(self) -> str:
        """Tenants have a page of their own; everybody else begins with the overview."""
        is_tenant = principal(self.request.user) in TENANTS
        return reverse("portal") if is_tenant else super().get_default_redirect_url()


def locked_out(request: HttpRequest, *_args: object, **_kwargs: object) -> HttpResponse:
    """Too many wrong passwords: what happened, how long it lasts."""
    minutes = max(1, round(settings.AXES_COOLOFF_TIME.total_seconds() / 60))
    return render(request, "locked_out.html", {"minutes": minutes}, status=429)
