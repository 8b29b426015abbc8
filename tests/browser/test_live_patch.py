"""A live patch from the end user's button to the truth: a real engine patches a real router of the lab, and what the
tenant reads is what the router itself answers."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from dashboard.models import Membership
from maintenance.backends.lab.system_vms import breaking
from maintenance.backends.lab.system_vms.folder import folder_of
from maintenance.models import Run, SystemVm
from tests.maintenance.engine.vm_lab import (
    NEW,
    OLD,
    add_network,
    all_probed,
    asked_now,
    publish,
    versions,
)
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True, databases=["default", "lab"]),
    pytest.mark.browser,
    pytest.mark.timeout(120),
]

ROUTER = "r-shop-prod-VM"
WITHIN_MS = 60_000
SOAK_S = 2  # instead of the usual 10
# Each text that the card shows is kept: steps may be too short for one who looks now and then.
WATCH = """card => {
    window.seen = [];
    const note = () => {
        const said = document.getElementById(card.id)?.querySelector('header .state')?.innerText.trim();
        if (said && window.seen.at(-1) !== said) window.seen.push(said);
    };
    new MutationObserver(note).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""


@pytest.fixture
def card(lab, engine, people, open_page, tmp_path):
    """The tenant's one network, on their page: an update is available."""
    network = add_network(lab, "shop-prod", "shop")
    with all_probed(lab):
        Membership.objects.create(
            user=people["tenant"], cloud=lab.cloud, domain="ROOT/shop", account="shop", made_by="ada"
        )
        page: Page = open_page("/my/", who="tenant")
        expect(page.locator("#trust")).to_contain_text("Live")
        publish(tmp_path)
        card = page.locator(f"#net-{network}")
        expect(card).to_contain_text("pdate available", timeout=WITHIN_MS)
        yield card


def press(card: Locator) -> None:
    card.evaluate(WATCH)
    card.get_by_text("Live Patch: update now").click()
    card.get_by_role("button", name="Start the update").click()
    run = wait_until(Run.objects.first)
    Run.objects.filter(id=run.id).update(soak_s=SOAK_S)


def steps_seen(card: Locator) -> list[str]:
    """Updating 1 of 5, …"""
    texts: list[str] = card.page.evaluate("window.seen")
    return [found.group() for text in texts if (found := re.search(r"Updating \d of \d", text))]


def test_a_tenant_presses_watches_the_steps_and_reads_the_version_that_was_probed(card):
    press(card)

    expect(card).to_contain_text(f"{NEW} is running.", timeout=WITHIN_MS)
    expect(card).to_contain_text("everything answers")
    steps = steps_seen(card)
    assert steps == sorted(steps), "they go forward"
    assert len(set(steps)) >= 3, steps
    expect(card).to_contain_text("Measured from outside")
    assert set(versions(ROUTER).values()) == {NEW}
    assert SystemVm.objects.get(name=ROUTER).software_version == NEW


def test_a_service_that_does_not_start_leads_back_and_the_tenant_reads_so(card):
    breaking.fail_start(folder_of(ROUTER), "dnsmasq")

    press(card)

    expect(card).to_contain_text("The previous version is back.", timeout=WITHIN_MS)
    expect(card).to_contain_text("Did not start with the new version: DNS and DHCP.")
    expect(card).to_contain_text("Everything answers.")
    assert steps_seen(card)
    probe = asked_now(ROUTER)
    assert {service.version for service in probe.services} == {OLD}
    assert probe.rules_answering == probe.rules > 0
    assert Run.objects.get().targets.get().result == "failed_restored"


def test_an_operator_who_presses_in_the_list_comes_to_the_page_of_the_run(lab, open_page, tmp_path):
    add_network(lab, "shop-prod", "shop")
    with all_probed(lab):
        publish(tmp_path)
        page: Page = open_page("/system-vms/")
        page.locator("tr", has_text=ROUTER).get_by_role("button", name="Live patch").click()

        page.wait_for_url(f"**/rolling/{wait_until(Run.objects.first).id}/")

        expect(page.locator("h1")).to_contain_text("Waiting for an engine.")
        page.go_back()
        expect(page.locator("tr", has_text=ROUTER)).to_contain_text("in run 1")
