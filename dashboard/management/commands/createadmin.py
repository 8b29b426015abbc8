"""manage.py createadmin NAME: the first real administrator, another one, or the way back in when all are locked out."""

import getpass
import os
import sys
from typing import Any

from axes.utils import reset as forget_wrong_passwords
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import DatabaseError
from django.utils.translation import gettext as _

from dashboard.models import Role, User
from dashboard.people.changes import PersonGiven, create_person, let_in_again, one_time_password
from maintenance.actions.errors import BadInput

PASSWORD_VARIABLE = "PITSTOP_ADMIN_PASSWORD"
ACTOR = "manage.py createadmin"


class Command(BaseCommand):
    help = (
        "Makes an administrator who can log in. The password is asked for; where nobody can be asked, it is the first "
        f"line of standard input (--password-stdin) or {PASSWORD_VARIABLE}. With --one-time one is made and told, and "
        "another must be chosen at the first login. With --again somebody who is there already becomes an active "
        "administrator with a new password."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="what they log in with")
        parser.add_argument("--email", default="")
        parser.add_argument("--full-name", default="")
        parser.add_argument("--again", action="store_true", help="somebody who is there already")
        source = parser.add_mutually_exclusive_group()
        source.add_argument(
            "--password-stdin", action="store_true", help="read the password from standard input"
        )
        source.add_argument("--one-time", action="store_true", help="make a one-time password and print it")

    def handle(self, *args: Any, name: str, again: bool, one_time: bool, **options: Any) -> None:
        try:
            self._make(name, again=again, one_time=one_time, **options)
        except BadInput as reason:
            raise CommandError(f"{reason.field}: {reason}") from reason
        except DatabaseError as reason:
            raise CommandError(
                f"the database says: {str(reason).strip()}. Does it run, and did `manage.py migrate` run?"
            ) from reason

    def _make(self, name: str, *, again: bool, one_time: bool, **options: Any) -> None:
        """Raises: CommandError, BadInput."""
        found = User.objects.filter(username=name).first()
        if found is None and again:
            raise CommandError(
                _("there is nobody called %(name)s; leave --again out to make them") % {"name": name}
            )
        if found is not None and not again:
            raise CommandError(
                _(
                    "there is already somebody called %(name)s; with --again they get a new password and may everything"
                )
                % {"name": name}
            )
        if options["email"]:
            _check_email(options["email"])
        password = one_time_password() if one_time else _password(from_stdin=options["password_stdin"])
        if found is None:
            given = PersonGiven(options["full_name"], options["email"], Role.ADMINISTRATOR)
            create_person(name, given, password=password, must_change=one_time, actor=ACTOR)
        else:
            let_in_again(found.key, password=password, must_change=one_time, actor=ACTOR)
            forget_wrong_passwords(username=name)
        self.stdout.write(_("%(name)s is an administrator and can log in") % {"name": name})
        if one_time:
            self.stdout.write(_("one-time password: %(password)s") % {"password": password})


def _check_email(email: str) -> None:
    """Raises: CommandError."""
    try:
        validate_email(email)
    except ValidationError as reason:
        raise CommandError(_("“%(email)s” is no mail address") % {"email": email}) from reason


def _password(*, from_stdin: bool) -> str:
    """Raises: CommandError."""
    if from_stdin:
        line = sys.stdin.readline().rstrip("\r\n")
        if not line:
            raise CommandError(_("standard input holds no password"))
        return line
    if chosen := os.environ.get(PASSWORD_VARIABLE):
        return chosen
    if not sys.stdin.isatty():
        raise CommandError(
            _(
                "there is nobody to ask for a password: set %(variable)s, or use --password-stdin or --one-time"
            )
            % {"variable": PASSWORD_VARIABLE}
        )
    password = getpass.getpass(_("Password: "))
    if getpass.getpass(_("Again: ")) != password:
        raise CommandError(_("the two passwords differ"))
    return password
