"""Who is at the other end of a socket, and whether they still may be: whatever let them in is looked at again every
few seconds.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from weakref import WeakKeyDictionary

import structlog

from dashboard.access import WALL
from dashboard.live import database, walls
from dashboard.models import User

RECHECK_S = 3.0  # revoking bites within 5 s

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


COLUMNS = "id, key, username, role, password, is_active, is_demo, must_change_password, session_epoch"


async def people_behind(ids: Iterable[int]) -> dict[int, User]:
    """As they are now, by their ids. Raises: DatabaseAway."""
    wanted = list(ids)
    if not wanted:
        return {}
    rows = await database.fetch(f"SELECT {COLUMNS} FROM dashboard_user WHERE id = ANY(%s)", [wanted])
    return {row["id"]: User(**row) for row in rows}


def may_follow(user: User) -> bool:
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
    people = await people_behind({c.user_id for c in asked})
    living = {(row["kind"], row["key"]) for row in keys}
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
