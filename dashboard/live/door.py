"""The door of every socket: from where, and whose.

Browsers come with their session's cookie, or a wall's, and must send one of our own origins; programs come with
`Authorization: Token …` and need no origin. Those who come at the same moment are looked up together.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.http import parse_cookie
from django.utils.crypto import constant_time_compare
from knox.crypto import hash_token

from dashboard.access import WALL, Person
from dashboard.asgi_types import Application, Receive, Scope, Send
from dashboard.live import database, walls
from dashboard.live.asked_together import AskedTogether
from dashboard.live.limits import one_more_from, person_may_come
from dashboard.live.people import NOT_YOURS, TRY_LATER, Credentials, may_follow, people_behind
from dashboard.models import User

GATHER_S = 0.05  # pages that come within this time of each other are looked up together
TOKEN = re.compile(r"token ([0-9a-z]{1,128})", re.I | re.ASCII)


class SocketDoor:
    """Puts `user` and `credentials` (None: anonymous) into the scope; refuses wrong origins before the handshake."""

    def __init__(self, inner: Application) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        address = str((scope.get("client") or [""])[0])
        if not _is_from_us(headers):
            await receive()
            await send({"type": "websocket.close", "code": NOT_YOURS, "reason": "origin"})
            return
        with one_more_from(address) as is_allowed:
            if is_allowed:
                await self._let_in(scope, receive, send, headers, address)
            else:
                await receive()
                await send(
                    {"type": "websocket.close", "code": TRY_LATER, "reason": "too many of this address"}
                )

    async def _let_in(
        self, scope: Scope, receive: Receive, send: Send, headers: dict[str, str], address: str
    ) -> None:
        try:
            user, credentials = await _who(headers, address)
        except database.DatabaseAway:
            await _turn_away(receive, send, "the database is away")
            return
        if credentials is not None and not person_may_come(credentials.owner):
            await _turn_away(receive, send, "too many new sockets of this person")
            return
        await self.inner({**scope, "user": user, "credentials": credentials}, receive, send)


async def _turn_away(receive: Receive, send: Send, reason: str) -> None:
    """In words that a browser's page is given, which a refused handshake has not."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
    await send({"type": "websocket.close", "code": TRY_LATER, "reason": reason})


async def no_such_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuses the handshake of an address that has no socket."""
    await receive()
    await send({"type": "websocket.close", "code": NOT_YOURS, "reason": "no such socket"})


def _headers(scope: Scope) -> dict[str, str]:
    """Header values by lower-case name; a repeated cookie header is one, any other repetition is ambiguous."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name in found:
            value = f"{found[name]}; {value}" if name == "cookie" else f"{found[name]}, {value}"
        found[name] = value
    return found


def _is_from_us(headers: dict[str, str]) -> bool:
    """A browser always says where a page came from. No origin at all is a program, which must bring a token."""
    if "origin" not in headers:
        return "authorization" in headers
    return headers["origin"] in settings.WEBSOCKET_ORIGINS


async def _who(headers: dict[str, str], address: str) -> tuple[Person, Credentials | None]:
    """A token decides alone when one was sent: a wrong one is anonymous, whatever the cookies say. Somebody who has
    logged in is no wall."""
    if "authorization" in headers:
        return await _by_token(headers["authorization"])
    cookies = parse_cookie(headers.get("cookie", ""))
    user, credentials = await _by_session(cookies.get(settings.SESSION_COOKIE_NAME, ""))
    if credentials is not None:
        return user, credentials
    screen = await walls.screen_behind(cookies, address)
    if screen is None:
        return user, None
    return screen, Credentials(WALL, str(screen.link), 0, WALL, "", address=address)


async def _by_token(header: str) -> tuple[Person, Credentials | None]:
    sent = TOKEN.fullmatch(header)
    return await _behind("token", hash_token(sent[1])) if sent else _NOBODY


async def _by_session(key: str) -> tuple[Person, Credentials | None]:
    is_a_key = key.isascii() and key.isalnum() and len(key) <= 64
    return await _behind("session", key) if is_a_key else _NOBODY


_NOBODY: tuple[Person, Credentials | None] = (AnonymousUser(), None)


async def _behind(kind: str, key: str) -> tuple[Person, Credentials | None]:
    together = _arrivals.setdefault(asyncio.get_running_loop(), AskedTogether(_look_up, GATHER_S))
    return await together.ask((kind, key)) or _NOBODY


type _Key = tuple[str, str]  # session or token, and its key

_arrivals: WeakKeyDictionary[asyncio.AbstractEventLoop, AskedTogether[_Key, tuple[Person, Credentials]]] = (
    WeakKeyDictionary()
)
_LOOK_UP = """
WITH used AS (UPDATE dashboard_tokennote SET used_at = now() WHERE token_id = ANY(%(tokens)s))
SELECT 'token' AS kind, digest AS key, user_id, NULL AS session FROM knox_authtoken
    WHERE digest = ANY(%(tokens)s) AND (expiry IS NULL OR expiry > now())
UNION ALL SELECT 'session', session_key, NULL, session_data FROM django_session
    WHERE session_key = ANY(%(sessions)s) AND expire_date > now()
"""


async def _look_up(asked: set[_Key]) -> dict[_Key, tuple[Person, Credentials]]:
    """Who may come in with these: two queries, however many there are. Raises: DatabaseAway."""
    keys = {name: [key for kind, key in asked if kind == name] for name in ("token", "session")}
    rows = await database.fetch(_LOOK_UP, {"tokens": keys["token"], "sessions": keys["session"]})
    claims = [claim for row in rows if (claim := _claim(row)) is not None]
    people = await people_behind({claim.user_id for claim in claims})
    found: dict[_Key, tuple[Person, Credentials]] = {}
    for claim in claims:
        user = people.get(claim.user_id)
        if user is not None and may_follow(user) and claim.is_of(user):
            kind, key = claim.key
            credentials = Credentials(kind, key, user.pk, user.role, user.password, user.session_epoch)
            found[claim.key] = user, credentials
    return found


@dataclass(frozen=True, slots=True)
class _Claim:
    """Whom a token or session names; a session must prove it with a hash of their password and epoch."""

    key: _Key
    user_id: int
    proof: str | None

    def is_of(self, user: User) -> bool:
        return self.proof is None or constant_time_compare(self.proof, user.get_session_auth_hash())


def _claim(row: Mapping[str, Any]) -> _Claim | None:
    key = row["kind"], row["key"]
    if row["session"] is None:
        return _Claim(key, row["user_id"], None)
    session = SessionStore().decode(row["session"])
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    return _Claim(key, int(session[SESSION_KEY]), session.get(HASH_SESSION_KEY, ""))
