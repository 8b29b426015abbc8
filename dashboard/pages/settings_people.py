"""Settings: people, one person, new ones, what each role may do, demo users."""

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.models import Role, User
from dashboard.pages.asked import number, typed, words
from dashboard.pages.buttons import press
from dashboard.pages.settings_shown import as_seen, meanwhile, seen, settings_page
from dashboard.people import changes, demo, memberships
from dashboard.people.changes import PersonGiven
from dashboard.requests import request_id
from dashboard.screens.feed_head import feed_head
from dashboard.screens.frame import role_word
from dashboard.screens.settings import people as screen
from dashboard.screens.settings.roles import roles
from maintenance.actions import ActionError, BadInput, NotFound
from maintenance.actions.meanwhile import ChangedMeanwhile

ONE_TIME, CHOSEN = "one-time", "chosen"


@require_safe
def people(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    shown = screen.people(
        words(request, "search"), words(request, "show", 20), number(request.GET.get("page", ""))
    )
    return settings_page(
        request,
        "settings/people.html",
        "settings-people",
        {"seq": seq, "people": shown, "list": shown, "verdict": screen.people_verdict()},
    )


@require_safe
def roles_explained(request: HttpRequest) -> HttpResponse:
    seq = feed_head()
    return settings_page(request, "settings/roles.html", "settings-roles", {"seq": seq, "roles": roles()})


@require_http_methods(["GET", "HEAD", "POST"])
def person_new(request: HttpRequest) -> HttpResponse:
    """GET: the form. POST: the person, with the one-time password if there is one; it is shown only now."""
    if request.method != "POST":
        return _new(request, {"role": Role.VIEWER, "kind": ONE_TIME}, {})
    given = {name: typed(request, name) for name in ("username", "name", "email", "role", "kind")}
    password, is_one_time = _password(request)
    try:
        person = changes.create_person(
            given["username"],
            _given(request),
            password=password,
            must_change=is_one_time,
            actor=request.user.get_username(),
            request_id=request_id(request),
        )
    except BadInput as reason:
        return _new(request, given, {reason.field: str(reason)}, status=400)
    return _person(request, person, secret=password if is_one_time else "", is_new=True)


@require_http_methods(["GET", "HEAD", "POST"])
def person(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """GET: the person. POST: name, mail address and role."""
    if request.method != "POST":
        return _person(request, _found(person_id))
    given = _given(request)
    try:
        changes.change_person(
            person_id,
            given,
            seen=seen(request),
            actor=request.user.get_username(),
            request_id=request_id(request),
        )
    except NotFound as reason:
        raise Http404(str(reason)) from reason
    except BadInput as reason:
        return _person(
            request, _found(person_id), given=given, errors={reason.field: str(reason)}, status=400
        )
    except ChangedMeanwhile as reason:
        return _person(request, _found(person_id), given=given, changed=reason, status=409)
    except ActionError as reason:
        return _person(request, _found(person_id), given=given, errors={"role": str(reason)}, status=409)
    messages.success(request, _("Saved."))
    return HttpResponseRedirect(reverse("settings-person", args=[person_id]), status=303)


@require_http_methods(["GET", "HEAD", "POST"])
def person_password(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """POST: a new password. A one-time password is shown in the answer and never again; GET leads to the person."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("settings-person", args=[person_id]), status=303)
    password, is_one_time = _password(request)
    try:
        found = changes.set_password(
            person_id,
            password,
            must_change=is_one_time or bool(request.POST.get("must_change")),
            actor=request.user.get_username(),
            request_id=request_id(request),
        )
    except NotFound as reason:
        raise Http404(str(reason)) from reason
    except BadInput as reason:
        return _person(request, _found(person_id), errors={"password": str(reason)}, status=400)
    except ActionError as reason:
        return _person(request, _found(person_id), errors={"password": str(reason)}, status=409)
    if is_one_time:
        return _person(request, found, secret=password)
    messages.success(request, _("The new password holds. Everywhere they were logged in has ended."))
    return HttpResponseRedirect(reverse("settings-person", args=[person_id]), status=303)


@require_POST
def person_deactivate(request: HttpRequest, person_id: UUID) -> HttpResponse:
    return _press(
        request, person_id, lambda who, ref: changes.deactivate(person_id, actor=who, request_id=ref)
    )


@require_POST
def person_activate(request: HttpRequest, person_id: UUID) -> HttpResponse:
    return _press(request, person_id, lambda who, ref: changes.activate(person_id, actor=who, request_id=ref))


@require_POST
def person_unlock(request: HttpRequest, person_id: UUID) -> HttpResponse:
    return _press(request, person_id, lambda who, ref: changes.unlock(person_id, actor=who, request_id=ref))


@require_POST
def membership_add(request: HttpRequest, person_id: UUID) -> HttpResponse:
    account = request.POST.get("account", "")
    return _press(
        request,
        person_id,
        lambda who, ref: memberships.add_membership(person_id, account, actor=who, request_id=ref),
    )


@require_POST
def membership_remove(request: HttpRequest, membership_id: UUID) -> HttpResponse:
    return press(
        request,
        lambda who, ref: memberships.remove_membership(membership_id, actor=who, request_id=ref),
        reverse("settings-people"),
    )


@require_POST
def demo_off(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User), "the access matrix lets only administrators in here"
    actor = request.user
    return press(
        request, lambda _who, ref: demo.switch_off(actor=actor, request_id=ref), reverse("settings-people")
    )


# ---- shared ----------------------------------------------------------------------------------------------------------


def _press(request: HttpRequest, person_id: UUID, act: Callable[[str, str], object]) -> HttpResponse:
    return press(request, act, reverse("settings-person", args=[person_id]))


def _found(person_id: UUID) -> User:
    found = User.objects.filter(key=person_id).first()
    if found is None:
        raise Http404("nobody has this id")
    return found


def _given(request: HttpRequest) -> PersonGiven:
    return PersonGiven(
        name=typed(request, "name"), email=typed(request, "email"), role=typed(request, "role")
    )


def _password(request: HttpRequest) -> tuple[str, bool]:
    """The password, and whether it is a one-time one that we made."""
    if request.POST.get("kind", ONE_TIME) == CHOSEN:
        return request.POST.get("password", "")[:1024], False
    return changes.one_time_password(), True


def _new(
    request: HttpRequest, given: dict[str, str], errors: dict[str, str], *, status: int = 200
) -> HttpResponse:
    return settings_page(
        request,
        "settings/person_new.html",
        "settings-people",
        {"given": given, "errors": errors, "roles": _roles(given.get("role", ""))},
        topic="settings",
        status=status,
    )


def _roles(chosen: str) -> list[tuple[str, str, bool]]:
    return [(role.value, role_word(role.value), role.value == chosen) for role in Role]


def _person(
    request: HttpRequest,
    found: User,
    *,
    given: PersonGiven | None = None,
    errors: dict[str, str] | None = None,
    changed: ChangedMeanwhile | None = None,
    secret: str = "",
    is_new: bool = False,
    status: int = 200,
) -> HttpResponse:
    seq = feed_head()
    shown = screen.person_page(found)
    values = changes.values(found)
    form = given or PersonGiven(**values)
    return settings_page(
        request,
        "settings/person.html",
        "settings-people",
        {
            "seq": seq,
            "page": shown,
            "head": shown.head,
            "memberships": shown.memberships,
            "tokens": shown.tokens,
            "history": shown.history,
            "given": form,
            "roles": _roles(form.role),
            "errors": errors or {},
            "meanwhile": meanwhile(changed) if changed else None,
            "seen": as_seen(values),
            "secret": secret,
            "is_new": is_new,
            "is_you": found.pk == request.user.pk,
        },
        topic=f"person:{found.key}",
        status=status,
    )
