"""The back button and reload, anywhere: what was asked for is still asked for, and the page is live afterwards."""

from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from maintenance.feed import unit_of_work
from maintenance.models import Host
from tests.browser.conftest import let_in
from tests.dashboard.walk_scene import Scene

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]

# What the page's form says of a name that stands in the address.
SAID = """(name) => [...document.querySelectorAll(`#main form[method=get] [name="${name}"]`)]
  .filter((e) => !["radio", "checkbox"].includes(e.type) || e.checked).map((e) => e.value)"""


@pytest.fixture
def page(browser: Browser, lone_web, scene: Scene):
    context = browser.new_context(base_url=lone_web.url, reduced_motion="reduce")
    opened = context.new_page()
    opened.set_default_timeout(30_000)
    let_in(context, lone_web.url, scene.people["administrator"])
    yield opened
    context.close()


def is_live(page: Page) -> None:
    expect(page.locator("#trust")).to_contain_text("Live")


def kinds_of_pages(scene: Scene) -> list[str]:
    """One of each kind, with something asked for where something can be asked for."""
    run, host = scene.runs["at work"].id, scene.inventory.hosts["kvm2"].id
    return [
        "/hosts/?search=kvm2",
        "/clusters/?search=c1&sort=-name",
        f"/clusters/{scene.inventory.clusters['c1'].id}/",
        f"/hosts/{host}/",
        "/rolling/?search=Kernel",
        f"/rolling/{run}/",
        f"/rolling/{run}/hosts/{host}/stages/Maintenance/output/?search=warning",
        "/needs-a-person/?show=taken",
        "/events/?search=kvm4",
        "/settings/limits/",
    ]


def test_back_and_reload_keep_what_was_asked_and_the_page_goes_on_living(page, scene):
    for address in kinds_of_pages(scene):
        page.goto(address)
        is_live(page)
        asked = dict(parse_qsl(urlsplit(page.url).query))
        shown = page.locator("h1").inner_text()
        page.goto("/me/password/")
        for come_back in (page.go_back, page.reload):
            come_back()
            assert urlsplit(page.url).path + urlsplit(page.url).query in address.replace("?", ""), address
            for name, value in asked.items():
                said = page.evaluate(SAID, name)
                assert not said or value in said, f"{address}: {name} is {said} after {come_back.__name__}"
            assert page.locator("h1").inner_text().split(".")[0] == shown.split(".")[0], address
            is_live(page)


def test_a_page_come_back_to_shows_what_has_changed_meanwhile_and_what_changes_next(page, scene):
    host = scene.inventory.hosts["kvm8"]
    page.goto(f"/hosts/{host.id}/")
    is_live(page)
    page.goto("/clusters/")

    tell_state(host, "Down")
    page.go_back()
    expect(page.locator("#host-head")).to_contain_text("down", ignore_case=True)
    is_live(page)
    tell_state(host, "Up")

    expect(page.locator("#host-head")).not_to_contain_text("down", ignore_case=True)


def test_a_link_to_a_place_on_a_page_is_there_after_reload(page, scene):
    run = scene.runs["at work"].id
    page.goto(f"/rolling/{run}/#run-record")
    is_live(page)

    page.reload()

    expect(page.locator("#run-record")).to_be_in_viewport()
    is_live(page)


def tell_state(host: Host, state: str) -> None:
    """As whoever reads the cloud would."""
    with unit_of_work() as work:
        before = Host.objects.get(id=host.id).state
        Host.objects.filter(id=host.id).update(state=state)
        about = {"host": str(host.id), "host_name": host.name, "cluster": str(host.cluster_id)}
        work.event("host.changed", about, before={"state": before}, after={"state": state})
