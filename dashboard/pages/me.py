"""One's own page: role, password, tokens, and being logged in elsewhere. And the first person of all."""

from uuid import UUID, uuid4

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from dashboard.access import NEWCOMER, READERS, TENANTS, principal
from dashboard.models import User
from dashboard.pages.asked import number, typed, uuid_or_none
from dashboard.pages.buttons import press
from dashboard.people import first, own, tokens
from dashboard.people.changes import PersonGiven
from dashboard.requests import request_id
from dashboard.screens.feed_head import feed_head
from dashboard.screens.frame import role_word
from dashboard.screens.settings.roles import role_says
from dashboard.screens.settings.tokens import days, own_tokens
from maintenance.actions import ActionError, BadInput

# Whoever may not read the console gets the page without its navigation, and nothing live.
CONSOLE, DOOR = "settings/me.html", "settings/me_door.html"


@require_safe
def me(request: HttpRequest) -> HttpResponse:
    return _me(request)


@sensitive_post_parameters("old", "new", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """POST: the new password holds, and every other session ends."""
    if request.method != "POST":
        return _me(request)
    person = _person(request)
    try:
        own.change_password(
            person,
            old=request.POST.get("old", "")[:1024],
            new=request.POST.get("new", "")[:1024],
            again=request.POST.get("again", "")[:1024],
            request_id=request_id(request),
        )
    except BadInput as reason:
        return _me(request, errors={reason.field: str(reason)}, status=400)
    update_session_auth_hash(request, person)
    messages.success(request, _("Your new password holds. Everywhere else you are logged out."))
    return HttpResponseRedirect(reverse("me"), status=303)


@require_POST
def sessions(request: HttpRequest) -> HttpResponse:
    """Everywhere else is logged out. Only the button's own word does it."""
    person = _person(request)
    if request.POST.get("log_out") == "elsewhere":
        own.log_out_elsewhere(person, request_id=request_id(request))
        update_session_auth_hash(request, person)
        messages.success(request, _("Everywhere else you are logged out."))
    return HttpResponseRedirect(reverse("me"), status=303)


@require_http_methods(["GET", "HEAD", "POST"])
def make_token(request: HttpRequest) -> HttpResponse:
    """POST: a token, shown in this answer and never again; GET leads to one's own page."""
    if request.method != "POST":
        return HttpResponseRedirect(reverse("me"), status=303)
    note_id = uuid_or_none(request.POST.get("token", "")) or uuid4()
    name = typed(request, "name")
    try:
        made = tokens.make_token(
            _person(request),
            name=name,
            days=number(request.POST.get("days", ""), least=0),
            note_id=note_id,
            request_id=request_id(request),
        )
    except BadInput as reason:
        return _me(request, token_errors={reason.field: str(reason)}, name=name, status=400)
    except ActionError as reason:
        return _me(request, token_errors={"name": str(reason)}, name=name, status=409)
    return _me(request, made=made, name=name)


@require_POST
def revoke_token(request: HttpRequest, token_id: UUID) -> HttpResponse:
    person = _person(request)
    return press(
        request,
        lambda _who, ref: tokens.revoke_token(token_id, actor=person, is_own=True, request_id=ref),
        reverse("me"),
    )


def _me(
    request: HttpRequest,
    *,
    errors: dict[str, str] | None = None,
    token_errors: dict[str, str] | None = None,
    made: str = "",
    name: str = "",
    status: int = 200,
) -> HttpResponse:
    seq = feed_head()
    person, who = _person(request), principal(request.user)
    return render(
        request,
        CONSOLE if who in READERS else DOOR,
        {
            "seq": seq,
            "topic": f"me:{person.key}",
            "person": person,
            "role": role_word(person.role) or _("no role"),
            "role_says": role_says(person.role),
            "is_newcomer": who == NEWCOMER,
            "is_tenant": who in TENANTS,
            "errors": errors or {},
            "token_errors": token_errors or {},
            "made": made,
            "made_name": name,
            "token_id": uuid4(),
            "days": days(),
            "tokens": own_tokens(person) if who in READERS else [],
        },
        status=status,
    )


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User), "the access matrix lets no anonymous person in here"
    return request.user


# ---- an installation without people --------------------------------------------------------------------------------


@sensitive_post_parameters("code", "new", "again")
@require_http_methods(["GET", "HEAD", "POST"])
def first_run(request: HttpRequest) -> HttpResponse:
    """The first administrator is made here, by whoever can read the machine's setup code; then this page is no more."""
    if not first.is_empty():
        return HttpResponseRedirect(reverse("overview"), status=303)
    if request.method != "POST":
        first.setup_code()
        return _first(request, {}, {})
    given = {field: typed(request, field) for field in ("username", "name", "email")}
    try:
        first.make_first_administrator(
            given["username"],
            PersonGiven(given["name"], given["email"], "administrator"),
            code=request.POST.get("code", "")[:200].strip(),
            password=request.POST.get("new", "")[:1024],
            again=request.POST.get("again", "")[:1024],
            request_id=request_id(request),
        )
    except BadInput as reason:
        return _first(request, given, {reason.field: str(reason)}, status=400)
    return render(request, "settings/first_done.html", {"username": given["username"]})


def _first(
    request: HttpRequest, given: dict[str, str], errors: dict[str, str], *, status: int = 200
) -> HttpResponse:
    return render(
        request,
        "settings/first_run.html",
        {"given": given, "errors": errors, "code_file": first.CODE_FILE},
        status=status,
    )
