"""Every page, read by a browser whose JavaScript is off: what it shows is there, and nothing asks for script."""

import pytest
from django.contrib.auth.hashers import make_password
from playwright.sync_api import Browser

from dashboard.models import User
from tests.browser.conftest import PASSWORD, log_in
from tests.dashboard.walk import addresses, page_routes
from tests.dashboard.walk_scene import make_scene

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(150),
]


def test_every_page_is_read_without_javascript(browser: Browser, lone_web, transactional_db):
    scene = make_scene()
    User.objects.update(password=make_password(PASSWORD))
    context = browser.new_context(base_url=lone_web.url, java_script_enabled=False)
    page = context.new_page()
    log_in(page, scene.people["administrator"].username)
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
