"""The first administrator of an installation without people.

Whoever opens the page first must not own the console: they must also read a code that lies in a file which only the
account of Pitstop (and root) may read. `manage.py createadmin` is the other way, and needs no browser.
"""

from django.conf import settings
from django.db import connection
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from dashboard.environment import kept_secret
from dashboard.models import Role, User
from dashboard.people.changes import PersonGiven, create_person
from maintenance.actions.errors import BadInput

CODE_FILE = "setup-code"  # in Pitstop's var folder
LOCK = 0x70697473_66697273  # "pitsfirs": one first administrator


def is_empty() -> bool:
    """Whether nobody was ever made here."""
    return not User.objects.exists()


def setup_code() -> str:
    """Made on the first call (0600). Each machine has its own."""
    return kept_secret(settings.VAR_DIR / CODE_FILE)


def make_first_administrator(
    username: str, given: PersonGiven, *, code: str, password: str, again: str, request_id: str = ""
) -> User:
    """Somebody who may everything; the code is worth nothing any more. Raises: BadInput naming the field."""
    if not constant_time_compare(code, setup_code()):
        raise BadInput(_("This is not the code in the file."), field="code")
    if password != again:
        raise BadInput(_("The two are not the same."), field="again")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        try:
            if not is_empty():
                raise BadInput(_("Somebody was faster. Ask them to let you in."), field="code")
            person = create_person(
                username,
                PersonGiven(given.name, given.email, Role.ADMINISTRATOR),
                password=password,
                must_change=False,
                actor=username[:150] or "?",
                request_id=request_id,
            )
        except BadInput as reason:
            raise _in_words_of_this_form(reason) from reason
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
    (settings.VAR_DIR / CODE_FILE).unlink(missing_ok=True)
    return person


def _in_words_of_this_form(reason: BadInput) -> BadInput:
    return BadInput(reason.message, field="new" if reason.field == "password" else reason.field)
