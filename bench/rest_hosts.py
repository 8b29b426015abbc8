"""Programs that read hosts by REST: a page of 100 out of 10,000, 16 clients at once; prints one JSON object.

    python -m bench.rest_hosts [--hosts N] [--clients N] [--seconds N]

page      GET /api/v1/hosts/ with a token, one after another on each client's own connection, against one web process;
          a client reads on with `next`, as programs do, and begins anew at the end. Bodies are not asked for packed.
baseline  of the same run, machine and clients: /healthz of that process, and the page's own statements sent straight
          to PostgreSQL over as many connections, their rows fetched and dropped
"""

import argparse
import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg

from bench.fleets import grow_fleet
from bench.pages import _answers, _free_port
from bench.rolling_overhead import machine
from bench.stack import percentile, running_stack, wait_for

PAGE = "/api/v1/hosts/"
PER_S_MIN, P95_MAX_MS = 120, 200
WARM_UP_S, BASELINE_S = 3.0, 5.0

type Ask = Callable[[], Awaitable[None]]


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--hosts", type=int, default=10_000)
    options.add_argument("--clients", type=int, default=16)
    options.add_argument("--seconds", type=float, default=20.0)
    chosen = options.parse_args()
    os.environ["PITSTOP_LOG_LEVEL"] = "WARNING"  # standard output is the JSON object's
    with running_stack() as stack:
        grow_fleet(chosen.hosts)
        token = make_token()
        port = _free_port()
        web = stack.start_web(port)
        wait_for(lambda: _answers(f"http://127.0.0.1:{port}"), 60)
        statements = statements_of_the_page(token)
        found = asyncio.run(bench(port, web.pid, token, statements, stack.postgres.url(), chosen))
    print(
        json.dumps(
            {"machine": machine(), "hosts": chosen.hosts, "clients": chosen.clients, **found}, indent=2
        )
    )


async def bench(
    port: int,
    web: int,
    token: str,
    statements: list[tuple[str, Any]],
    database: str,
    chosen: argparse.Namespace,
) -> dict[str, Any]:
    clients = [Client(port, token) for _ in range(chosen.clients)]
    for client in clients:
        await client.open()
    health = await loaded([client.health for client in clients], BASELINE_S, web)
    await loaded([client.page for client in clients], WARM_UP_S)
    page = await loaded([client.page for client in clients], chosen.seconds, web)
    rows = [await Rows.open(database, statements) for _ in range(chosen.clients)]
    bare = await loaded([one.fetch for one in rows], BASELINE_S)
    return {
        "page": {**page, "kB": round(clients[0].last_bytes / 1000, 1), "statements": len(statements)},
        "baseline": {"healthz": health, "bare_sql": bare},
        "target": f"≥ {PER_S_MIN} req/s, p95 ≤ {P95_MAX_MS} ms",
        "is_met": page["per_s"] >= PER_S_MIN and page["p95_ms"] <= P95_MAX_MS,
    }


async def loaded(asks: list[Ask], seconds: float, web: int | None = None) -> dict[str, float]:
    """Each asks again as soon as it has its answer. `web`: the process whose CPU is told, a request."""
    took: list[float] = []
    end = time.perf_counter() + seconds

    async def one(ask: Ask) -> None:
        while (begun := time.perf_counter()) < end:
            await ask()
            took.append((time.perf_counter() - begun) * 1000)

    begun, cpu_s = time.perf_counter(), _cpu_s(web) if web else 0.0
    await asyncio.gather(*(one(ask) for ask in asks))
    cpu = {"web_cpu_ms": round((_cpu_s(web) - cpu_s) / len(took) * 1000, 2)} if web else {}
    return {
        **cpu,
        "per_s": round(len(took) / (time.perf_counter() - begun), 1),
        "p50_ms": round(percentile(took, 0.5), 1),
        "p95_ms": round(percentile(took, 0.95), 1),
    }


class Client:
    """One connection, which costs little itself: every answer has to be 200, and only `next` is looked for in it."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self.last_bytes = 0
        self._path = PAGE

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port, limit=2**22)

    async def health(self) -> None:
        await self._ask("/healthz")

    async def page(self) -> None:
        body = await self._ask(self._path)
        self.last_bytes = max(self.last_bytes, len(body))
        link = body[:2000].partition(b'"next":')[2]
        following = json.JSONDecoder().raw_decode(link.decode().lstrip())[0] if link else None
        self._path = PAGE if following is None else "?".join(urlsplit(following)[2:4])

    async def _ask(self, path: str) -> bytes:
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            f"Authorization: Token {self.token}",
            "",
            "",
        )
        self._writer.write("\r\n".join(lines).encode())
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *headers = head.splitlines()
        sizes = [line.partition(":")[2] for line in headers if line.lower().startswith("content-length:")]
        body = await self._reader.readexactly(int(sizes[0]))
        assert " 200 " in f"{status} ", (status, body[:500])
        return body


class Rows:
    """What the page asks of the database, and nothing of the web."""

    def __init__(self, connection: Any, statements: list[tuple[str, Any]]) -> None:
        self._connection, self._statements = connection, statements

    @classmethod
    async def open(cls, database: str, statements: list[tuple[str, Any]]) -> "Rows":
        return cls(await psycopg.AsyncConnection.connect(database, autocommit=True), statements)

    async def fetch(self) -> None:
        async with self._connection.cursor() as cursor:
            for statement, given in self._statements:
                await cursor.execute(statement, given)
                if cursor.description is not None:
                    await cursor.fetchall()


def _cpu_s(pid: int) -> float:
    """Processor time of the process so far, also the kernel's for it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def make_token() -> str:
    """Of somebody who may read."""
    from knox.models import get_token_model

    from dashboard.models import User

    person, _ = User.objects.get_or_create(username="bench-viewer", defaults={"role": "viewer"})
    return str(get_token_model().objects.create(user=person)[1])


def statements_of_the_page(token: str) -> list[tuple[str, Any]]:
    """As they are sent when the page is asked for in this process."""
    from django.db import connection
    from django.test import Client as Within

    within, sent = Within(headers={"host": "127.0.0.1", "authorization": f"Token {token}"}), []

    def noted(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        sent.append((sql, params))
        return execute(sql, params, many, context)

    within.get(PAGE)  # what is done once is done
    with connection.execute_wrapper(noted):
        answer = within.get(PAGE)
    assert answer.status_code == 200, answer.content
    assert len(answer.json()["results"]) == 100
    connection.close()
    return sent


if __name__ == "__main__":
    main()
