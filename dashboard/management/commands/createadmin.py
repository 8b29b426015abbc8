"""manage.py createadmin NAME: the first real administrator, or another one."""

import getpass
import os
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError

from dashboard.models import Role, User

PASSWORD_VARIABLE = "PITSTOP_ADMIN_PASSWORD"


class Command(BaseCommand):
    help = (
        "Makes an administrator who can log in. Asks for the password; where nobody can be asked, it is read from "
        f"{PASSWORD_VARIABLE}."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("--email", default="")

    def handle(self, *args: Any, name: str, email: str, **options: Any) -> None:
        if User.objects.filter(username=name).exists():
            raise CommandError(f"there is already somebody called {name}")
        user = User(username=name, email=email, role=Role.ADMINISTRATOR)
        try:
            user.clean_fields(exclude=["password"])
            password = _password()
            validate_password(password, user)
        except ValidationError as reason:
            raise CommandError(" ".join(reason.messages)) from reason
        user.set_password(password)
        try:
            user.save()
        except IntegrityError:
            raise CommandError(f"somebody called {name} was made just now") from None
        self.stdout.write(f"{name} is an administrator and can log in")


def _password() -> str:
    if chosen := os.environ.get(PASSWORD_VARIABLE):
        return chosen
    if not sys.stdin.isatty():
        raise CommandError(f"there is nobody to ask for a password: set {PASSWORD_VARIABLE}")
    password = getpass.getpass("Password: ")
    if getpass.getpass("Again: ") != password:
        raise CommandError("the two passwords differ")
    return password
