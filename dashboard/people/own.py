"""What each person may change alone: the password, and where else they are logged in."""

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from dashboard.models import User
from dashboard.people.changes import PART, about
from maintenance.actions.errors import BadInput
from maintenance.feed import unit_of_work


def change_password(person: User, *, old: str, new: str, again: str, request_id: str = "") -> None:
    """The new password holds; every other session ends. The caller keeps the session it came with.

    Raises: BadInput naming the field.
    """
    if not person.check_password(old):
        raise BadInput(_("This is not your password."), field="old")
    if new != again:
        raise BadInput(_("The two are not the same."), field="again")
    if new == old:
        raise BadInput(_("This is the password you have."), field="new")
    try:
        validate_password(new, person)
    except ValidationError as reason:
        raise BadInput(" ".join(reason.messages), field="new") from reason
    with unit_of_work(person.username, request_id=request_id) as work:
        locked = User.objects.select_for_update(no_key=True).get(pk=person.pk)
        locked.set_password(new)
        locked.must_change_password = False
        locked.save(update_fields=["password", "must_change_password"])
        work.audit("own password changed", about(person))
        work.event("settings.changed", {"part": PART, "person": str(person.key)})
    person.password, person.must_change_password = locked.password, False


def log_out_elsewhere(person: User, *, request_id: str = "") -> None:
    """Every session of this person ends; the caller keeps the one it came with. Tokens stay."""
    with unit_of_work(person.username, request_id=request_id) as work:
        locked = User.objects.select_for_update(no_key=True).get(pk=person.pk)
        locked.session_epoch += 1
        locked.save(update_fields=["session_epoch"])
        work.audit("logged out elsewhere", about(person))
    person.session_epoch = locked.session_epoch
