"""Who is at the other end of a socket, and whether they still may be.

Browsers come with their session's cookie, or a wall's, and must send one of our own origins; programs come with
`Authorization: Token …` and need no origin. Whatever let them in is looked at again every few seconds.
"""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from weakref import WeakKeyDictionary

import structlog
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
from dashboard.models import User

RECHECK_S = 3.0  # revoking bites within 5 s
TOKEN = re.compile(r"token ([0-9a-z]{1,128})", re.I | re.ASCII)

LOG_IN = 4401
NOT_YOURS = 4403
TRY_LATER = 1013

log = structlog.get_logger("pitstop.live")


@dataclass(frozen=True, slots=True)
class Credentials:
    """What let somebody in, and how that person looked at that moment: any change of it ends the socket."""

    kind: str  # session | token | wall
    key: str  # the session's key, the token's digest, or the id of the wall's link
    user_id: int  # 0: a wall's
    role: str
    password: str  # the hash: a new password ends old sockets
    epoch: int = 0  # of the person's sessions: raised to end them all
    address: str = ""  # a wall's: where it was last seen

    @property
    def owner(self) -> str:
        """Whose sockets are counted together: one person's, or one wall's."""
        return f"{self.kind} {self.key}" if self.kind == WALL else str(self.user_id)


class Ended(StrEnum):
    """Why somebody may no longer be here: what a socket's close says, and the page to whoever sits before it."""

    LOGGED_OUT = "logged out"
    DEACTIVATED = "deactivated"
    ROLE = "another role"
    PASSWORD = "another password"
    LINK = "link ended"


class SocketDoor:
    """Puts `user` and `credentials` (None: anonymous) into the scope; refuses wrong origins before the handshake."""

    def __init__(self, inner: Application) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = _headers(scope)
        if not _is_from_us(headers):
            await receive()
            await send({"type": "websocket.close", "code": NOT_YOURS, "reason": "origin"})
            return
        try:
            user, credentials = await _who(headers, str((scope.get("client") or [""])[0]))
        except database.DatabaseAway:
            await receive()
            await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
            await send({"type": "websocket.close", "code": TRY_LATER, "reason": "the database is away"})
            return
        await self.inner({**scope, "user": user, "credentials": credentials}, receive, send)


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
    if sent is None:
        return AnonymousUser(), None
    digest = hash_token(sent[1])
    rows = await database.fetch(
        "WITH used AS (UPDATE dashboard_tokennote SET used_at = now() WHERE token_id = %s) "
        "SELECT user_id FROM knox_authtoken WHERE digest = %s AND (expiry IS NULL OR expiry > now())",
        [digest, digest],
    )
    return await _person("token", digest, rows[0]["user_id"]) if rows else (AnonymousUser(), None)


async def _by_session(key: str) -> tuple[Person, Credentials | None]:
    if not key.isascii() or not key.isalnum() or len(key) > 64:
        return AnonymousUser(), None
    rows = await database.fetch(
        "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > now()", [key]
    )
    session = SessionStore().decode(rows[0]["session_data"]) if rows else {}
    if session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return AnonymousUser(), None
    user, credentials = await _person("session", key, int(session[SESSION_KEY]))
    if isinstance(user, User) and constant_time_compare(
        session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()
    ):
        return user, credentials
    return AnonymousUser(), None


COLUMNS = "id, key, username, role, password, is_active, is_demo, must_change_password, session_epoch"


async def _person(kind: str, key: str, user_id: int) -> tuple[Person, Credentials | None]:
    rows = await database.fetch(f"SELECT {COLUMNS} FROM dashboard_user WHERE id = %s", [user_id])
    user = User(**rows[0]) if rows else None
    if user is None or not _may_follow(user):
        return AnonymousUser(), None
    return user, Credentials(kind, key, user.pk, user.role, user.password, user.session_epoch)


def _may_follow(user: User) -> bool:
    """Somebody who has yet to choose a password sees the page for that, and nothing live."""
    return user.may_come_in and not user.must_change_password


# ---- and still? ------------------------------------------------------------------------------------------------------


class Stay:
    """How long somebody may be here. `why` is known once `wait` has returned."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self.why = Ended.LOGGED_OUT
        self._over = asyncio.Event()

    async def wait(self) -> Ended:
        """Returns when the stay is over."""
        await self._over.wait()
        return self.why

    def end(self, why: Ended) -> None:
        self.why = why
        self._over.set()


class Watch:
    """Looks again at what let people in, for all sockets of the process at once. Use `watched(credentials)`."""

    def __init__(self) -> None:
        self._stays: set[Stay] = set()
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def following(self, credentials: Credentials) -> Iterator[Stay]:
        stay = Stay(credentials)
        self._stays.add(stay)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._look_again(), name="who may still be here")
        try:
            yield stay
        finally:
            self._stays.discard(stay)
            if not self._stays and self._task is not None:
                self._task.cancel()

    async def _look_again(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_S)
            try:
                ended = await ended_of({stay.credentials for stay in self._stays})
            except database.DatabaseAway:
                continue  # nobody is told anything meanwhile: there is no feed without the database
            for stay in self._stays:
                if stay.credentials in ended:
                    stay.end(ended[stay.credentials])


@contextmanager
def watched(credentials: Credentials) -> Iterator[Stay]:
    """A stay that is over within 5 s of the credentials' end: logout, expiry, a revoked token, another password or
    role, a deactivated person."""
    loop = asyncio.get_running_loop()
    watch = _watches.setdefault(loop, Watch())
    with watch.following(credentials) as stay:
        yield stay


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, Watch] = WeakKeyDictionary()


async def ended_of(asked: set[Credentials]) -> dict[Credentials, Ended]:
    """Those that would no longer let the same person or wall in, unchanged, and why. Raises: DatabaseAway."""
    of_walls = {c for c in asked if c.kind == WALL}
    holding = await walls.still_holding({c.key: c.address for c in of_walls})
    ended = {c: Ended.LINK for c in of_walls if c.key not in holding}
    return ended | await _ended_of_people(asked - of_walls)


async def _ended_of_people(asked: set[Credentials]) -> dict[Credentials, Ended]:
    if not asked:
        return {}
    sessions = [c.key for c in asked if c.kind == "session"]
    tokens = [c.key for c in asked if c.kind == "token"]
    keys = await database.fetch(
        "SELECT 'session' AS kind, session_key AS key FROM django_session "
        "WHERE session_key = ANY(%s) AND expire_date > now() "
        "UNION ALL SELECT 'token', digest FROM knox_authtoken "
        "WHERE digest = ANY(%s) AND (expiry IS NULL OR expiry > now())",
        [sessions, tokens],
    )
    rows = await database.fetch(
        f"SELECT {COLUMNS} FROM dashboard_user WHERE id = ANY(%s)", [list({c.user_id for c in asked})]
    )
    living = {(row["kind"], row["key"]) for row in keys}
    people = {row["id"]: User(**row) for row in rows}
    found = {c: _why_ended(c, people.get(c.user_id), (c.kind, c.key) in living) for c in asked}
    return {credentials: why for credentials, why in found.items() if why is not None}


def _why_ended(credentials: Credentials, user: User | None, is_living: bool) -> Ended | None:
    if user is None or not user.may_come_in:
        return Ended.DEACTIVATED
    if user.role != credentials.role:
        return Ended.ROLE
    if user.password != credentials.password or user.must_change_password:
        return Ended.PASSWORD
    is_of_old = credentials.kind == "session" and user.session_epoch != credentials.epoch
    return Ended.LOGGED_OUT if is_of_old or not is_living else None
