"""From a row changed in PostgreSQL to the frame in which a real page shows it, while 500 others look on.

    python -m bench.row_to_page [--changes N] [--others N]

page      headless Chromium on the list of hosts. A host's agent gets another version, written with its event in one
          unit of work, as an engine does; the clock starts a moment before the commit is asked for and stops in the
          browser, after the frame that shows the new text (`shown`); `in_page`: when the text was in the page's tree
clocks    time.time() here, performance.timeOrigin + performance.now() there: the same machine's clock, compared
others    sockets of several people on the same list and on pages that the same change touches, in a process of their
          own, connected to the same web process
baseline of the same run: NOTIFY of the same commits to a bare listener (`bell`), and the same page with nobody else
there (`alone`). Prints one JSON object.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx
import psycopg

from bench.changes import change_host, hosts_once_read
from bench.rolling_overhead import machine
from bench.sockets import Socket, log_in, open_sockets
from bench.stack import percentile, running_stack, wait_for

P50_MAX_MS, P99_MAX_MS = 150, 400
PAUSE_S = (0.25, 0.45)  # between two changes: longer than what is merged into one push
MARK = "bench-"
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
CHROMIUM_PATHS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")

# Notes when each mark came into the row's tree, and when the frame with it had been drawn.
WATCH = """([row, mark]) => {
  const now = () => performance.timeOrigin + performance.now(), at = {};
  window.marks = at;
  new MutationObserver(() => {
    const found = document.getElementById(row)?.textContent.match(new RegExp(`${mark}\\\\d+`));
    if (!found || at[found[0]]) return;
    const times = at[found[0]] = { in_page: now() };
    requestAnimationFrame(() => setTimeout(() => { times.shown = now(); }));
  }).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--changes", type=int, default=250, help="timed in each of the two ways")
    options.add_argument("--others", type=int, default=500, help="other sockets")
    chosen = options.parse_args()
    os.environ["PITSTOP_LOG_LEVEL"] = "WARNING"  # standard output is the JSON object's
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # playwright keeps an event loop in this thread
    with running_stack() as stack:
        port = _free_port()
        stack.manage("collectstatic", "--noinput", "--verbosity", "0")
        host = hosts_once_read(stack)[0]
        stack.start_web(port)
        wait_for(lambda: _answers(port), 60)
        cookies = [*log_in(4, "viewer"), *log_in(3, "operator")]
        with browser_page(port, cookies[0]) as page:
            clocks = [skew(page)]
            alone = Series(page, host, stack.postgres.url()).timed(chosen.changes, first=0)
            with others(port, cookies, str(host.id), chosen.others) as told:
                among = Series(page, host, stack.postgres.url()).timed(chosen.changes, first=chosen.changes)
            clocks.append(skew(page))
    shown = among["shown"]
    is_met = not among["lost"] and shown["p50_ms"] <= P50_MAX_MS and shown["p99_ms"] <= P99_MAX_MS
    result = {
        "machine": machine(),
        "measured": {"others": chosen.others, "frames_to_others": told["frames"], **among},
        "baseline": {"bell": among.pop("bell"), "alone": {**alone, "bell": alone.pop("bell")}},
        "clocks": clocks,
        "target": f"shown: p50 ≤ {P50_MAX_MS} ms, p99 ≤ {P99_MAX_MS} ms, none lost",
        "is_met": is_met,
    }
    print(json.dumps(result, indent=2))


class Series:
    """Changes one after another, and when each was seen where."""

    def __init__(self, page: Any, host: Any, database: str) -> None:
        self._page, self._host, self._database = page, host, database
        self._rung: list[float] = []
        self._listens = threading.Event()
        self._ends = threading.Event()

    def timed(self, changes: int, first: int) -> dict[str, Any]:
        """Milliseconds from just before each commit."""
        self._page.evaluate(WATCH, [f"host-row-{self._host.id}", MARK])
        listener = threading.Thread(target=self._listen)
        listener.start()
        self._listens.wait(10)
        begun: dict[str, float] = {}
        for number in range(first, first + changes):
            time.sleep(random.uniform(*PAUSE_S))
            begun[f"{MARK}{number}"] = change_host(self._host, f"{MARK}{number}")
        self._page.wait_for_function("mark => window.marks[mark]?.shown", arg=f"{MARK}{first + changes - 1}")
        marks = self._page.evaluate("() => window.marks")
        wait_for(lambda: len(self._rung) >= changes, 10)
        self._ends.set()
        listener.join()
        assert len(self._rung) == changes, "somebody else changed something"
        bell = [(rung - at) * 1000 for rung, at in zip(self._rung, begun.values(), strict=True)]
        seen = {mark: times for mark, times in marks.items() if mark in begun}
        return {
            "changes": changes,
            "lost": changes - len(seen),
            **{
                name: _figures([times[name] - begun[mark] * 1000 for mark, times in seen.items()])
                for name in ("shown", "in_page")
            },
            "bell": _figures(bell),
        }

    def _listen(self) -> None:
        from maintenance.feed import FEED_CHANNEL

        with psycopg.connect(self._database, autocommit=True) as connection:
            connection.execute(f"LISTEN {FEED_CHANNEL}")
            self._listens.set()
            while not self._ends.is_set():
                for _ in connection.notifies(timeout=0.5):
                    self._rung.append(time.time())


def _figures(took: list[float]) -> dict[str, float]:
    return {
        "p50_ms": round(percentile(took, 0.5), 1),
        "p99_ms": round(percentile(took, 0.99), 1),
        "max_ms": round(max(took), 1),
    }


# ---- the page --------------------------------------------------------------------------------------------------------


@contextmanager
def browser_page(port: int, cookie: str) -> Iterator[Any]:
    """The list of hosts in headless Chromium, live."""
    from playwright.sync_api import sync_playwright

    program = next(path for path in CHROMIUM_PATHS if Path(path).exists())
    name, _, value = cookie.partition("=")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        context = browser.new_context()
        context.add_cookies([{"name": name, "value": value, "url": f"http://127.0.0.1:{port}"}])
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{port}/hosts/")
        page.wait_for_selector("html[data-live=live]")
        yield page
        browser.close()


def skew(page: Any) -> dict[str, float]:
    """By how much the page's clock is ahead of ours, and how surely that is known: the quickest of 30 looks."""
    looks = []
    for _ in range(30):
        before = time.time()
        there = page.evaluate("performance.timeOrigin + performance.now()")
        after = time.time()
        looks.append(((after - before) * 500, there - (before + after) * 500))
    sure, ahead = min(looks)
    return {"ahead_ms": round(ahead, 2), "give_or_take_ms": round(sure, 2)}


# ---- the others ------------------------------------------------------------------------------------------------------


@contextmanager
def others(port: int, cookies: list[str], host: str, count: int) -> Iterator[dict[str, int]]:
    """They are connected while we are within; afterwards the yielded says how many frames they got."""
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=_look_on, args=(theirs, port, cookies, host, count), daemon=True)
    process.start()
    assert ours.poll(120), "the other sockets do not open"
    ours.recv()
    told = {"frames": 0}
    yield told
    ours.send("end")
    told["frames"] = ours.recv()
    process.join(20)


def _look_on(pipe: Connection, port: int, cookies: list[str], host: str, count: int) -> None:
    asyncio.run(_looking_on(pipe, port, cookies, host, count))


async def _looking_on(pipe: Connection, port: int, cookies: list[str], host: str, count: int) -> None:
    """Half of them on the same list, the others where the same change is told, too."""
    topics = ["hosts"] * 4 + ["overview", "timeline", "clusters", f"host:{host}"]
    heard = 0

    def hear(_socket: Socket, _text: bytes) -> None:
        nonlocal heard
        heard += 1

    sockets: list[Socket] = []
    for number, topic in enumerate(topics):
        some = count // len(topics) + (number < count % len(topics))
        sockets += await open_sockets(port, f"/ws/live/?topic={topic}", cookies, some, hear, at_once=20)
    pipe.send("open")
    while not await asyncio.to_thread(pipe.poll, 1):
        assert not any(socket.closed.done() for socket in sockets), "a socket was closed"
    pipe.send(heard)


# ---- small -----------------------------------------------------------------------------------------------------------


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    main()
