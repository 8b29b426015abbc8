"""A thousand pages lose their web process at once (kill -9) and all come back to the new one; prints one JSON object.

    python -m bench.reconnects [--pages N] [--outage SECONDS]

pages     sockets of seven people on thirteen pages, and twenty readers of the whole feed; they come back as a browser's
          page does (static/js/live/socket.js: full jitter), from the moment of the kill
outage    web stays away for some seconds, in which hosts change all the time; the changes are written as an engine does
live      seconds from the start of the new web process until the last of all has everything again
lost      pages: each knows the feed up to its head without a gap, and shows what a page shows that is opened now, the
          last version of every host included; readers: each event once and in order, compared with the table
queries   counted by pg_stat_statements for the web process alone, which comes with a role of its own, from its start
          until all are live: `authentication` (sessions, tokens, people – also when they are looked at again),
          `heartbeats` (ages of the clouds), `snapshots_and_replay` (everything else that reads tables), `other` (SET,
          LISTEN and the like). The same count is read every half second: `busiest_second`.
baseline of the same run: the same with one page.
"""

import argparse
import asyncio
import json
import os
import re
import socket
import time
from dataclasses import dataclass
from typing import Any

from bench.changes import change_host, hosts_once_read
from bench.coming_back import Log, Page
from bench.rolling_overhead import machine
from bench.sockets import allow_files, log_in
from bench.stack import Stack, running_stack
from bench.statements import Counted, count_statements, name_the_web

LIVE_MAX_S, AUTH_MAX_PER_SOCKET, QUERIES_MAX_PER_S = 20.0, 1.0, 50.0
LOGS = 20
CHANGE_EVERY_S = 0.02
GIVE_UP_S = 120.0
TIMES = re.compile(r"(<time [^>]*>)[^<]*")  # `2 s ago` is `3 s ago` a moment later


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--pages", type=int, default=1_000)
    options.add_argument("--outage", type=float, default=4.0, help="seconds without a web process")
    chosen = options.parse_args()
    os.environ["PITSTOP_LOG_LEVEL"] = "WARNING"  # standard output is the JSON object's
    allow_files(chosen.pages + LOGS)
    with running_stack() as stack:
        count_statements(stack)
        hosts = hosts_once_read(stack)
        cookies = [*log_in(4, "viewer"), *log_in(3, "operator")]
        name_the_web(stack)
        alone = asyncio.run(Outage(stack, hosts, cookies, pages=1, logs=0).measured(chosen.outage))
        many = asyncio.run(Outage(stack, hosts, cookies, chosen.pages, LOGS).measured(chosen.outage))
    result = {
        "machine": machine(),
        "measured": many,
        "baseline": {"one_page": alone},
        "target": f"all live ≤ {LIVE_MAX_S:.0f} s, 0 lost, ≤ {AUTH_MAX_PER_SOCKET:.0f} authentication query a socket, "
        f"snapshots and replay ≤ {QUERIES_MAX_PER_S:.0f} queries/s until all are live",
        "is_met": many["live_s"] <= LIVE_MAX_S
        and not many["lost"]
        and many["queries"]["authentication_per_socket"] <= AUTH_MAX_PER_SOCKET
        and many["queries"]["snapshots_and_replay_per_s"] <= QUERIES_MAX_PER_S,
    }
    print(json.dumps(result, indent=2))


# ---- one outage ------------------------------------------------------------------------------------------------------


@dataclass
class Outage:
    stack: Stack
    hosts: list[Any]
    cookies: list[str]
    pages: int
    logs: int

    async def measured(self, outage_s: float) -> dict[str, Any]:
        port = _free_port()
        self._count = Counted(self.stack.postgres.url())
        self._versions: dict[str, str] = {}
        web = self.stack.start_web(port)
        await _listens(port)
        topics = ["hosts", "overview", "timeline", "clusters", *(f"host:{host.id}" for host in self.hosts)]
        pages = [
            Page(port, topics[n % len(topics)], self.cookies[n % len(self.cookies)])
            for n in range(self.pages)
        ]
        began_at = await asyncio.to_thread(_head)
        logs = [Log(port, began_at, self.cookies[n % len(self.cookies)]) for n in range(self.logs)]
        held = [asyncio.create_task(reader.hold()) for reader in [*pages, *logs]]
        await self._all_live(pages, logs)

        web.kill()
        web.wait()
        changes = await asyncio.to_thread(self._change_all_the_time, outage_s)
        self._count.begin()
        started = time.monotonic()
        web = self.stack.start_web(port)
        accepts_s = await _listens(port) - started
        await self._all_live(pages, logs, since=started)
        live_s = max(reader.live_at or 0.0 for reader in [*pages, *logs]) - started
        asked = await asyncio.to_thread(self._count.look)

        # Before anything else changes, which would have them drawn anew; and once more when it has.
        lost = await self._lost(port, pages, logs, began_at)
        await asyncio.to_thread(self._change_each)
        lost += await self._lost(port, pages, logs, began_at)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        web.terminate()
        web.wait()
        self._count.close()
        sockets = len(pages) + len(logs)
        return {
            "pages": len(pages),
            "readers_of_the_feed": len(logs),
            "changes_during_the_outage": changes,
            "live_s": round(live_s, 2),
            "web_accepts_after_s": round(accepts_s, 2),
            "lost": len(lost),
            "lost_for_example": lost[:10],
            "resyncs": sum(page.resyncs for page in pages),
            "refused_by_the_server": sum(len(reader.refusals) for reader in [*pages, *logs]),
            "queries": {
                **asked,
                "authentication_per_socket": round(asked["authentication"] / sockets, 3),
                "snapshots_and_replay_per_s": round(asked["snapshots_and_replay"] / live_s, 1),
                "busiest_second": self._count.busiest_second(),
            },
        }

    async def _all_live(self, pages: list[Page], logs: list[Log], since: float = 0.0) -> None:
        """Raises: TimeoutError."""
        looked = time.monotonic()
        async with asyncio.timeout(GIVE_UP_S):
            while not all(
                reader.live_at is not None and reader.live_at > since for reader in [*pages, *logs]
            ):
                await asyncio.sleep(0.02)
                if time.monotonic() - looked > 0.5:
                    looked = time.monotonic()
                    await asyncio.to_thread(self._count.look)

    def _change_all_the_time(self, seconds: float) -> int:
        ends, changes = time.monotonic() + seconds, 0
        while time.monotonic() < ends:
            self._change(self.hosts[changes % len(self.hosts)], f"away-{changes}")
            changes += 1
            time.sleep(CHANGE_EVERY_S)
        _close()
        return changes

    def _change_each(self) -> None:
        for host in self.hosts:
            self._change(host, "back")
        _close()

    def _change(self, host: Any, version: str) -> None:
        change_host(host, version)
        self._versions[str(host.id)] = version

    # ---- was anything lost? ------------------------------------------------------------------------------------------

    async def _lost(self, port: int, pages: list[Page], logs: list[Log], began_at: int) -> list[str]:
        """In words. Nothing changes meanwhile; the last changes get some time to arrive everywhere."""
        head = await asyncio.to_thread(_head)

        def late() -> list[str]:
            return [page.topic for page in pages if not page.has_all(head)]

        try:
            async with asyncio.timeout(GIVE_UP_S / 4):
                while late() or any(log.place != head for log in logs):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass  # what is missing is told by what follows
        told = await asyncio.to_thread(_seqs, began_at)
        fresh = await self._fresh(port, {page.topic for page in pages}, head)
        return [
            *(f"{topic} does not know the feed up to {head}" for topic in late()),
            *(f"{page.topic} met {page.gaps} gaps" for page in pages if page.gaps),
            *(f"a reader was told {len(log.seqs)} of {len(told)}" for log in logs if log.seqs != told),
            *self._shown_wrongly(pages, fresh),
        ]

    async def _fresh(self, port: int, topics: set[str], head: int) -> dict[str, Page]:
        """Pages that are opened now."""
        fresh = {topic: Page(port, topic, self.cookies[0]) for topic in topics}
        held = [asyncio.create_task(page.hold()) for page in fresh.values()]
        async with asyncio.timeout(GIVE_UP_S):
            while not all(page.has_all(head) for page in fresh.values()):
                await asyncio.sleep(0.05)
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)
        return fresh

    def _shown_wrongly(self, pages: list[Page], fresh: dict[str, Page]) -> list[str]:
        """Of those who are the same person as opened the fresh ones: roles see differently."""
        wrong = []
        for number, page in enumerate(pages):
            if number % len(self.cookies) == 0:
                wrong += [
                    f"{page.topic} shows {part} as it was"
                    for part, html in fresh[page.topic].shows.items()
                    if _ageless(page.shows.get(part)) != _ageless(html)
                ]
            if page.topic == "hosts":
                wrong += [
                    f"a row is older than {version}"
                    for host, version in self._versions.items()
                    if f">{version}<" not in (page.shows.get(f"host-row-{host}") or "")
                ]
        return wrong


def _ageless(html: str | None) -> str | None:
    return None if html is None else TIMES.sub(r"\1", html)


def _head() -> int:
    from maintenance.models import FeedEvent

    head = FeedEvent.objects.order_by("-seq").values_list("seq", flat=True).first() or 0
    _close()
    return head


def _seqs(after: int) -> list[int]:
    from maintenance.models import FeedEvent

    found = list(FeedEvent.objects.filter(seq__gt=after).order_by("seq").values_list("seq", flat=True))
    _close()
    return found


def _close() -> None:
    """The thread that asked may never come again."""
    from django.db import connection

    connection.close()


async def _listens(port: int) -> float:
    """When the web process first takes connections; nothing is asked of it. Raises: TimeoutError."""
    async with asyncio.timeout(60):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return time.monotonic()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


if __name__ == "__main__":
    main()
