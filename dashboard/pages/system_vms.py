"""System VMs and routers: the list, one of them, and what starts a live patch."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.access import ADMINISTRATORS, visible_system_vms
from dashboard.pages.asked import number, role_of, typed, uuid_or_none, words
from dashboard.pages.buttons import back_to, on_to
from dashboard.patch_forms import PatchChoices, patch_choices
from dashboard.requests import request_id
from dashboard.screens.feed_head import feed_head
from dashboard.screens.servers.blocked import blocked_clouds
from dashboard.screens.system_vms.asked import AskedVms
from dashboard.screens.system_vms.history import vm_history
from dashboard.screens.system_vms.list import newest_payloads, vm_list, vms_verdict
from dashboard.screens.system_vms.offer import patch_offer
from dashboard.screens.system_vms.page import vm_page
from dashboard.screens.system_vms.replaced import where_it_went
from dashboard.screens.system_vms.start import start_patch
from maintenance.actions import ActionError, BadInput, NotFound
from maintenance.actions.live_patches import PatchRequest, PatchStarted, start_live_patch


@require_safe
def system_vms(request: HttpRequest) -> HttpResponse:
    seq, role = feed_head(), role_of(request)
    asked = AskedVms(
        search=words(request, "search"),
        type=words(request, "type", 40),
        zone=uuid_or_none(words(request, "zone", 40)),
        account=words(request, "account", 255),
        update=words(request, "update", 40),
        sort=words(request, "sort", 20),
        page=number(request.GET.get("page", "")),
    )
    return render(
        request,
        "system_vms/list.html",
        {
            "seq": seq,
            "topic": "systemvms",
            "list": vm_list(asked, role),
            "verdict": vms_verdict(role),
            "payloads": newest_payloads(),
        },
    )


@require_safe
def system_vm(request: HttpRequest, system_vm_id: UUID) -> HttpResponse:
    seq, role = feed_head(), role_of(request)
    is_visible = visible_system_vms(request.user).filter(id=system_vm_id).exists()
    page = vm_page(system_vm_id, role) if is_visible else None
    if page is None and is_visible and (there := where_it_went(system_vm_id)):
        messages.info(request, there.says)
        return HttpResponseRedirect(there.url)
    if page is None:
        raise Http404("no such system VM")
    return render(
        request,
        "system_vms/system_vm.html",
        {
            "seq": seq,
            "topic": f"systemvm:{system_vm_id}",
            "page": page,
            "offer": patch_offer(system_vm_id, role),
            "history": vm_history(system_vm_id),
            "blocked": blocked_clouds(),
        },
    )


@require_POST
def system_vm_patch(request: HttpRequest, system_vm_id: UUID) -> HttpResponse:
    """One VM, at once. To its run; a second press joins the one that goes on."""
    otherwise = reverse("system-vm", args=[system_vm_id])
    if not visible_system_vms(request.user).filter(id=system_vm_id, gone_at=None).exists():
        raise Http404("no such system VM")
    asked = PatchRequest(
        system_vm_ids=(system_vm_id,),
        forced=_forced(request, is_asked=bool(typed(request, "forced"))),
        reason=typed(request, "reason"),
        ticket=typed(request, "ticket")[:120],
    )
    try:
        started = _start(request, asked)
    except NotFound as reason:
        raise Http404(str(reason)) from reason
    except ActionError as reason:
        messages.error(request, _("Not done: %(reason)s.") % {"reason": str(reason).rstrip(".")})
        return back_to(request, otherwise)
    return _to(request, started)


@require_http_methods(["GET", "HEAD", "POST"])
def system_vms_patch(request: HttpRequest) -> HttpResponse:
    """GET: the form with the choices of the address. POST: looked at again, or, with `do=start`, started."""
    if request.method != "POST":
        return _form(request, patch_choices(request.GET, is_first=True))
    choices = patch_choices(request.POST, is_first=False)
    if request.POST.get("do") != "start":
        return _form(request, choices)
    if choices.errors or not choices.has_scope:
        refusal = "" if choices.errors else _("Choose what is to be patched first.")
        return _form(request, choices, status=400, refusal=refusal)
    _forced(request, is_asked=bool(choices.rules.get("forced")))
    try:
        started = _start(request, choices.request())
    except ActionError as reason:
        status = 400 if isinstance(reason, BadInput) else 409
        refusal = _("Not started: %(reason)s.") % {"reason": str(reason).rstrip(".")}
        return _form(request, choices, status=status, refusal=refusal)
    return _to(request, started)


def _start(request: HttpRequest, asked: PatchRequest) -> PatchStarted:
    """Raises: what the action raises."""
    return start_live_patch(asked, actor=request.user.get_username(), request_id=request_id(request))


def _forced(request: HttpRequest, *, is_asked: bool) -> bool:
    """Raises: PermissionDenied: only administrators patch what is current already."""
    if is_asked and role_of(request) not in ADMINISTRATORS:
        raise PermissionDenied
    return is_asked


def _to(request: HttpRequest, started: PatchStarted) -> HttpResponse:
    """To the run, whatever page the button stood on: there the steps are watched."""
    if started.joined:
        messages.info(
            request, _("It was being patched already: this is that run, %(n)s.") % {"n": started.run.number}
        )
    return on_to(request, reverse("run", args=[started.run.id]))


def _form(
    request: HttpRequest, choices: PatchChoices, *, status: int = 200, refusal: str = ""
) -> HttpResponse:
    seq = feed_head()
    screen = start_patch(choices, role_of(request), refusal=refusal)
    shown = {"seq": seq, "topic": "systemvms", "start": screen, "blocked": blocked_clouds()}
    return render(request, "system_vms/patch.html", shown, status=status)
