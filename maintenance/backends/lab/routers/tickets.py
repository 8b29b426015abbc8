"""How far the replacement of a router has come: one row a ticket, which outlives whoever asked.

The row is kept until the old router is destroyed; when it serves again, the row says so, and nothing is begun anew.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from uuid import UUID

from maintenance.backends.base import Later
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.system_vms.neighbours import neighbours_dir
from maintenance.backends.system_vms import StepFailed

LOCKS = 64  # shared by all networks
LOCK_WITHIN_S = 3.0
LOCK_EVERY_S = 0.01


class Phase(StrEnum):
    """What is done."""

    BEGUN = "begun"  # nothing, but what there was is noted
    STARTED = "started"  # the new router has checked in
    SWITCHED = "switched"
    VERIFIED = "verified"
    GOING_BACK = "going back"
    BACK = "back"  # the old one serves, the new one is gone


@dataclass(frozen=True, slots=True)
class Before:
    """What there was when the restart began. `serving`: the router that had the traffic; `roles`: by id; `answered`,
    `active`: rules and services of the old one that did."""

    serving: str
    roles: Mapping[str, str]
    answered: tuple[str, ...]
    active: tuple[str, ...]
    is_redundant: bool


@dataclass(frozen=True, slots=True)
class Restart:
    """A row of lab_router_restart."""

    ticket: UUID
    old_id: UUID
    old_name: str
    phase: Phase
    before: Before
    new_id: UUID | None = None
    second_id: UUID | None = None
    refused: str = ""

    @property
    def is_switched(self) -> bool:
        return self.phase in {Phase.SWITCHED, Phase.VERIFIED}

    @property
    def goes_back(self) -> bool:
        return self.phase in {Phase.GOING_BACK, Phase.BACK}

    @property
    def coming(self) -> tuple[UUID, ...]:
        """Routers that were deployed under this ticket."""
        return tuple(found for found in (self.new_id, self.second_id) if found is not None)


def find(door: Door, ticket: UUID) -> Restart | None:
    row = door.row(
        "SELECT ticket, old_id, old_name, phase, before::text, new_id, second_id, refused"
        " FROM lab_router_restart WHERE ticket = %s",
        ticket,
    )
    if row is None:
        return None
    kept = json.loads(row[4])
    before = Before(**{**kept, "answered": tuple(kept["answered"]), "active": tuple(kept["active"])})
    return Restart(row[0], row[1], row[2], Phase(row[3]), before, row[5], row[6], row[7])


def known(door: Door, vm_id: UUID, ticket: UUID) -> Restart:
    """Raises: StepFailed: nothing was begun under the ticket, or for another router."""
    restart = find(door, ticket)
    if restart is None or restart.old_id != vm_id:
        raise StepFailed("no restart of this router was begun under this ticket")
    return restart


def left_open(door: Door, old_id: UUID) -> Restart | None:
    """An earlier restart of this router whose way back was begun, and given up by whoever asked."""
    row = door.row(
        "SELECT ticket FROM lab_router_restart WHERE old_id = %s AND phase = %s", old_id, Phase.GOING_BACK
    )
    return find(door, row[0]) if row else None


def onward(door: Door, vm_id: UUID, ticket: UUID) -> Restart:
    """The same, of one that was not taken back. Raises: StepFailed."""
    restart = known(door, vm_id, ticket)
    if restart.goes_back:
        raise StepFailed(f"this restart was taken back: {restart.old_name} serves")
    return restart


def keep(door: Door, restart: Restart) -> None:
    """It is begun, once. Raises: Later (another restart of the router is on its way)."""
    other = door.row(
        "SELECT ticket FROM lab_router_restart WHERE old_id = %s AND phase <> %s AND ticket <> %s",
        restart.old_id,
        Phase.BACK,
        restart.ticket,
    )
    if other:
        raise Later(f"{restart.old_name} is being replaced already, under the ticket {other[0]}")
    door.run(
        "INSERT INTO lab_router_restart (ticket, old_id, old_name, phase, before, refused)"
        " VALUES (%s, %s, %s, %s, %s::jsonb, '') ON CONFLICT DO NOTHING",
        restart.ticket,
        restart.old_id,
        restart.old_name,
        restart.phase,
        json.dumps(asdict(restart.before)),
    )


def move(door: Door, restart: Restart, phase: Phase) -> Restart:
    """It is in this phase, if it was in the one that we know. Raises: Later (somebody else has moved it)."""
    if restart.phase is phase:
        return restart
    if not door.run(
        "UPDATE lab_router_restart SET phase = %s WHERE ticket = %s AND phase = %s",
        phase,
        restart.ticket,
        restart.phase,
    ):
        raise Later(f"the restart of {restart.old_name} has just been moved on by somebody else")
    return replace(restart, phase=phase)


@contextmanager
def alone(scope: UUID) -> Iterator[None]:
    """Nobody else replaces routers of this network or VPC meanwhile. Raises: Later (somebody does), OSError."""
    neighbours_dir().mkdir(exist_ok=True)
    lock = os.open(
        neighbours_dir() / f".lock-{scope.int % LOCKS}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
    )
    try:
        deadline = time.monotonic() + LOCK_WITHIN_S
        while not _taken(lock):
            if time.monotonic() > deadline:
                raise Later("another step is at work on the routers of this network")
            time.sleep(LOCK_EVERY_S)
        yield
    finally:
        os.close(lock)


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
