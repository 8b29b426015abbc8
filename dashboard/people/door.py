"""Who cannot log in although the password is right."""

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest


class DemoIsOver:
    """An authentication backend that lets nobody in: it keeps demo users out where PITSTOP_DEMO is 0.

    It asks only for the name; the one behind it looks at the password.
    """

    def authenticate(self, request: HttpRequest | None, username: str | None = None, **_: Any) -> None:
        """Raises: PermissionDenied, which ends the login as a wrong password does."""
        if username is None:
            return
        person = get_user_model().objects.filter(username=username).first()
        if person is not None and not person.may_come_in and person.is_active:
            raise PermissionDenied
