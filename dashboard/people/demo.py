"""The demo's users: everybody who started it knows their password."""

from django.utils.translation import gettext as _

from dashboard.models import Role, User
from dashboard.people.changes import close_door
from maintenance.actions.errors import Conflict
from maintenance.feed import unit_of_work


def open_demo_users() -> list[User]:
    """Those who can log in now."""
    found = User.objects.filter(is_demo=True, is_active=True).order_by("username")
    return [person for person in found if person.may_come_in]


def switch_off(*, actor: User, request_id: str = "") -> list[User]:
    """No demo user can log in; their sessions and tokens end. Raises: Conflict."""
    if actor.is_demo:
        raise Conflict(
            _(
                "you are logged in as a demo user yourself; make a real administrator, log in as that one, then switch"
            )
        )
    with unit_of_work(actor.username, request_id=request_id) as work:
        found = list(User.objects.select_for_update(no_key=True).filter(is_demo=True, is_active=True))
        if not found:
            raise Conflict(_("no demo user is on"))
        stay = User.objects.filter(role=Role.ADMINISTRATOR, is_active=True, is_demo=False)
        if not stay.exists():
            raise Conflict(_("no real administrator would be left; make one first"))
        for person in found:
            close_door(work, person)
    return found
