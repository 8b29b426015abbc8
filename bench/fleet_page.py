"""A page that shows ten thousand hosts at once: what it weighs, and what a change costs; prints one JSON object.

    python -m bench.fleet_page [--hosts N] [--most N] [--asked N] [--batches N] [--changes N]

page      /wall/hosts/ of 10,000 hosts in 500 clusters (rows only, a fifth of them in a run), and the console's pages
          that list them: milliseconds until the answer is there, bytes over the wire (packed) of all that the page
          loads with an empty cache, and the first contentful paint in headless Chromium
snapshot  the map's packed letters within the page (packed for the wire like the page), and as a socket sends it
script    200 hosts change in one transaction: milliseconds of the page's own script, from the socket's frame to the end
          of its work, all frames of the batch together, as Chromium's clock tells them
push      one host changes, in a fleet of 100, 10,000 and 100,000 (20 to a cluster): from the commit until the frame is
          there, the bytes of the frame, and processor time of the web process; and the drawing alone, in this process
baseline  of the same run: an empty answer of that web process, and the same page with 10 hosts
"""

import argparse
import asyncio
import gzip
import json
import os
import re
import statistics
import time
from html import unescape
from typing import Any

import httpx

from bench.fleets import change_hosts, grow_fleet, put_into_a_run
from bench.pages import _answers, _free_port, browser_page, weights
from bench.rest_hosts import _cpu_s
from bench.rolling_overhead import machine
from bench.sockets import log_in, open_socket
from bench.stack import Stack, percentile, running_stack, wait_for

PAGE = "/wall/hosts/"
PAGES = {"wall-hosts": PAGE, "hosts": "/hosts/", "clusters": "/clusters/", "overview": "/"}
SERVER_MAX_MS, PAGE_MAX_KB, PAINT_MAX_MS, SNAPSHOT_MAX_KB, SCRIPT_MAX_MS = 300, 400, 2000, 60, 10
BATCH = 200
SAME_MAX = 1.5  # a change in the largest fleet, against one in the smallest
PUSH_MAX_S = 30.0
APART_S = 0.7  # changes of one cluster: repeats within half a second are merged

# Every message of the page's socket, and how long its script worked on it.
TIMED = """(() => {
  window.heard = [];
  const own = Object.getOwnPropertyDescriptor(WebSocket.prototype, "onmessage");
  Object.defineProperty(WebSocket.prototype, "onmessage", { ...own, set(handler) {
    own.set.call(this, (event) => {
      const begun = performance.now();
      handler(event);
      const ms = performance.now() - begun, frame = JSON.parse(event.data), bytes = event.data.length;
      if (frame.type === "delta") window.heard.push({ ms, bytes, parts: Object.keys(frame.parts).length });
    });
  } });
})()"""
IS_LIVE = "() => document.getElementById('main').dataset.live === 'live'"
HAS_HEARD = "(parts) => window.heard.reduce((sum, one) => sum + one.parts, 0) >= parts"


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--hosts", type=int, default=10_000)
    options.add_argument(
        "--most", type=int, default=100_000, help="hosts of the largest fleet that is pushed to"
    )
    options.add_argument("--asked", type=int, default=20, help="times each page is asked for")
    options.add_argument("--batches", type=int, default=15)
    options.add_argument("--changes", type=int, default=40, help="single changes at each size")
    chosen = options.parse_args()
    os.environ["PITSTOP_LOG_LEVEL"] = "WARNING"  # standard output is the JSON object's
    with running_stack() as stack:
        print(json.dumps({"machine": machine(), **measured(stack, chosen)}, indent=2))


def measured(stack: Stack, chosen: argparse.Namespace) -> dict[str, Any]:
    stack.manage("collectstatic", "--noinput")
    grow_fleet(10)
    port = _free_port()
    web = stack.start_web(port)
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: _answers(url), 60)
    cookie = log_in(1)[0]
    baseline = {
        "empty_answer": asked(url, "/healthz", cookie, chosen.asked),
        "ten_hosts": asked(url, PAGE, cookie, chosen.asked),
    }
    grow_fleet(100)
    pushes = {100: push(port, web.pid, cookie, chosen.changes)}
    grow_fleet(chosen.hosts)
    put_into_a_run(chosen.hosts // 5)
    found = {name: asked(url, address, cookie, chosen.asked) for name, address in PAGES.items()}
    snapshot = snapshot_kb(url, port, cookie)
    with browser_page(url) as page:
        weighed = weights(page, url, PAGES)["pages"]
        script = batches(page, url, chosen.batches)
    pushes[chosen.hosts] = push(port, web.pid, cookie, chosen.changes)
    grow_fleet(chosen.most, instances_each=0)
    pushes[chosen.most] = push(port, web.pid, cookie, chosen.changes)
    pages = {name: {**found[name], **weighed[name]} for name in PAGES}
    return {
        "hosts": chosen.hosts,
        "pages": pages,
        "snapshot": snapshot,
        "script": script,
        "push": pushes,
        "baseline": baseline,
        "target": f"server ≤ {SERVER_MAX_MS} ms, ≤ {PAGE_MAX_KB} kB, first paint ≤ {PAINT_MAX_MS} ms, snapshot ≤ "
        f"{SNAPSHOT_MAX_KB} kB, {BATCH} changes ≤ {SCRIPT_MAX_MS} ms of script, a push ≤ {SAME_MAX} times as much in "
        "the largest fleet as in the smallest",
        "is_met": {
            "server": {name: one["server_p95_ms"] <= SERVER_MAX_MS for name, one in pages.items()},
            "bytes": {name: one["kB"] <= PAGE_MAX_KB for name, one in pages.items()},
            "first_paint": {name: one["first_paint_ms"] <= PAINT_MAX_MS for name, one in pages.items()},
            "snapshot": max(snapshot.values()) <= SNAPSHOT_MAX_KB,
            "script": script["p95_ms"] <= SCRIPT_MAX_MS,
            "push": pushes[chosen.most]["drawn_p50_ms"] <= SAME_MAX * pushes[100]["drawn_p50_ms"]
            and pushes[chosen.most]["frame_p50_ms"] <= SAME_MAX * pushes[100]["frame_p50_ms"],
        },
    }  # fmt: skip


# ---- the page --------------------------------------------------------------------------------------------------------


def asked(url: str, address: str, cookie: str, times: int) -> dict[str, float]:
    """Milliseconds until the whole answer is there, one after another; the first is not counted."""
    took = []
    with httpx.Client(headers={"Cookie": cookie}) as client:
        for _ in range(times + 1):
            begun = time.perf_counter()
            client.get(url + address).raise_for_status()
            took.append((time.perf_counter() - begun) * 1000)
    took = took[1:]
    return {
        "server_p50_ms": round(percentile(took, 0.5), 1),
        "server_p95_ms": round(percentile(took, 0.95), 1),
    }


def snapshot_kb(url: str, port: int, cookie: str) -> dict[str, float]:
    answer = httpx.get(url + PAGE, headers={"Cookie": cookie}).raise_for_status()
    found = re.search(r'data-packed="([^"]*)"', answer.text)
    assert found is not None, "the page has its map"
    return {
        "packed_kB": round(len(gzip.compress(unescape(found[1]).encode(), 6)) / 1000, 1),
        "letters_kB": round(len(unescape(found[1])) / 1000, 1),
        "frame_kB": round(len(asyncio.run(_snapshot_frame(port, cookie))) / 1000, 1),
    }


async def _snapshot_frame(port: int, cookie: str) -> bytes:
    heard: asyncio.Queue[bytes] = asyncio.Queue()
    socket = await open_socket(port, _topic(), cookie, lambda _socket, text: heard.put_nowait(text))
    async with asyncio.timeout(PUSH_MAX_S):
        while not (text := await heard.get()).startswith(b'{"type":"snapshot"'):
            continue
    socket.drop()
    return text


def _topic(after: int | None = None) -> str:
    from dashboard.screens.wall.profile import EVERYTHING

    return f"/ws/live/?topic=wallhosts:{EVERYTHING.id}" + ("" if after is None else f"&after={after}")


# ---- the script ------------------------------------------------------------------------------------------------------


def batches(page: Any, url: str, times: int) -> dict[str, Any]:
    """Each host of a batch is in another cluster: as much work as so many changes can be."""
    page.add_init_script(TIMED)
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(url + PAGE)
    page.wait_for_function(IS_LIVE)
    hosts = _hosts(BATCH)
    took, frames, sizes = [], [], []
    for number in range(times):
        page.evaluate("() => { window.heard = []; }")
        change_hosts(hosts, "Down" if number % 2 == 0 else "Up")
        page.wait_for_function(HAS_HEARD, arg=BATCH)
        heard = page.evaluate("window.heard")
        took.append(sum(one["ms"] for one in heard))
        frames.append(len(heard))
        sizes.append(sum(one["bytes"] for one in heard))
    return {
        "batches": times,
        "p50_ms": round(percentile(took, 0.5), 2),
        "p95_ms": round(percentile(took, 0.95), 2),
        "max_ms": round(max(took), 2),
        "frames_of_a_batch": statistics.median(frames),
        "bytes_of_a_batch": statistics.median(sizes),
    }


def _hosts(most: int) -> list[Any]:
    """One of each cluster, as many as there are and are wanted; none of them is in a run."""
    from django.db import connection

    from maintenance.models import Host

    free = Host.objects.filter(gone_at=None, resource_state="Enabled").exclude(targets__is_open=True)
    found = list(free.order_by("cluster__name", "id").distinct("cluster__name")[:most])
    connection.close()
    return found


# ---- one change ------------------------------------------------------------------------------------------------------


def push(port: int, web: int, cookie: str, changes: int) -> dict[str, float]:
    """One host after another, each as soon as the page has the one before."""
    hosts = _hosts(changes)
    drawn = [_drawn_ms(host) for host in hosts]
    return {
        "drawn_p50_ms": round(percentile(drawn, 0.5), 2),
        **asyncio.run(_pushed(port, web, cookie, hosts, changes)),
    }


def _drawn_ms(host: Any) -> float:
    from dashboard.live.render import draw
    from dashboard.live.touched import Part
    from dashboard.screens.wall.profile import EVERYTHING

    begun = time.perf_counter()
    drawn = draw([(Part(f"wallhosts:{EVERYTHING.id}", "cluster", str(host.cluster_id)), "")])
    took = (time.perf_counter() - begun) * 1000
    assert not any(isinstance(one, Exception) for one in drawn.values()), drawn
    return took


async def _pushed(port: int, web: int, cookie: str, hosts: list[Any], changes: int) -> dict[str, float]:
    from dashboard.screens.feed_head import feed_head

    heard: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
    after = await asyncio.to_thread(feed_head)
    socket = await open_socket(
        port, _topic(after), cookie, lambda _socket, text: heard.put_nowait((time.perf_counter(), text))
    )
    took, sizes = [], []
    await _one_change(hosts[0], heard)  # the first one after a start: where hosts stand is read
    await asyncio.sleep(APART_S)
    cpu_s, begun = _cpu_s(web), time.perf_counter()
    for number in range(changes):
        committed, at, text = await _one_change(hosts[number % len(hosts)], heard)
        took.append((at - committed) * 1000)
        sizes.append(len(text))
        if len(hosts) < changes:
            await asyncio.sleep(APART_S / len(hosts))  # not merged with the cluster's last change
    elapsed = time.perf_counter() - begun
    cpu_ms = (_cpu_s(web) - cpu_s) / changes * 1000
    socket.drop()
    return {
        "frame_p50_ms": round(percentile(took, 0.5), 2),
        "frame_p95_ms": round(percentile(took, 0.95), 2),
        "frame_bytes": statistics.median(sizes),
        "web_cpu_ms": round(cpu_ms, 2),
        "changes_per_s": round(changes / elapsed, 1),
    }


async def _one_change(host: Any, heard: asyncio.Queue[tuple[float, bytes]]) -> tuple[float, float, bytes]:
    """When it was committed, and when which frame told it."""
    state = "Down" if host.state == "Up" else "Up"
    await asyncio.to_thread(change_hosts, [host], state)
    committed = time.perf_counter()
    key = f"cells-{host.cluster_id.hex[:12]}".encode()
    async with asyncio.timeout(PUSH_MAX_S):
        while True:
            at, text = await heard.get()
            if key in text:
                return committed, at, text


if __name__ == "__main__":
    main()
