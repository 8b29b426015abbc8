"""The portal, `/my/`: a tenant's own networks and machines. What is not theirs does not exist for them."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import DateTimeField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from dashboard.forms import LATER_MAX, MOMENTS
from dashboard.models import User
from dashboard.pages.asked import number, typed, words
from dashboard.requests import request_id
from dashboard.screens.feed_head import feed_head
from dashboard.screens.live_words import live_words
from dashboard.screens.portal.page import portal as portal_of
from dashboard.screens.portal.places import Facts, Place, facts_of
from dashboard.screens.portal.running import own_run, under_way
from dashboard.screens.words import figure
from maintenance.actions import ActionError, NotFound
from maintenance.actions.live_patches import PatchRequest, RateLimited, start_live_patch
from maintenance.actions.slots import give_up_slot, move_slot

MINUTES_EAST_MAX = 16 * 60


@require_http_methods(["GET", "HEAD", "POST"])
def portal(request: HttpRequest) -> HttpResponse:
    """Everything that is theirs. POST is Enter in a line, without script: it presses no network's button."""
    if request.method == "POST":
        messages.info(request, _("Nothing was pressed: use the button below the line."))
        return HttpResponseRedirect(reverse("portal"), status=303)
    seq = feed_head()
    person = _person(request)
    shown = portal_of(person, words(request, "search"), number(request.GET.get("page", "")))
    told = {"seq": seq, "topic": f"my:{person.key}", "portal": shown, "live_words": live_words()}
    return render(request, "portal/home.html", told)


@require_POST
def update(request: HttpRequest, place_id: UUID) -> HttpResponse:
    """The update of this network begins; whoever presses again joins it. A chosen time becomes now."""
    place, facts = _theirs(request, place_id)
    who, ref = request.user.get_username(), request_id(request)
    try:
        if (run := own_run(place, facts)) is not None and run.not_before is not None:
            move_slot(run.id, None, actor=who, request_id=ref)
        elif _start(place, who, ref, None):
            messages.info(
                request, _("An update of this network is under way already: this is the one you see.")
            )
    except ActionError as reason:
        _refused(request, reason)
    return _back(place)


@require_POST
def slot(request: HttpRequest, place_id: UUID) -> HttpResponse:
    """The update of this network begins at the chosen time; one that waits for its time gets this one."""
    place, facts = _theirs(request, place_id)
    who, ref = request.user.get_username(), request_id(request)
    try:
        at = _moment(request, place, facts.now)
    except ValidationError as wrong:
        messages.error(request, " ".join(wrong.messages))
        return _back(place)
    try:
        if (run := own_run(place, facts)) is not None:
            move_slot(run.id, at, actor=who, request_id=ref)
        elif _start(place, who, ref, at):
            messages.info(
                request, _("An update of this network is under way already: this is the one you see.")
            )
    except ActionError as reason:
        _refused(request, reason)
    return _back(place)


@require_POST
def give_up(request: HttpRequest, place_id: UUID) -> HttpResponse:
    """The chosen time is given up; nothing is updated."""
    place, facts = _theirs(request, place_id)
    run = own_run(place, facts)
    if run is None:
        has_begun = bool(under_way(place))
        messages.error(
            request,
            _("It has begun: it cannot be given up any more.")
            if has_begun
            else _("There is no time to give up."),
        )
        return _back(place)
    try:
        give_up_slot(run.id, actor=request.user.get_username(), request_id=request_id(request))
    except ActionError as reason:
        _refused(request, reason)
    return _back(place)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "the matrix lets nobody in who is not logged in"
    return request.user


def _theirs(request: HttpRequest, place_id: UUID) -> tuple[Place, Facts]:
    """The network or VPC, if it is theirs. Raises: Http404."""
    facts = facts_of(_person(request), only=place_id)
    if not facts.places:
        raise Http404("no such network")
    return facts.places[0], facts


def _start(place: Place, who: str, ref: str, at: datetime | None) -> bool:
    """Whether one was under way already."""
    if not place.network_ids or not place.routers:
        raise NotFound("nothing serves this network")
    # A VPC's one patch covers all its tiers: any of them names it.
    asked = PatchRequest(network_ids=tuple(place.network_ids), not_before=at)
    return start_live_patch(asked, actor=who, is_tenant=True, request_id=ref).joined


def _refused(request: HttpRequest, reason: ActionError) -> None:
    """In their words: what operators are told may name what is not theirs."""
    if isinstance(reason, RateLimited):
        minutes = max(1, -(-reason.retry_after_s // 60))
        says = ngettext(
            "This network was updated a moment ago. It can be updated again in %(n)s minute.",
            "This network was updated a moment ago. It can be updated again in %(n)s minutes.",
            minutes,
        )
        messages.error(request, says % {"n": figure(minutes)})
    else:
        messages.error(
            request,
            _("This cannot be done just now: look at what the network's card says, and try again later."),
        )


def _moment(request: HttpRequest, place: Place, now: datetime) -> datetime:
    """What was typed into this card's line, on the clock of whoever typed it (script says where that is; without
    script it is UTC). Raises: ValidationError."""
    invalid = {
        "invalid": _("Give a day and a time, such as 2026-03-14 22:00."),
        "required": _("Choose a time first."),
    }
    line = DateTimeField(input_formats=MOMENTS, error_messages=invalid)
    typed_at: datetime = line.clean(typed(request, f"at-{place.id}"))
    east = typed(request, f"east-{place.id}")
    try:
        minutes = int(east) if east else 0
        at = typed_at.replace(tzinfo=UTC) - timedelta(
            minutes=max(-MINUTES_EAST_MAX, min(MINUTES_EAST_MAX, minutes))
        )
    except (ValueError, OverflowError):
        raise ValidationError(invalid["invalid"]) from None
    if at > now + LATER_MAX:
        raise ValidationError(_("Give a moment within a year."))
    if at < timezone.now() - timedelta(minutes=1):
        raise ValidationError(_("That moment has passed: choose a later one, or update now."))
    return at


def _back(place: Place) -> HttpResponse:
    return HttpResponseRedirect(f"{reverse('portal')}#net-{place.id}", status=303)
