"""`make screenshots`: every page, light and dark, on a large screen and on a phone, as pictures in a folder.

Arguments: the folder (var/screenshots), `--readme` to write those of README anew instead (docs/screenshots). A page
that does not answer as it should, or cannot be shot, fails the whole.
"""

import base64
import shutil
import signal
import sys
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, sync_playwright

from tooling.run_tests import CHROMIUM_NAMES, ensure_chromium
from tooling.scene import PASSWORD, ROOT, Scene, SceneError, played

WIDTHS = {"1440": 1440, "390": 390}
HEIGHT = 900
TALLEST = 6000  # a picture is cut off below
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
QUALITY = 82
README_BYTES_MAX = 120_000

# Name of the picture → where it is; {…} are ids of the scene. Routes that tests/tooling/test_screenshots.py knows to be
# pages and that are missing here fail there.
PAGES: Mapping[str, str] = {
    "overview": "/",
    "zones": "/zones/",
    "zone": "/zones/{zone}/",
    "pods": "/pods/",
    "pod": "/pods/{pod}/",
    "clusters": "/clusters/",
    "cluster": "/clusters/{cluster}/",
    "hosts": "/hosts/",
    "host-at-work": "/hosts/{host}/",
    "host-failed": "/hosts/{failed}/",
    "host": "/hosts/{free}/",
    "runs": "/rolling/",
    "start-empty": "/rolling/new/",
    "start": "/rolling/new/?clusters={idle}",
    "start-blocked": "/rolling/new/?clusters={cluster}",
    "run-at-work": "/rolling/{run}/",
    "run-paused": "/rolling/{paused}/",
    "run-done": "/rolling/{done}/",
    "run-hosts": "/rolling/{done}/hosts/",
    "run-print": "/rolling/{done}/report/",
    "output": "/rolling/{run}/hosts/{host}/stages/Maintenance/output/",
    "needs": "/needs-a-person/",
    "need": "/needs-a-person/{need}/",
    "events": "/events/",
    "servers": "/management-servers/",
    "server": "/management-servers/{server}/",
    "jobs": "/jobs/",
    "agents": "/agents/",
    "agents-change": "/agents/change/",
    "agents-rebalance": "/agents/rebalance/",
    "system-vms": "/system-vms/",
    "system-vm": "/system-vms/{system_vm}/",
    "system-vm-patched": "/system-vms/{patched_vm}/",
    "system-vms-patch": "/system-vms/patch/?scope=all",
    "run-patched": "/rolling/{patched}/",
    "run-restarted": "/rolling/{restarted}/",
    "routers-restart-empty": "/system-vms/restart/",
    "routers-restart": "/system-vms/restart/?network={network}",
    "me": "/me/",
    "me-password": "/me/password/",
    "settings": "/settings/",
    "settings-people": "/settings/people/",
    "settings-person": "/settings/people/{person}/",
    "settings-person-new": "/settings/people/new/",
    "settings-person-password": "/settings/people/{person}/password/",
    "settings-roles": "/settings/roles/",
    "settings-tokens": "/settings/tokens/",
    "settings-clouds": "/settings/clouds/",
    "settings-cloud": "/settings/clouds/{cloud}/",
    "settings-limits": "/settings/limits/",
    "settings-payloads": "/settings/payloads/",
    "settings-notifications": "/settings/notifications/",
    "settings-walls": "/settings/walls/",
    "wall": "/wall/",
    "wall-hosts": "/wall/hosts/",
    "no-such-page": "/no-such-page/",
}
OUTSIDE: Mapping[str, str] = {"login": "/login/"}  # before anybody has logged in
TENANTS: Mapping[str, str] = {"portal": "/my/"}
README = {
    "overview": "overview", "run-at-work": "run", "run-paused": "paused", "run-done": "report",
    "start": "start", "host-at-work": "host",
}  # fmt: skip
STATUS = {"no-such-page": 404}


def main() -> int:
    """0 when every picture was taken."""
    words = ArgumentParser(prog="make screenshots")
    words.add_argument("folder", nargs="?", type=Path, default=ROOT / "var/screenshots")
    words.add_argument(
        "--readme", action="store_true", help="those that README shows, into docs/screenshots/"
    )
    asked = words.parse_args()
    if not ensure_chromium():
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # whatever was started is stopped and removed
    began = time.monotonic()
    try:
        with played() as scene, sync_playwright() as playwright:
            chromium = next(path for name in CHROMIUM_NAMES if (path := shutil.which(name)))
            browser = playwright.chromium.launch(
                executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
            )
            print(f"pitstop: the scene is set ({time.monotonic() - began:.0f} s)", flush=True)
            taken = shoot(
                browser, scene, ROOT / "docs/screenshots" if asked.readme else asked.folder, asked.readme
            )
            browser.close()
    except SceneError as reason:
        print(f"pitstop: no pictures: {reason}", file=sys.stderr)
        return 1
    print(f"pitstop: {len(taken)} pictures in {taken[0].parent} ({time.monotonic() - began:.0f} s)")
    return 0


def shoot(browser: Browser, scene: Scene, folder: Path, for_readme: bool) -> list[Path]:
    """Each page is opened once and shot in both themes and widths. Raises: SceneError."""
    folder.mkdir(parents=True, exist_ok=True)
    page = _new_page(browser, scene)
    taken = []
    if not for_readme:
        for name, address in OUTSIDE.items():
            taken += _shoot_page(page, name, address, folder)
    _log_in(page, "admin")
    scene.ids.update(_seen_on_pages(page))
    for name, address in PAGES.items():
        if not for_readme:
            taken += _shoot_page(page, name, address.format(**scene.ids), folder)
        elif name in README:
            taken += _shoot_for_readme(page, README[name], address.format(**scene.ids), folder)
    if not for_readme:
        tenants = _new_page(browser, scene)
        _log_in(tenants, "tenant")
        for name, address in TENANTS.items():
            taken += _shoot_page(tenants, name, address, folder)
    return taken


def _new_page(browser: Browser, scene: Scene) -> Page:
    """Of a browser in which nobody has logged in."""
    page = browser.new_context(base_url=scene.url, reduced_motion="reduce").new_page()
    page.set_default_timeout(10_000)
    return page


def _log_in(page: Page, who: str) -> None:
    page.goto("/login/")
    page.fill("input[name=username]", who)
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url("**/")


def _seen_on_pages(page: Page) -> dict[str, str]:
    """Ids that REST does not tell: of the first thing that needs a person, of somebody, of the cloud."""
    found = {}
    for name, where, starts in (
        ("need", "/needs-a-person/", "/needs-a-person/"),
        ("person", "/settings/people/", "/settings/people/"),
        ("cloud", "/settings/clouds/", "/settings/clouds/"),
        ("server", "/management-servers/", "/management-servers/"),
    ):
        page.goto(where)
        links = page.eval_on_selector_all(
            f"#main a[href^='{starts}']", "all => all.map((a) => a.getAttribute('href'))"
        )
        ids = [link.removeprefix(starts).split("/")[0] for link in links]
        found[name] = next((key for key in ids if key.count("-") == 4), "")
        if not found[name]:
            raise SceneError(f"{where} leads to no {name}")
    return found


def _shoot_page(page: Page, name: str, address: str, folder: Path) -> list[Path]:
    """The whole page, four times."""
    _open(page, name, address)
    taken = []
    for width in WIDTHS.values():
        page.set_viewport_size({"width": width, "height": HEIGHT})
        tall = min(TALLEST, page.evaluate("document.documentElement.scrollHeight"))
        for scheme in SCHEMES:
            taken.append(_save(page, folder / f"{name}-{width}-{scheme}.webp", scheme, width, tall))
    return taken


def _shoot_for_readme(page: Page, name: str, address: str, folder: Path) -> list[Path]:
    """What a large screen shows of it at once."""
    page.set_viewport_size({"width": 1440, "height": HEIGHT})
    _open(page, name, address)
    taken = [_save(page, folder / f"{name}-{scheme}.webp", scheme, 1440, HEIGHT) for scheme in SCHEMES]
    for path in taken:
        if path.stat().st_size > README_BYTES_MAX:
            raise SceneError(
                f"{path} has {path.stat().st_size} bytes, README's have {README_BYTES_MAX} at most"
            )
    return taken


def _open(page: Page, name: str, address: str) -> None:
    answer = page.goto(address)
    if answer is None or answer.status != STATUS.get(name, 200):
        raise SceneError(f"{address} answers {answer and answer.status}")
    page.evaluate("document.fonts.ready")
    if page.locator("#trust").count():
        page.locator("#trust", has_text="Live").wait_for()
    if page.locator(".w-trust").count():
        page.locator(".w-trust", has_text="Live").wait_for()


def _save(page: Page, path: Path, scheme: Literal["light", "dark"], width: int, tall: int) -> Path:
    """WebP, which Playwright itself does not write."""
    page.emulate_media(color_scheme=scheme)
    chromium = page.context.new_cdp_session(page)
    picture = chromium.send(
        "Page.captureScreenshot",
        {
            "format": "webp",
            "quality": QUALITY,
            "captureBeyondViewport": True,
            "clip": {"x": 0, "y": 0, "width": width, "height": tall, "scale": 1},
        },
    )
    chromium.detach()
    path.write_bytes(base64.b64decode(picture["data"]))
    return path


if __name__ == "__main__":
    sys.exit(main())
