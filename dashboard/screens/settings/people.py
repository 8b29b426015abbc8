"""People: the list, one person, and what is told when two administrators change the same one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from urllib.parse import urlencode

from axes.models import AccessAttempt
from django.conf import settings
from django.db.models import Count, Q, QuerySet
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.models import Membership, Role, TokenNote, User
from dashboard.people import changes
from dashboard.people.memberships import Account, listed_accounts
from dashboard.people.tokens import living
from dashboard.screens.actions import Action
from dashboard.screens.events.timeline import EventRow, row_of
from dashboard.screens.frame import role_word
from dashboard.screens.marks import NEEDS_PERSON, Mark
from dashboard.screens.settings.tokens import TokenRow, tokens_of
from dashboard.screens.words import count, figure
from maintenance.models import AuditEntry

PAGE = 50
HISTORY = 10
ACTIVE, INACTIVE = "active", "inactive"


@dataclass(frozen=True, slots=True)
class PersonRow:
    key: str
    url: str
    username: str
    name: str
    role: str
    mark: Mark
    says: str  # what more there is to know: a demo user, a password to change
    last_login: datetime | None
    belongs: str


@dataclass(frozen=True, slots=True)
class People:
    rows: list[PersonRow]
    search: str
    show: str
    shows: list[tuple[str, str, bool]]
    is_whole: bool  # unfiltered and the first page: pushed as it is
    page: int
    pages: int
    previous: str
    next: str


@dataclass(frozen=True, slots=True)
class PeopleVerdict:
    says: str
    then: str


def people_verdict() -> PeopleVerdict:
    found = User.objects.aggregate(
        active=Count("id", filter=Q(is_active=True)),
        admins=Count("id", filter=Q(is_active=True, role=Role.ADMINISTRATOR)),
        inactive=Count("id", filter=Q(is_active=False)),
    )
    admins = ngettext(
        "%(n)s of them is an administrator.", "%(n)s of them are administrators.", found["admins"]
    )
    then = admins % {"n": figure(found["admins"])}
    if found["inactive"]:
        then += " " + _("%(people)s deactivated.") % {"people": figure(found["inactive"])}
    return PeopleVerdict(_("%(people)s can log in.") % {"people": count(found["active"], "person")}, then)


def people(search: str, show: str, page: int) -> People:
    found = User.objects.order_by("-is_active", "username")
    if search:
        found = found.filter(
            Q(username__icontains=search) | Q(first_name__icontains=search) | Q(email__icontains=search)
        )
    show = show if show in {ACTIVE, INACTIVE, *Role.values} else ""
    if show in {ACTIVE, INACTIVE}:
        found = found.filter(is_active=show == ACTIVE)
    elif show:
        found = found.filter(role=show)
    pages = max(1, ceil(found.count() / PAGE))
    page = min(page, pages)
    rows = found.annotate(belongs=Count("memberships"))[(page - 1) * PAGE : page * PAGE]
    words = {"": _("All"), ACTIVE: _("Active"), INACTIVE: _("Deactivated")}
    words |= {role: role_word(role).capitalize() for role in Role.values}

    def url(to: int) -> str:
        asked = {"search": search, "show": show, "page": str(to) if to > 1 else ""}
        return "?" + urlencode({name: value for name, value in asked.items() if value})

    return People(
        rows=_rows(rows),
        search=search,
        show=show,
        shows=[(value, text, value == show) for value, text in words.items()],
        is_whole=not search and not show and page == 1,
        page=page,
        pages=pages,
        previous=url(page - 1) if page > 1 else "",
        next=url(page + 1) if page < pages else "",
    )


def _rows(found: QuerySet[User]) -> list[PersonRow]:
    return [
        PersonRow(
            key=str(person.key),
            url=reverse("settings-person", args=[person.key]),
            username=person.username,
            name=person.first_name,
            role=role_word(person.role) or _("no role"),
            mark=person_mark(person),
            says=_says(person),
            last_login=person.last_login,
            belongs=figure(getattr(person, "belongs", 0)) if person.role == Role.TENANT else "",
        )
        for person in found
    ]


def person_mark(person: User) -> Mark:
    """Whether this person can log in."""
    if not person.is_active:
        return Mark("Skipped", _("Deactivated"), "skipped")
    if not person.may_come_in:
        return Mark("Skipped", _("Off: no demo"), "skipped")
    if person.is_demo:
        return Mark(NEEDS_PERSON.state, _("Demo user"), NEEDS_PERSON.glyph)
    return Mark("Up", _("Active"), "done")


def _says(person: User) -> str:
    if person.is_demo and person.may_come_in:
        return _("whoever started the demo knows the password")
    return _("must choose a password at the next login") if person.must_change_password else ""


# ---- one person ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PersonHead:
    person: User
    mark: Mark
    says: str
    role: str
    locked_until: datetime | None
    actions: list[Action]


@dataclass(frozen=True, slots=True)
class Memberships:
    rows: list[Membership]
    is_tenant: bool


@dataclass(frozen=True, slots=True)
class PersonPage:
    person: User
    head: PersonHead
    memberships: Memberships
    accounts: list[Account]
    tokens: list[TokenRow]
    history: list[EventRow]


def person_page(person: User) -> PersonPage:
    return PersonPage(
        person=person,
        head=person_head(person),
        memberships=memberships_of(person),
        accounts=listed_accounts() if person.role == Role.TENANT else [],
        tokens=tokens_of(person),
        history=history_of(person),
    )


def person_head(person: User) -> PersonHead:
    return PersonHead(
        person,
        person_mark(person),
        _says(person),
        role_word(person.role) or _("no role"),
        locked_until(person),
        _actions(person),
    )


def _actions(person: User) -> list[Action]:
    def to(route: str) -> str:
        return reverse(route, args=[person.key])

    if not person.is_active:
        says = _("%(name)s can log in again, with the password of before.") % {"name": person.username}
        return [Action(_("Activate"), "refresh", to("settings-person-activate"), says)]
    tokens = TokenNote.objects.filter(living(), token__user=person).count()
    says = _("Open pages of %(name)s close within seconds. Nothing that was started stops.") % {
        "name": person.username
    }
    if tokens:
        ends = ngettext("%(n)s API token ends with it.", "%(n)s API tokens end with it.", tokens)
        says += " " + ends % {"n": figure(tokens)}
    label = _("Deactivate…")
    confirm = _("Deactivate %(name)s") % {"name": person.username}
    off = Action(label, "stop", to("settings-person-deactivate"), says, kind="danger", confirm=confirm)
    if person.role == Role.ADMINISTRATOR and not changes.other_administrators(person):
        off = off.unless(_("This is the last active administrator. Make another one first."))
    found = [off]
    if locked_until(person):
        says = _("Wrong passwords are forgotten: %(name)s may try again now.") % {"name": person.username}
        found.append(Action(_("Unlock"), "refresh", to("settings-person-unlock"), says))
    return found


def locked_until(person: User) -> datetime | None:
    """When wrong passwords are forgotten by themselves; None: not locked."""
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    attempts = AccessAttempt.objects.filter(
        username=person.username,
        failures_since_start__gte=settings.AXES_FAILURE_LIMIT,
        attempt_time__gt=since,
    )
    last = attempts.order_by("-attempt_time").values_list("attempt_time", flat=True).first()
    return last + settings.AXES_COOLOFF_TIME if last else None


def memberships_of(person: User) -> Memberships:
    rows = person.memberships.select_related("cloud").order_by("cloud__name", "domain", "account")
    return Memberships(list(rows), person.role == Role.TENANT)


def history_of(person: User) -> list[EventRow]:
    """The latest acts about this person."""
    about = AuditEntry.objects.filter(object__contains={"person": str(person.key)}).order_by("-number")
    return [row_of(entry) for entry in about[:HISTORY]]


def field_words() -> Mapping[str, str]:
    """What forms call the values that they change."""
    return {
        "name": _("Name"),
        "email": _("Mail address"),
        "role": _("Role"),
        "poll_s": _("Read every"),
        "unknown_s": _("Known for"),
        "mail_to": _("Mail goes to"),
        "webhook_url": _("Webhook"),
        "secret_end": _("Signing secret"),
        "muted": _("Not told"),
    }
