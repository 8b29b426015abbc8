"""A management server's row, its lock, and the one way it enters a state."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from maintenance.backends.base import Never
from maintenance.backends.lab.outside import Door
from maintenance.backends.lab.router import ALIAS
from maintenance.domain.servers import ServerFacts, ServerState, server_state


@dataclass(frozen=True, slots=True)
class ServerRow:
    """The columns of lab_management_server; models.py says what they mean."""

    id: UUID
    name: str
    address: str
    state: str
    version: str
    os_distribution: str
    kernel_version: str
    java_version: str
    booted_at: datetime | None
    started_at: datetime | None
    stopped_at: datetime | None
    process: int
    since: datetime
    algorithm: str
    is_forced: bool
    window_ends_at: datetime | None
    last_job_ended_at: datetime | None
    handed_over_at: datetime | None
    tasks_stopped_at: datetime | None
    tasks_start_at: datetime | None
    came_from_maintenance: bool
    starts_at: datetime | None
    is_unreachable: bool
    refuses_with: str

    @property
    def known_state(self) -> ServerState | None:
        return server_state(self.state)

    @property
    def runs(self) -> bool:
        return self.state != ServerState.DOWN

    @property
    def facts(self) -> ServerFacts:
        return ServerFacts(self.id, self.name, self.address, self.known_state)


_COLUMNS = ", ".join(field.name for field in fields(ServerRow))


def all_servers(door: Door) -> list[ServerRow]:
    """As the rows stand, by name."""
    rows = door.rows(f"SELECT {_COLUMNS} FROM lab_management_server ORDER BY name")
    return [ServerRow(*row) for row in rows]


def one_server(door: Door, server_id: UUID) -> ServerRow:
    """As its row stands. Raises: Never."""
    row = door.row(f"SELECT {_COLUMNS} FROM lab_management_server WHERE id = %s", server_id)
    if row is None:
        raise Never(f"there is no management server {server_id}")
    return ServerRow(*row)


@contextmanager
def servers_locked(door: Door) -> Iterator[None]:
    """A short transaction in which nobody else changes a server or its jobs.

    Taken before a cluster's lock where both are needed (see `accepting`), never after.
    """
    with transaction.atomic(using=ALIAS):
        door.rows("SELECT 1 FROM lab_management_server ORDER BY id FOR NO KEY UPDATE")
        yield


@contextmanager
def accepting(door: Door, server_id: UUID | None) -> Iterator[str]:
    """A transaction in which this server's state (which is told) cannot change: what it accepts now, it has
    accepted before it prepares. None: no server is asked."""
    if server_id is None:
        yield ServerState.UP
        return
    with transaction.atomic(using=ALIAS):
        row = door.row("SELECT state FROM lab_management_server WHERE id = %s FOR SHARE", server_id)
        yield row[0] if row else ServerState.DOWN


def enter(door: Door, server: ServerRow, state: ServerState, at: datetime, why: str, **columns: Any) -> None:
    """The server is in the state since `at`, and the book says why. `columns` change with it."""
    names = [f"{name} = %s" for name in columns]
    door.run(
        f"UPDATE lab_management_server SET {', '.join(['state = %s', 'since = %s', *names])} WHERE id = %s",
        state,
        at,
        *columns.values(),
        server.id,
    )
    door.run(
        "INSERT INTO lab_server_moment (server_id, at, state, why) VALUES (%s, %s, %s, %s)",
        server.id,
        at,
        state,
        why,
    )


def change(door: Door, server_id: UUID, **columns: Any) -> None:
    """These columns of the server have these values."""
    names = ", ".join(f"{name} = %s" for name in columns)
    door.run(f"UPDATE lab_management_server SET {names} WHERE id = %s", *columns.values(), server_id)
