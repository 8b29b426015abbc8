"""Settings: the overview, tokens, clouds, limits, notifications."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.models import User
from dashboard.pages.asked import typed
from dashboard.pages.buttons import press
from dashboard.pages.settings_shown import (
    as_seen,
    meanwhile,
    seconds,
    seen,
    settings_page,
    whole_number,
)
from dashboard.people import tokens
from dashboard.requests import request_id
from dashboard.screens.feed_head import feed_head
from dashboard.screens.settings import clouds as settings_clouds
from dashboard.screens.settings import limits as settings_limits
from dashboard.screens.settings import notifications as settings_notifications
from dashboard.screens.settings import tokens as settings_tokens
from dashboard.screens.settings.overview import summary
from maintenance.actions import BadInput
from maintenance.actions.meanwhile import ChangedMeanwhile
from maintenance.actions.settings import (
    change_cloud,
    change_limits,
    change_recipients,
    check_limit,
    cloud_values,
    recipient_values,
    send_test,
)
from maintenance.engine.attention import Cause
from maintenance.limits import LIMITS, set_here
from maintenance.models import Cloud
from maintenance.notifications.owe import MAIL, WEBHOOK
from maintenance.notifications.recipients import recipients

WITH_FORM = ["GET", "HEAD", "POST"]


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    return settings_page(request, "settings/overview.html", "settings", {"seq": seq, "summary": summary()})


# ---- tokens ----------------------------------------------------------------------------------------------------------


@require_safe
def all_tokens(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    return settings_page(
        request,
        "settings/tokens.html",
        "settings-tokens",
        {"seq": seq, "tokens": settings_tokens.all_tokens()},
    )


@require_POST
def token_revoke(request: HttpRequest, token_id: UUID) -> HttpResponse:
    assert isinstance(request.user, User), "the access matrix lets only administrators in here"
    actor = request.user
    return press(
        request,
        lambda _who, ref: tokens.revoke_token(token_id, actor=actor, is_own=False, request_id=ref),
        reverse("settings-tokens"),
    )


# ---- clouds ----------------------------------------------------------------------------------------------------------


@require_safe
def clouds(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    return settings_page(
        request,
        "settings/clouds.html",
        "settings-clouds",
        {"seq": seq, "clouds": settings_clouds.cloud_rows()},
    )


@require_http_methods(WITH_FORM)
def cloud(request: HttpRequest, cloud_id: UUID) -> HttpResponse:
    found = Cloud.objects.filter(id=cloud_id).first()
    if found is None:
        raise Http404("no such cloud")
    if request.method != "POST":
        return _cloud(request, found)
    given = {name: typed(request, name) for name in ("poll_s", "unknown_s")}
    try:
        change_cloud(
            cloud_id,
            {name: seconds(text, name) for name, text in given.items()},
            seen=seen(request),
            actor=request.user.get_username(),
            request_id=request_id(request),
        )
    except BadInput as reason:
        return _cloud(request, found, given=given, errors={reason.field: str(reason)}, status=400)
    except ChangedMeanwhile as reason:
        found.refresh_from_db()
        return _cloud(request, found, given=given, changed=reason, status=409)
    messages.success(request, _("Saved."))
    return HttpResponseRedirect(reverse("settings-cloud", args=[cloud_id]), status=303)


def _cloud(
    request: HttpRequest,
    found: Cloud,
    *,
    given: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    changed: ChangedMeanwhile | None = None,
    status: int = 200,
) -> HttpResponse:
    seq = feed_head()
    values = cloud_values(found)
    rows = [row for row in settings_clouds.cloud_rows() if row.id == found.id]
    return settings_page(
        request,
        "settings/cloud.html",
        "settings-clouds",
        {
            "seq": seq,
            "cloud": found,
            "clouds": rows,
            "given": given or {name: settings_clouds.typed(value) for name, value in values.items()},
            "environment": settings_clouds.given_rhythm(),
            "errors": errors or {},
            "meanwhile": meanwhile(changed) if changed else None,
            "seen": as_seen(values),
        },
        status=status,
    )


# ---- limits ----------------------------------------------------------------------------------------------------------


@require_http_methods(WITH_FORM)
def limits(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _limits(request)
    given = {which.key: typed(request, which.key) for which in LIMITS}
    values, errors = _limit_values(given)
    if errors:
        return _limits(request, given=given, errors=errors, status=400)
    try:
        change_limits(
            values,
            seen=seen(request),
            actor=request.user.get_username(),
            request_id=request_id(request),
        )
    except BadInput as reason:
        return _limits(request, given=given, errors={reason.field: str(reason)}, status=400)
    except ChangedMeanwhile as reason:
        return _limits(request, given=given, changed=reason, status=409)
    messages.success(request, _("Saved. It holds from now on."))
    return HttpResponseRedirect(reverse("settings-limits"), status=303)


def _limit_values(given: dict[str, str]) -> tuple[dict[str, int | None], dict[str, str]]:
    """What was typed, and what is wrong with each that cannot hold: all at once, not one after another."""
    values: dict[str, int | None] = {}
    errors: dict[str, str] = {}
    for which in LIMITS:
        read = seconds if which.unit == "s" else whole_number
        try:
            values[which.key] = check_limit(which, read(given[which.key], which.key))
        except BadInput as reason:
            errors[which.key] = str(reason)
    return values, errors


def _limits(
    request: HttpRequest,
    *,
    given: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    changed: ChangedMeanwhile | None = None,
    status: int = 200,
) -> HttpResponse:
    seq = feed_head()
    here = set_here()
    rows = settings_limits.limit_rows()
    return settings_page(
        request,
        "settings/limits.html",
        "settings-limits",
        {
            "seq": seq,
            "limits": rows,
            "fields": [
                (row, (given or {}).get(row.key, row.typed), (errors or {}).get(row.key, "")) for row in rows
            ],
            "fixed": settings_limits.fixed_rows(),
            "errors": errors or {},
            "meanwhile": meanwhile(changed) if changed else None,
            "seen": as_seen({which.key: here.get(which.key) for which in LIMITS}),
        },
        status=status,
    )


# ---- notifications ---------------------------------------------------------------------------------------------------


@require_http_methods(WITH_FORM)
def notifications(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _notifications(request)
    told = set(request.POST.getlist("told"))
    given = {"mail_to": request.POST.get("mail_to", "")[:5000], "webhook_url": typed(request, "webhook_url")}
    typed_secret = request.POST.get("webhook_secret", "").strip()[:500]
    muted = sorted({cause.value for cause in Cause} - told)
    try:
        change_recipients(
            mail_to=[
                line.strip() for line in given["mail_to"].replace(",", "\n").splitlines() if line.strip()
            ],
            webhook_url=given["webhook_url"],
            new_secret="" if request.POST.get("no_secret") else typed_secret or None,
            muted=muted,
            seen=seen(request),
            actor=request.user.get_username(),
            request_id=request_id(request),
        )
    except BadInput as reason:
        errors = {reason.field: str(reason)}
        return _notifications(request, given=given, muted=muted, errors=errors, status=400)
    except ChangedMeanwhile as reason:
        return _notifications(request, given=given, muted=muted, changed=reason, status=409)
    messages.success(request, _("Saved. Send a test to see whether it arrives."))
    return HttpResponseRedirect(reverse("settings-notifications"), status=303)


def _notifications(
    request: HttpRequest,
    *,
    given: dict[str, str] | None = None,
    muted: list[str] | None = None,
    errors: dict[str, str] | None = None,
    changed: ChangedMeanwhile | None = None,
    status: int = 200,
) -> HttpResponse:
    seq = feed_head()
    to = recipients()
    return settings_page(
        request,
        "settings/notifications.html",
        "settings-notifications",
        {
            "seq": seq,
            "told": settings_notifications.told(),
            "deliveries": settings_notifications.deliveries(),
            "given": given or {"mail_to": "\n".join(to.mail_to), "webhook_url": to.webhook_url},
            "causes": settings_notifications.causes(to.muted if muted is None else frozenset(muted)),
            "errors": errors or {},
            "meanwhile": meanwhile(changed) if changed else None,
            "seen": as_seen(recipient_values()),
        },
        status=status,
    )


@require_POST
def notification_test(request: HttpRequest, channel: str) -> HttpResponse:
    if channel not in {MAIL, WEBHOOK}:
        raise Http404("no such way")
    return press(
        request,
        lambda who, ref: send_test(channel, actor=who, request_id=ref),
        reverse("settings-notifications"),
    )
