"""Which statements the web process asks PostgreSQL, counted by pg_stat_statements.

It counts by role, so the web process comes with one of its own: what a bench asks itself is not counted.
"""

import time

import psycopg

from bench.stack import Stack

WEB_ROLE = "pitstop_web"

# What a statement is about, by its text; the first that fits.
KINDS = {
    "authentication": r"django_session|knox_authtoken|dashboard_tokennote|FROM dashboard_user",
    "heartbeats": r"now\(\) - read_at|maintenance_engineprocess WHERE stopped_at",
    "snapshots_and_replay": r"^\s*(SELECT|WITH)\y",
}


def count_statements(stack: Stack) -> None:
    """PostgreSQL counts every statement by role from now on. Before anything of ours is connected."""
    stack.postgres.stop()
    stack.postgres.options = ("shared_preload_libraries=pg_stat_statements",)
    stack.postgres.start()
    with psycopg.connect(stack.postgres.url(), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION pg_stat_statements")
        connection.execute(f"CREATE ROLE {WEB_ROLE} SUPERUSER LOGIN")


def name_the_web(stack: Stack) -> None:
    """Whatever the stack starts from now on comes with the role that is counted."""
    url = stack.environment["DATABASE_URL"]
    assert url.startswith("postgresql://pitstop@")
    stack.environment["DATABASE_URL"] = url.replace("pitstop@", f"{WEB_ROLE}@", 1)


class Counted:
    """What the web process has asked since `begin`."""

    def __init__(self, database: str) -> None:
        self._connection = psycopg.connect(database, autocommit=True)
        self._seen: list[tuple[float, int]] = []  # when, and how many snapshots and replays until then

    def begin(self) -> None:
        self._connection.execute("SELECT pg_stat_statements_reset()")
        self._seen = [(time.monotonic(), 0)]

    def look(self) -> dict[str, int]:
        kinds = " ".join(f"WHEN query ~ '{pattern}' THEN '{kind}'" for kind, pattern in KINDS.items())
        rows = self._connection.execute(
            f"SELECT CASE {kinds} ELSE 'other' END, sum(calls)::int FROM pg_stat_statements "
            "WHERE userid = %s::regrole GROUP BY 1",
            [WEB_ROLE],
        )
        found = {"authentication": 0, "heartbeats": 0, "snapshots_and_replay": 0, "other": 0, **dict(rows)}
        self._seen.append((time.monotonic(), found["snapshots_and_replay"]))
        return found

    def busiest_second(self) -> int:
        """The most snapshots and replays within any second, as far as looking every half second shows it."""
        return max(
            (
                late[1] - early[1]
                for early in self._seen
                for late in self._seen
                if 0 < late[0] - early[0] <= 1.1
            ),
            default=0,
        )

    def close(self) -> None:
        self._connection.close()
