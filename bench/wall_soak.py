"""A week before the wall, at full speed: does the page that nobody reloads grow? Prints one JSON object.

    python -m bench.wall_soak [--beats N]

beats   heartbeats, one a second of the page's own clock (604,800: a week), with a band pushed anew each minute; the
        page is the real one, with its own script; the socket is played, so that a week takes minutes
heap    JavaScript's heap after garbage collection at 10 % and at 100 % of the beats: at most 1.1 times as much
nodes   DOM nodes and listeners that the browser holds then: as many as before
"""

import argparse
import json
import os
import socket
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from bench.rolling_overhead import machine
from bench.stack import running_stack, wait_for

WEEK = 604_800
STEPS = 10
HEAP_MAX = 1.1
PASSWORD = "bench-only-password"
CHROMIUM = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
CHROMIUM_PATHS = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")

# The page's clock, its timer and its socket are ours: a second passes with each beat.
PLAYED = """(() => {
  const now = performance.now.bind(performance), date = Date.now, every = [];
  let ahead = 0, opened = null;
  performance.now = () => now() + ahead;
  Date.now = () => date() + ahead;
  window.setInterval = (work) => every.push(work);
  window.WebSocket = class {
    static OPEN = 1;
    readyState = 1;
    constructor() { opened = this; }
    send() {}
  };
  const hear = (frame) => opened.onmessage({ data: JSON.stringify(frame) });
  window.play = async (beats, from) => {
    const wall = document.getElementById("main"), clouds = wall.dataset.clouds.split(" ");
    for (let n = from; n < from + beats; n += 1) {
      ahead += 1000;
      const at = new Date(Date.now()).toISOString(), seq = 1e9 + Math.floor(n / 60);
      const ages = Object.fromEntries(clouds.map((id) => [id, n % 4])), build = wall.dataset.build;
      if (n === 0) hear({ type: "current", seq });
      else if (n % 60 === 0) hear({ type: "delta", prev: seq - 1, seq, drawn: seq, parts: parts(n, at) });
      hear({ type: "heartbeat", seq, head: seq, at, age: 0, clouds: ages, listings: ages, engine: 1, build });
      every.forEach((work) => work());
      if (n % 500 === 0) await new Promise((done) => setTimeout(done));
    }
    return wall.dataset.live;
  };
  const parts = (n, at) => {
    const one = (id) => document.getElementById(id).outerHTML;
    const problem = `<article data-problem="${n}" data-state="Failed"><b>kvm${n % 9}</b><span>stage failed</span>
      <span><time datetime="${at}" data-as="for">0 s</time></span></article>`;
    const problems = `<section class="w-problems" id="wall-problems">${n % 180 ? problem : ""}</section>`;
    const others = ["wall-verdict", "wall-clusters", "wall-servers"].map((id) => [id, one(id)]);
    return { "wall-problems": problems, ...Object.fromEntries(others) };
  };
})()"""


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--beats", type=int, default=WEEK)
    chosen = options.parse_args()
    os.environ["PITSTOP_LOG_LEVEL"] = "WARNING"  # standard output is the JSON object's
    with running_stack() as stack:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        stack.manage("collectstatic", "--noinput")
        stack.start_web(port)
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: _answers(url), 60)
        print(json.dumps({"machine": machine(), **soaked(url, chosen.beats)}, indent=2))


def soaked(url: str, beats: int) -> dict[str, Any]:
    """What the page holds at 10 % and at the end."""
    from playwright.sync_api import sync_playwright

    each = beats // STEPS
    with sync_playwright() as playwright:
        chromium = next(path for path in CHROMIUM_PATHS if Path(path).exists())
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        page = browser.new_context(viewport={"width": 1920, "height": 1080}).new_page()
        page.goto(f"{url}/login/")
        page.fill("input[name=username]", "viewer")
        page.fill("input[name=password]", PASSWORD)
        page.click("button[type=submit]")
        page.wait_for_url(f"{url}/")
        page.add_init_script(PLAYED)
        page.goto(f"{url}/wall/")
        chrome = page.context.new_cdp_session(page)
        chrome.send("HeapProfiler.enable")
        began, held, states = time.monotonic(), [], set()
        for step in range(STEPS):
            states.add(page.evaluate("([beats, from]) => window.play(beats, from)", [each, step * each]))
            held.append(_held(page, chrome))
            print(f"{(step + 1) * 100 // STEPS} %: {held[-1]}", file=sys.stderr, flush=True)
        browser.close()
    first, last = held[0], held[-1]
    growth = last["heap_bytes"] / first["heap_bytes"]
    return {
        "beats": each * STEPS,
        "seconds": round(time.monotonic() - began, 1),
        "states": sorted(states),
        "at_10_percent": first,
        "at_100_percent": last,
        "heap_growth": round(growth, 3),
        "heap_is_flat": growth <= HEAP_MAX,
        "nodes_are_constant": (first["elements"], first["nodes"], first["listeners"])
        == (last["elements"], last["nodes"], last["listeners"]),
    }


def _held(page: Any, chrome: Any) -> dict[str, int]:
    for _ in range(3):
        chrome.send("HeapProfiler.collectGarbage")
    counted = chrome.send("Memory.getDOMCounters")
    return {
        "heap_bytes": int(chrome.send("Runtime.getHeapUsage")["usedSize"]),
        "elements": int(page.evaluate("document.querySelectorAll('*').length")),
        "nodes": counted["nodes"],
        "listeners": counted["jsEventListeners"],
    }


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.TransportError:
        return False


if __name__ == "__main__":
    main()
