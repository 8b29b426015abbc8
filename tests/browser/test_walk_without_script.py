"""Every page, read by a browser whose JavaScript is off: what it shows is there, and nothing asks for script."""

import pytest
from playwright.sync_api import Browser

from tests.browser.conftest import let_in
from tests.dashboard.walk import addresses, page_routes
from tests.dashboard.walk_scene import Scene

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]


def test_every_page_is_read_without_javascript(browser: Browser, lone_web, scene: Scene):
    context = browser.new_context(base_url=lone_web.url, java_script_enabled=False)
    page = context.new_page()
    let_in(context, lone_web.url, scene.people["administrator"])
    read = 0
    for route, address in dict(addresses(scene.things, page_routes())).items():
        kind = page.request.get(address, max_redirects=0)
        if kind.status != 200 or "<html" not in kind.text()[:2000]:
            continue
        page.goto(address, wait_until="domcontentloaded")
        main = page.locator("#main")
        assert main.is_visible(), route
        assert len(main.inner_text()) > 30, f"{route} says nothing without script"
        # Plain text may wait for script nowhere; "Live" would be a lie where nothing can come.
        assert (
            "Live" not in page.locator("#trust").inner_text() if page.locator("#trust").count() else True
        ), route
        read += 1
    assert read > 25
    context.close()
