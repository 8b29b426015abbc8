"""Buttons: each makes one call and shows the page again."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dashboard.pages.asked import typed
from dashboard.requests import request_id
from maintenance import actions
from maintenance.actions import ActionError, NotFound


@require_POST
def run_pause(request: HttpRequest, run_id: UUID) -> HttpResponse:
    return press(request, lambda who, ref: actions.pause_run(run_id, actor=who, request_id=ref), _url(run_id))


@require_POST
def run_resume(request: HttpRequest, run_id: UUID) -> HttpResponse:
    return press(
        request, lambda who, ref: actions.resume_run(run_id, actor=who, request_id=ref), _url(run_id)
    )


@require_POST
def run_cancel(request: HttpRequest, run_id: UUID) -> HttpResponse:
    return press(
        request, lambda who, ref: actions.cancel_run(run_id, actor=who, request_id=ref), _url(run_id)
    )


@require_POST
def run_host_retry(request: HttpRequest, run_id: UUID, host_id: UUID) -> HttpResponse:
    return press(
        request, lambda who, ref: actions.retry_host(run_id, host_id, actor=who, request_id=ref), _url(run_id)
    )


@require_POST
def run_host_skip(request: HttpRequest, run_id: UUID, host_id: UUID) -> HttpResponse:
    return press(
        request, lambda who, ref: actions.skip_host(run_id, host_id, actor=who, request_id=ref), _url(run_id)
    )


@require_POST
def host_prepare(request: HttpRequest, host_id: UUID) -> HttpResponse:
    reason = typed(request, f"reason-{host_id}")
    return press(
        request,
        lambda who, ref: actions.prepare_host(host_id, actor=who, reason=reason, request_id=ref),
        reverse("host", args=[host_id]),
    )


@require_POST
def host_return(request: HttpRequest, host_id: UUID) -> HttpResponse:
    return press(
        request,
        lambda who, ref: actions.return_host(host_id, actor=who, request_id=ref),
        reverse("host", args=[host_id]),
    )


@require_POST
def host_take_back(request: HttpRequest, host_id: UUID) -> HttpResponse:
    """A host that others took goes back into service, for whoever types its name."""
    typed_name = typed(request, f"name-{host_id}")
    return press(
        request,
        lambda who, ref: actions.take_back_host(host_id, typed_name=typed_name, actor=who, request_id=ref),
        reverse("host", args=[host_id]),
    )


@require_POST
def attention_take(request: HttpRequest, attention_id: UUID) -> HttpResponse:
    return press(
        request,
        lambda who, ref: actions.take_attention(attention_id, actor=who, request_id=ref),
        reverse("need", args=[attention_id]),
    )


@require_POST
def attention_resolve(request: HttpRequest, attention_id: UUID) -> HttpResponse:
    reason = typed(request, f"reason-{attention_id}")
    if not reason:
        messages.error(request, _("Say why it is settled: the reason is kept."))
        return back_to(request, reverse("need", args=[attention_id]))
    return press(
        request,
        lambda who, ref: actions.resolve_attention(attention_id, actor=who, reason=reason, request_id=ref),
        reverse("need", args=[attention_id]),
    )


def press(request: HttpRequest, act: Callable[[str, str], object], otherwise: str) -> HttpResponse:
    """Do it and show the page again; when it cannot be done, the page says why, and nothing has changed."""
    try:
        act(request.user.get_username(), request_id(request))
    except NotFound as reason:
        raise Http404(str(reason)) from reason
    except ActionError as reason:
        messages.error(request, _("Not done: %(reason)s.") % {"reason": str(reason).rstrip(".")})
    return back_to(request, otherwise)


def back_to(request: HttpRequest, otherwise: str) -> HttpResponse:
    """To the page whose button was pressed (303: a reload presses nothing again)."""
    page = request.POST.get("back", "")
    is_ours = page.startswith("/") and url_has_allowed_host_and_scheme(page, allowed_hosts=None)
    return HttpResponseRedirect(page if is_ours else otherwise, status=303)


def on_to(request: HttpRequest, address: str) -> HttpResponse:
    """To another page than the one whose button was pressed. htmx loads it as a page: what it swaps in would keep the
    old address, and what the old page has asked for meanwhile would be put over it."""
    if "HX-Request" in request.headers:
        answer = HttpResponse(status=204)
        answer["HX-Redirect"] = address
        return answer
    return HttpResponseRedirect(address, status=303)


def _url(run_id: UUID) -> str:
    return reverse("run", args=[run_id])
