"""What walks of a real browser over all pages share."""

from playwright.sync_api import APIResponse, Page, ViewportSize

from tests.dashboard.walk import addresses, page_routes
from tests.dashboard.walk_scene import Scene

TOO_WIDE = """() => {
  const wide = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > innerWidth + 1);
  const all = Math.max(document.documentElement.scrollWidth, document.body.scrollWidth);
  return all <= innerWidth ? null : `${all} px: ${wide.slice(0, 4).map((e) => e.outerHTML.slice(0, 120)).join(" … ")}`;
}"""
WIDE = ViewportSize(width=1440, height=900)
PHONE = ViewportSize(width=390, height=844)
EACH = frozenset({"host", "run", "need"})


def pages_of(scene: Scene, page: Page) -> list[str]:
    """The address of every page that this one may open; what is downloaded, led elsewhere or only a piece is none."""
    found = [address for _, address in addresses(scene.things, page_routes())]
    return [address for address in found if is_page(page.request.get(address, max_redirects=0))]


def pages_of_each_route(scene: Scene, page: Page, most: int = 3) -> list[str]:
    """So many pages of each route at most: those of one route come from one template. Of what has states of its own,
    hosts, runs and needs, every one."""
    asked: dict[str, list[str]] = {}
    for route, address in addresses(scene.things, page_routes()):
        has_room = route in EACH or len(asked.get(route, ())) < most
        if has_room and is_page(page.request.get(address, max_redirects=0)):
            asked.setdefault(route, []).append(address)
    return [address for of_one in asked.values() for address in of_one]


def is_page(answer: APIResponse) -> bool:
    is_html = answer.headers.get("content-type", "").startswith("text/html")
    return answer.status == 200 and is_html and "<html" in answer.text()
