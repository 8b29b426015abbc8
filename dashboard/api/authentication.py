"""Programs come with `Authorization: Token …`, the pages' own requests with the session's cookie and a CSRF token."""

import re
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from knox.auth import TokenAuthentication
from knox.crypto import hash_token
from knox.models import get_token_model
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed

from dashboard.models import TokenNote

NO_TOKEN = "this token is unknown or has ended; get a new one with POST /api/v1/auth/token/"
USE_TOLD_EVERY = timedelta(minutes=1)
TOKEN = re.compile(rb"[0-9A-Za-z]{1,128}")


class Tokens(TokenAuthentication):
    """knox's tokens (kept hashed); whatever cannot be one is refused before it is looked up. Those that have ended go
    when their person makes the next (people/tokens.py)."""

    def authenticate_credentials(self, token: bytes) -> Any:
        """By its digest, which is all that is kept: one question to the database, and one write a minute."""
        if not TOKEN.fullmatch(token):
            raise AuthenticationFailed(NO_TOKEN)
        now, digest = timezone.now(), hash_token(token.decode("ascii"))
        found = get_token_model().objects.select_related("user", "note").filter(digest=digest).first()
        if found is None or not found.user.is_active or (found.expiry is not None and found.expiry <= now):
            raise AuthenticationFailed(NO_TOKEN)
        note = getattr(found, "note", None)
        if note is not None and (note.used_at is None or note.used_at < now - USE_TOLD_EVERY):
            _note_use(digest, now)
        return found.user, found


def _note_use(digest: str, now: datetime) -> None:
    """When a token was last used, to the minute, however often it is used."""
    stale = Q(used_at=None) | Q(used_at__lt=now - USE_TOLD_EVERY)
    TokenNote.objects.filter(stale, token_id=digest).update(used_at=now)


class Sessions(SessionAuthentication):
    """The browser's session; every write needs the CSRF token."""


class TokensInSchema(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names it."""

    target_class = Tokens
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Token …`, as POST auth/token/ gives it",
        }


class SessionsInSchema(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = Sessions
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME}
