"""Every page: inert, within its frame, readable by roles that may, and without JavaScript."""

import re

import pytest
from playwright.sync_api import expect

from maintenance.backends.lab import models as lab_models
from maintenance.models import Run
from tests.browser.conftest import PASSWORD
from tests.waiting import wait_until

# The form's own first button sends nothing: it is in the way of Enter.
CHANGES_SOMETHING = (
    "#main form[method=post] button:enabled:not([formmethod=dialog]), #main button[formaction]:enabled"
)

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(240),
]

NASTY = '<script>document.title="owned"</script><img src=x onerror="document.title=\'owned\'">'


def pages_of(lab, run):
    host = lab.hosts["kvm1"]
    return ["/", "/hosts/", f"/hosts/{host}/", "/rolling/", "/rolling/new/", f"/rolling/{run.id}/"]


def test_what_hosts_and_people_wrote_is_inert_on_every_page(lab, engine, open_page):
    lab_models.Host.objects.filter(name="kvm1").update(kernel_version=NASTY, agent_version=NASTY)
    lab_models.Instance.objects.filter(host__name="kvm1").update(account=NASTY)
    lab.script(
        "kvm1",
        "Maintenance",
        f"#!/bin/sh\nprintf '%s\\033[2J\\007\\n' '{NASTY.replace(chr(39), '')}'\nexit 1\n",
    )
    run = lab.start(reason=NASTY, ticket=NASTY[:120])
    wait_until(lambda: Run.objects.get().state == "Paused", within_s=40)
    page = open_page("/")

    for path in pages_of(lab, run):
        page.goto(path)
        expect(page.locator("#main")).to_be_visible()
        assert page.title() != "owned"
        assert page.locator("main script, main img").count() == 0
    page.goto(f"/rolling/{run.id}/")
    expect(page.locator("#run-problems")).to_contain_text("<script>")


def test_no_page_scrolls_sideways_on_a_phone(lab, engine, open_page):
    lab.script("kvm1", "Maintenance", "#!/bin/sh\nprintf '%0300d' 7\nexit 1\n")
    run = lab.start(reason="x" * 200)
    wait_until(lambda: Run.objects.get().state == "Paused", within_s=40)
    page = open_page("/", width=390)

    for path in pages_of(lab, run):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


def test_a_viewer_sees_everything_of_a_run_and_may_change_nothing(lab, engine, open_page):
    run = lab.start()
    page = open_page(f"/rolling/{run.id}/", who="viewer")

    expect(page.locator("#run-head")).to_contain_text("Done", timeout=40_000)
    for path in pages_of(lab, run):
        answer = page.goto(path)
        if path == "/rolling/new/":
            assert answer.status == 403
            continue
        assert (
            page.locator(
                "#main form[method=post] button:enabled:not([formmethod=dialog]), #main button[formaction]:enabled"
            ).count()
            == 0
        ), path


def test_a_tenant_is_told_that_this_is_not_theirs(lab, open_page):
    page = open_page("/", who="tenant")

    assert page.goto("/hosts/").status == 403
    assert page.goto("/rolling/").status == 403


def test_pages_are_read_and_runs_started_without_javascript(lab, engine, browser, web, people):
    context = browser.new_context(base_url=web.url, java_script_enabled=False)
    page = context.new_page()
    page.goto("/login/")
    page.fill("input[name=username]", "operator")
    page.fill("input[name=password]", PASSWORD)
    page.click("button[type=submit]")
    page.wait_for_url(lambda url: "/login/" not in url)  # asking for another page would cut the login off

    page.goto(f"/rolling/new/?clusters={lab.clusters[0]}")
    page.get_by_role("button", name=re.compile("^Start: 3 hosts")).click()
    page.wait_for_url(re.compile(r"/rolling/[0-9a-f-]{36}/$"))
    wait_until(lambda: Run.objects.get().state == "Succeeded", within_s=40)
    page.reload()

    assert "Done" in page.locator("#run-head").inner_text()
    context.close()


def test_reload_and_back_anywhere_show_what_is_so(lab, engine, open_page):
    page = open_page("/")
    page.goto("/hosts/")
    run = lab.start()
    page.goto(f"/rolling/{run.id}/")
    expect(page.locator("#run-head")).to_contain_text("Done", timeout=40_000)

    page.go_back()
    page.go_forward()
    expect(page.locator("#run-head")).to_contain_text("Done")
    page.reload()
    expect(page.locator("#run-head")).to_contain_text("Done")
