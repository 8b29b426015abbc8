"""Whether the database address gives sessions. LISTEN, advisory locks and our time limits need one server process each
for as long as a connection lives; a pooler in transaction mode lends the same one to many."""

from collections.abc import Callable
from typing import Protocol

import psycopg
from django.db import connection

LOOKS = 3  # a pooler hands out the process that was free last, so one look nearly always tells


class SharedSessions(Exception):
    """The database address leads to a pooler in transaction mode."""

    def __init__(self) -> None:
        super().__init__(
            "DATABASE_URL leads to a pooler in transaction mode: two connections share one server process. "
            "Give PostgreSQL's own address, or a pooler in session mode."
        )


class Session(Protocol):
    """What is needed of a connection, in autocommit."""

    def backend(self) -> int: ...
    def begin(self) -> None: ...
    def end(self) -> None: ...
    def close(self) -> None: ...


def refuse_shared_sessions(connect: Callable[[], Session] | None = None) -> None:
    """Nothing, when two connections have a server process each. Raises: SharedSessions, psycopg.Error."""
    connect = connect or _Direct
    one = connect()
    try:
        other = connect()
        try:
            if any(_is_shared(one, other) for _ in range(LOOKS)):
                raise SharedSessions
        finally:
            other.close()
    finally:
        one.close()


def _is_shared(one: Session, other: Session) -> bool:
    """While `one` is open but idle, does `other` get its process?"""
    first = one.backend()
    other.begin()
    try:
        return other.backend() == first
    finally:
        other.end()


class _Direct:
    """A connection of its own to the configured address, outside Django's pool."""

    def __init__(self) -> None:
        parameters = connection.get_connection_params()
        for ours in ("cursor_factory", "context", "prepare_threshold", "pool"):
            parameters.pop(ours, None)
        self._connection = psycopg.connect(**parameters, autocommit=True, prepare_threshold=None)

    def backend(self) -> int:
        row = self._connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row is not None
        return int(row[0])

    def begin(self) -> None:
        self._connection.execute("BEGIN")

    def end(self) -> None:
        self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()
