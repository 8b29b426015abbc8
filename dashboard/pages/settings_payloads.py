"""Settings: payloads of live patches – published with their signed manifest, and withdrawn."""

from typing import BinaryIO, cast
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.pages.asked import typed
from dashboard.pages.buttons import press
from dashboard.pages.settings_shown import settings_page
from dashboard.requests import request_id
from dashboard.screens.feed_head import feed_head
from dashboard.screens.settings import payloads as screen
from maintenance.actions.errors import BadInput, Conflict
from maintenance.payloads.manifest import AGENT, BYTES_MAX, SCRIPTS
from maintenance.payloads.publish import Given, publish, withdraw

FIELDS = {"manifest": "manifest", AGENT: "agent", SCRIPTS: "scripts"}


@require_http_methods(["GET", "HEAD", "POST"])
def payloads(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return _page(request)
    missing = {name: _("Choose the file.") for name in FIELDS.values() if name not in request.FILES}
    if missing:
        return _page(request, errors=missing, status=400)
    given: dict[str, Given] = {
        name: cast(BinaryIO, cast(object, request.FILES[FIELDS[name]])) for name in (AGENT, SCRIPTS)
    }
    try:
        published = publish(
            cast(BinaryIO, cast(object, request.FILES["manifest"])).read(BYTES_MAX + 1),
            given,
            actor=request.user.get_username(),
            request_id=request_id(request),
        )
    except BadInput as reason:
        return _page(request, errors={FIELDS.get(reason.field, "manifest"): str(reason)}, status=400)
    except Conflict as reason:
        return _page(request, errors={"manifest": str(reason)}, status=409)
    says = {"version": published.payload.version}
    if published.is_new:
        messages.success(request, _("Payload %(version)s is published.") % says)
    else:
        messages.info(request, _("Payload %(version)s was published already; nothing has changed.") % says)
    return HttpResponseRedirect(reverse("settings-payloads"), status=303)


@require_POST
def payload_withdraw(request: HttpRequest, payload_id: UUID) -> HttpResponse:
    reason = typed(request, f"reason-{payload_id}")
    return press(
        request,
        lambda who, ref: withdraw(payload_id, actor=who, reason=reason, request_id=ref),
        reverse("settings-payloads"),
    )


def _page(request: HttpRequest, *, errors: dict[str, str] | None = None, status: int = 200) -> HttpResponse:
    seq = feed_head()
    return settings_page(
        request,
        "settings/payloads.html",
        "settings-payloads",
        {
            "seq": seq,
            "payloads": screen.payloads(),
            "keys": screen.keys(),
            "agent_mb": screen.size_max_mb()[AGENT],
            "scripts_mb": screen.size_max_mb()[SCRIPTS],
            "errors": errors or {},
        },
        status=status,
    )
