"""What the pages cost: bytes, first paint, queries, and the time from a change to the pixel; prints one JSON object.

    python -m bench.pages [--hosts N] [--changes N]

weight   bytes over the wire (gzip) of everything a page loads with an empty cache, and the first contentful paint in
         headless Chromium, on the demo
queries  statements a page asks of the database, with the demo's ten hosts and with N hosts more: they must not grow
pixel    from the commit of a host's change to the frame in which an open page shows it
baseline of the same run and machine: a bare answer of the web process, and a NOTIFY from commit to listener
"""

import argparse
import json
import os
import socket
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg

from bench.rolling_overhead import machine
from bench.stack import Stack, percentile, running_stack, wait_for

PASSWORD = "bench-only-password"
PAINTS = 5
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
CHROMIUM_PATHS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
WEIGHT_MAX_KB, PAINT_MAX_MS = 150, 1000

# The page tells when a row of the list of hosts shows another state: the moment of the frame after the change.
WATCH = """name => new Promise(resolve => {
  const row = [...document.querySelectorAll('[id^=host-row-]')].find(r => r.textContent.includes(name));
  const was = row.querySelector('.state').textContent;
  const look = () => {
    const now = document.getElementById(row.id).querySelector('.state').textContent;
    if (now === was) return;
    observer.disconnect();
    requestAnimationFrame(() => resolve(performance.timeOrigin + performance.now()));
  };
  const observer = new MutationObserver(look);
  observer.observe(document.body, {subtree: true, childList: true, characterData: true, attributes: true});
  window.isWatching = true;
})"""


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--hosts", type=int, default=3000, help="virtual hosts added for the second count")
    options.add_argument("--changes", type=int, default=60, help="changes timed to the pixel")
    chosen = options.parse_args()
    os.environ["PITSTOP_LOG_LEVEL"] = "WARNING"  # standard output is the JSON object's
    with running_stack() as stack:
        engine = stack.start_engine()
        read_the_lab()
        run = finished_run(stack)
        stack.manage("collectstatic", "--noinput")
        web = f"http://127.0.0.1:{_free_port()}"
        stack.start_web(int(web.rpartition(":")[2]))
        wait_for(lambda: _answers(web), 30)
        result: dict[str, Any] = {"machine": machine(), "baseline": baseline(stack, web)}
        pages = page_addresses(run)
        few = queries(pages)
        with browser_page(web) as page:
            result["weight"] = weights(page, web, pages)
            engine.terminate()
            engine.wait(10)
            result["pixel"] = pixel(page, web, chosen.changes)
        stack.manage("lab", "grow", "--hosts", str(chosen.hosts), "--virtual")
        stack.start_engine()
        read_the_lab(more_than=chosen.hosts)
        result["queries"] = grown(few, queries(pages), chosen.hosts)
    print(json.dumps(result, indent=2))


def read_the_lab(more_than: int = 0) -> None:
    from maintenance.models import Host

    wait_for(lambda: Host.objects.filter(gone_at=None).count() > more_than, 120)


def finished_run(stack: Stack) -> Any:
    """A run over the first cluster, ended, so that every page has something to show."""
    from maintenance import actions
    from maintenance.models import Cluster

    for name in ("prepare_s", "move_s_per_gb", "move_min_s", "cancel_s"):
        stack.manage("lab", "config", "set", name, "0")
    cluster = Cluster.objects.filter(gone_at=None, hosts__hypervisor="KVM").order_by("name").first()
    assert cluster is not None
    request = actions.StartRequest(scope_kind="clusters", scope_ids=(cluster.id,), timeout_s=60)
    run = actions.start_rolling_maintenance(request, actor="bench")

    def has_ended() -> bool:
        run.refresh_from_db()
        return run.finished_at is not None or run.state == "Paused"

    wait_for(has_ended, 180)
    return run


def page_addresses(run: Any) -> dict[str, str]:
    """Every page that is opened with GET: its route and its address on this stack. Downloads and redirects are none."""
    from django.urls import NoReverseMatch, reverse

    from dashboard.access import MATRIX

    found = {}
    client, named_things = logged_in(), things_named(run)
    for route, row in MATRIX.items():
        if "GET" not in row or route.startswith("api") or route == "login":
            continue
        for named in ({}, *named_things):
            try:
                address = reverse(route, kwargs=named)
            except NoReverseMatch:
                continue
            answer = client.get(address)
            if answer.status_code == 200 and answer.headers["Content-Type"].startswith("text/html"):
                found[route] = address
                break
    return found


def things_named(run: Any) -> list[dict[str, Any]]:
    """What may stand in an address, by the names that the routes give it."""
    from dashboard.models import User
    from maintenance.models import Attention, Cloud, Cluster, Pod, Zone

    host = run.targets.order_by("order").first().host
    need = Attention.objects.create(
        cause="stage-failed", title="bench", message="exit status 1", host=host, run=run
    )
    return [
        *({"place_id": kind.objects.order_by("name").first().id} for kind in (Zone, Pod, Cluster)),
        {"host_id": host.id},
        {"run_id": run.id},
        {"need_id": need.id},
        {"cloud_id": Cloud.objects.first().id},
        {"person_id": User.objects.get(username="viewer").key},
        {"run_id": run.id, "host_id": host.id, "stage": "Maintenance"},
    ]


# ---- the floor -------------------------------------------------------------------------------------------------------


def baseline(stack: Stack, web: str) -> dict[str, float]:
    answers, notices = [], []
    with httpx.Client() as client:
        for _ in range(100):
            begun = time.perf_counter()
            client.get(f"{web}/healthz").raise_for_status()
            answers.append((time.perf_counter() - begun) * 1000)
    with (
        psycopg.connect(stack.postgres.url(), autocommit=True) as hears,
        psycopg.connect(stack.postgres.url(), autocommit=True) as tells,
    ):
        hears.execute("LISTEN bench")
        for _ in range(100):
            begun = time.perf_counter()
            tells.execute("NOTIFY bench")
            next(hears.notifies(timeout=5, stop_after=1))
            notices.append((time.perf_counter() - begun) * 1000)
    return {
        "healthz_p50_ms": round(statistics.median(answers), 2),
        "notify_p50_ms": round(statistics.median(notices), 2),
        "notify_p99_ms": round(percentile(notices, 0.99), 2),
    }


# ---- bytes and first paint -------------------------------------------------------------------------------------------


@contextmanager
def browser_page(web: str) -> Iterator[Any]:
    """A logged in page in headless Chromium."""
    from pathlib import Path

    from playwright.sync_api import sync_playwright

    # Playwright's sync interface keeps an event loop in this thread; the ORM must not mind.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    program = next(path for path in CHROMIUM_PATHS if Path(path).exists())
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=CHROMIUM)
        page = browser.new_page()
        page.goto(f"{web}/login/")
        page.fill("input[name=username]", "admin")
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_selector("#trust")
        yield page
        browser.close()


def weights(page: Any, web: str, pages: dict[str, str]) -> dict[str, Any]:
    """Per page: kB over the wire with an empty cache, and the median first contentful paint, as Chromium tells them."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    loaded: list[float] = []
    session.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
    found = {}
    for route, address in pages.items():
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        paints = []
        for _ in range(PAINTS):
            loaded.clear()
            page.goto(f"{web}{address}", wait_until="load")
            paint = page.wait_for_function(
                "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
            )
            paints.append(float(paint.json_value()))
        found[route] = {
            "kB": round(sum(loaded) / 1000, 1),
            "first_paint_ms": round(statistics.median(paints)),
        }
    heaviest = max(found, key=lambda route: found[route]["kB"])
    slowest = max(found, key=lambda route: found[route]["first_paint_ms"])
    return {
        "heaviest": {heaviest: found[heaviest]["kB"]},
        "slowest": {slowest: found[slowest]["first_paint_ms"]},
        "target": f"≤ {WEIGHT_MAX_KB} kB, first paint ≤ {PAINT_MAX_MS} ms",
        "pages": found,
    }


# ---- queries ---------------------------------------------------------------------------------------------------------


def queries(pages: dict[str, str]) -> dict[str, dict[str, float]]:
    """Per page: statements, and milliseconds of the whole answer (median of three), in this process."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from dashboard.screens.runs.usual import forget

    client = logged_in()
    found = {}
    for route, address in pages.items():
        took = []
        for _ in range(3):
            forget()  # what is usual here is learned anew: nothing is remembered
            begun = time.perf_counter()
            with CaptureQueriesContext(connection) as asked:
                answer = client.get(address)
            took.append((time.perf_counter() - begun) * 1000)
            assert answer.status_code == 200, (route, answer.status_code)
        found[route] = {"statements": len(asked), "ms": round(statistics.median(took), 1)}
    connection.close()
    return found


def logged_in() -> Any:
    """A client of this process, as an administrator."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(
        get_user_model().objects.get(username="admin"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    return client


def grown(few: dict[str, Any], many: dict[str, Any], hosts: int) -> dict[str, Any]:
    growing = [route for route in few if many[route]["statements"] > few[route]["statements"]]
    return {
        "hosts": [10, 10 + hosts],
        "pages_that_ask_more": growing,
        "target": "none: a page's statements are the same for any fleet",
        "pages": {
            route: {name: [few[route][name], many[route][name]] for name in ("statements", "ms")}
            for route in few
        },
    }


# ---- from the change to the pixel ------------------------------------------------------------------------------------


def pixel(page: Any, web: str, changes: int) -> dict[str, Any]:
    """A host goes Down and Up again, over and over; no engine reads the lab meanwhile, so nobody corrects it."""
    from maintenance.models import Host

    host = Host.objects.filter(gone_at=None, hypervisor="KVM").order_by("name").first()
    assert host is not None
    took = []
    page.goto(f"{web}/hosts/")
    page.wait_for_selector("html[data-live=live]")
    for number in range(changes):
        page.evaluate("() => { window.isWatching = false; }")
        committed: list[float] = []
        changer = threading.Thread(target=_change_soon, args=(host.id, number % 2 == 0, committed))
        changer.start()
        shown_ms = page.evaluate(WATCH, host.name)
        changer.join()
        took.append(shown_ms - committed[0] * 1000)
    return {
        "changes": changes,
        "p50_ms": round(percentile(took, 0.5), 1),
        "p99_ms": round(percentile(took, 0.99), 1),
        "max_ms": round(max(took), 1),
        "target": "p50 ≤ 100 ms, p99 ≤ 250 ms",
    }


def _change_soon(host_id: Any, goes_down: bool, committed: list[float]) -> None:
    from django.db import connection

    from maintenance.clock import database_now
    from maintenance.feed import unit_of_work
    from maintenance.models import Cloud, Host

    time.sleep(0.3)  # the page has begun to watch, and earlier changes are no longer merged with this one
    state = "Down" if goes_down else "Up"
    with unit_of_work("bench") as work:
        now = database_now()
        Cloud.objects.update(read_at=now, as_of=now)
        host = Host.objects.get(id=host_id)
        before = {"state": host.state}
        Host.objects.filter(id=host_id).update(state=state, changed_at=now)
        about = {"host": str(host.id), "host_name": host.name, "cluster": str(host.cluster_id)}
        work.event("host.changed", about, before=before, after={"state": state})
    committed.append(time.time())
    connection.close()


# ---- small -----------------------------------------------------------------------------------------------------------


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(web: str) -> bool:
    try:
        return httpx.get(f"{web}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    main()
