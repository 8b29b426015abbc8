"""What administrators change about people. Nobody is deleted, nobody locks everybody out."""

import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from axes.utils import reset as forget_wrong_passwords
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext as _
from knox.models import get_token_model

from dashboard.models import Role, User
from maintenance.actions.errors import BadInput, Conflict, NotFound
from maintenance.actions.meanwhile import check_seen
from maintenance.feed import UnitOfWork, unit_of_work

PART = "people"  # of the settings pages
# Said aloud and typed from paper: no 0 and O, no 1, l and I.
_LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 5, 4


@dataclass(frozen=True, slots=True)
class PersonGiven:
    """What a form says about somebody. `name` is how they are called, not what they log in with."""

    name: str
    email: str
    role: str


def about(person: User) -> dict[str, str]:
    """What audit and feed call this person."""
    return {"person": str(person.key), "person_name": person.username}


def values(person: User) -> dict[str, str]:
    """What one form shows and changes together."""
    return {"name": person.first_name, "email": person.email, "role": person.role}


def one_time_password() -> str:
    """100 bits, in groups that can be read aloud."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(_GROUP)) for _ in range(_GROUPS))


def create_person(
    username: str,
    given: PersonGiven,
    *,
    password: str,
    must_change: bool,
    actor: str,
    request_id: str = "",
) -> User:
    """Somebody who can log in at once. Raises: BadInput naming the field."""
    person = User(username=User.normalize_username(username), must_change_password=must_change)
    _take(person, given)
    if User.objects.filter(username__iexact=person.username).exists():
        raise BadInput(_("Somebody has this name already; names are never used again."), field="username")
    _set_password(person, password)
    try:
        with unit_of_work(actor, request_id=request_id) as work:
            person.save(force_insert=True)
            work.audit(
                "person made", about(person), after={**values(person), "must_change_password": must_change}
            )
            _ring(work, person)
    except IntegrityError as reason:
        raise BadInput(_("Somebody got this name just now."), field="username") from reason
    return person


def change_person(
    key: UUID, given: PersonGiven, *, seen: Mapping[str, str], actor: str, request_id: str = ""
) -> User:
    """Name, mail address and role are as given; another role ends open sessions' rights at once.

    Raises: NotFound, BadInput, Conflict (the last administrator, oneself), ChangedMeanwhile.
    """
    with _changing(key, actor, request_id) as (work, person):
        before = values(person)
        check_seen(seen, before, about={"person": str(person.key)})
        if given.role != person.role:
            _keep_an_administrator(person, actor, _("change your own role"))
        _take(person, given)
        person.save(update_fields=["first_name", "email", "role"])
        after = values(person)
        changed = [name for name in after if after[name] != before[name]]
        if changed:
            work.audit(
                "person changed",
                about(person),
                before={name: before[name] for name in changed},
                after={name: after[name] for name in changed},
            )
            _ring(work, person)
    return person


def set_password(key: UUID, password: str, *, must_change: bool, actor: str, request_id: str = "") -> User:
    """A new password; everywhere they are logged in ends. Wrong ones typed before are forgotten.

    Raises: NotFound, BadInput, Conflict.
    """
    with _changing(key, actor, request_id) as (work, person):
        if person.username == actor:
            raise Conflict(_("change your own password on your own page, where the old one is asked for"))
        _set_password(person, password)
        person.must_change_password = must_change
        person.save(update_fields=["password", "must_change_password"])
        work.audit("person: new password", about(person), after={"must_change_password": must_change})
        _ring(work, person)
    forget_wrong_passwords(username=person.username)
    return person


def deactivate(key: UUID, *, actor: str, request_id: str = "") -> User:
    """They cannot log in; sessions and tokens are worth nothing from now on, open pages close within seconds.

    Raises: NotFound, Conflict (the last administrator, oneself).
    """
    with _changing(key, actor, request_id) as (work, person):
        if person.is_active:
            _keep_an_administrator(person, actor, _("deactivate yourself"))
            close_door(work, person)
    return person


def close_door(work: UnitOfWork, person: User) -> None:
    """The person is out: written, audited and told in this unit of work."""
    person.is_active = False
    person.session_epoch += 1  # what was open stays closed also after they are activated again
    person.save(update_fields=["is_active", "session_epoch"])
    ended, _by_kind = get_token_model().objects.filter(user=person).delete()
    work.audit("person deactivated", about(person), before={"active": True}, after={"active": False})
    _ring(work, person)
    if ended:
        work.event("settings.changed", {"part": "tokens"})


def activate(key: UUID, *, actor: str, request_id: str = "") -> User:
    """They can log in again, with the password they had. Raises: NotFound."""
    with _changing(key, actor, request_id) as (work, person):
        if not person.is_active:
            person.is_active = True
            person.save(update_fields=["is_active"])
            work.audit("person activated", about(person), before={"active": False}, after={"active": True})
            _ring(work, person)
    return person


def let_in_again(key: UUID, *, password: str, must_change: bool, actor: str) -> User:
    """An active administrator with this password, whatever they were: for whoever has a shell on the machine.

    Raises: NotFound, BadInput.
    """
    with _changing(key, actor, "") as (work, person):
        before = {**values(person), "active": person.is_active}
        _set_password(person, password)
        person.role, person.is_active, person.is_demo = Role.ADMINISTRATOR, True, False
        person.must_change_password = must_change
        person.save(update_fields=["password", "role", "is_active", "is_demo", "must_change_password"])
        work.audit("person changed", about(person), before=before, after={**values(person), "active": True})
        work.audit("person: new password", about(person), after={"must_change_password": must_change})
        _ring(work, person)
    return person


def unlock(key: UUID, *, actor: str, request_id: str = "") -> User:
    """Wrong passwords are forgotten: they may try again now. Raises: NotFound."""
    with _changing(key, actor, request_id) as (work, person):
        work.audit("person unlocked", about(person))
        _ring(work, person)
    forget_wrong_passwords(username=person.username)
    return person


# ---- rules ---------------------------------------------------------------------------------------------------------


@contextmanager
def _changing(key: UUID, actor: str, request_id: str) -> Iterator[tuple[UnitOfWork, User]]:
    """The person, locked together with every administrator: two who put each other out would leave nobody.

    Raises: NotFound.
    """
    with unit_of_work(actor, request_id=request_id) as work:
        locked = User.objects.select_for_update(no_key=True).order_by("id")
        list(locked.filter(role=Role.ADMINISTRATOR).values_list("id"))
        person = locked.filter(key=key).first()
        if person is None:
            raise NotFound(f"nobody has the id {key}")
        yield work, person


def _keep_an_administrator(person: User, actor: str, what: str) -> None:
    """Raises: Conflict."""
    if person.username == actor:
        raise Conflict(_("you cannot %(what)s; another administrator can") % {"what": what})
    if person.role == Role.ADMINISTRATOR and person.may_come_in and not other_administrators(person):
        raise Conflict(
            _("%(person)s is the last active administrator; make another one first")
            % {"person": person.username}
        )


def other_administrators(person: User) -> list[User]:
    """The other administrators who can log in."""
    found = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True).exclude(id=person.id)
    return [other for other in found if other.may_come_in]


def _take(person: User, given: PersonGiven) -> None:
    """Raises: BadInput naming the first field that cannot be used."""
    if given.role not in Role.values:
        raise BadInput(_("Choose a role: without one there is no access."), field="role")
    if not person.username:
        raise BadInput(_("Give the name that they log in with."), field="username")
    person.first_name, person.email, person.role = given.name, given.email, given.role
    try:
        person.clean_fields(exclude=["password"])
    except ValidationError as reason:
        name, messages = next(iter(reason.message_dict.items()))
        raise BadInput(" ".join(messages), field="name" if name == "first_name" else name) from reason


def _set_password(person: User, password: str) -> None:
    """Raises: BadInput."""
    try:
        validate_password(password, person)
    except ValidationError as reason:
        raise BadInput(" ".join(reason.messages), field="password") from reason
    person.set_password(password)


def _ring(work: UnitOfWork, person: User) -> None:
    work.event("settings.changed", {"part": PART, "person": str(person.key)})
