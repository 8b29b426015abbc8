"""One card a network: what it says in each state, in words that name no host, no router, no run."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from maintenance.domain.states import Stage, TargetState
from maintenance.domain.system_vms import SystemVmType
from maintenance.models import Attention, SystemVm
from tests.dashboard.portal.networks import (
    NEW,
    add_network,
    add_vpc,
    at_stage,
    browser,
    ended,
    measured,
    patch,
    publish,
)

PORTAL = "/my/"


def card(page: str, name: str) -> str:
    """What the card of this network says, tags taken out."""
    found = [c for c in re.findall(r"<article.*?</article>", page, re.S) if f"<bdi>{name}</bdi></h2>" in c]
    assert len(found) == 1, f"{len(found)} cards of {name}"
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).replace("\xa0", " ").split())


def test_a_network_whose_router_runs_the_newest_is_up_to_date(shop, tenancy):
    publish()
    SystemVm.objects.update(software_version=NEW, scripts_checksum="1" * 32)

    says = card(shop.get(PORTAL).text, "shop-prod")

    assert "Up to date" in says
    assert "4.21.0.1, the newest. Nothing to do." in says
    assert "update now" not in says


def test_an_update_says_what_restarts_and_what_stays_up_before_the_click(shop, tenancy):
    publish()

    says = card(shop.get(PORTAL).text, "shop-prod")

    assert "Update available" in says
    for part in ("4.21.0.0", "4.21.0.1", "Live Patch: update now", "Choose a time"):
        assert part in says
    assert "load balancing (haproxy), passwords and user data (apache2) and DNS and DHCP (dnsmasq)" in says
    assert "your machines, public addresses" in says
    assert "how long it takes was not measured here yet" in says


def test_an_update_that_closes_holes_says_so_and_comes_first(shop, tenancy):
    add_network(tenancy, "a-first-by-name", "shop", software_version="4.21.0.2")
    publish(security=True)

    page = shop.get(PORTAL).text

    assert "Security update available" in card(page, "shop-prod")
    assert "It closes security holes." in card(page, "shop-prod")
    assert page.index("shop-prod</bdi></h2>") < page.index("a-first-by-name</bdi></h2>")


def test_a_hole_that_an_update_in_between_closes_counts_until_it_is_closed(shop, tenancy):
    publish(security=True)
    publish("4.21.0.2")
    add_network(tenancy, "closed", "shop", software_version=NEW)

    page = shop.get(PORTAL).text

    assert "4.21.0.2" in card(page, "shop-prod")
    assert "Security update available" in card(page, "shop-prod")
    assert "Security" not in card(page, "closed")
    assert "Update available" in card(page, "closed")


def test_without_any_published_update_nothing_is_called_the_newest(shop):
    says = card(shop.get(PORTAL).text, "shop-prod")

    assert "It runs 4.21.0.0. No update is published for it." in says
    assert "the newest" not in says


def test_a_disabled_service_is_not_said_to_restart(shop, tenancy):
    publish()
    services = [
        {"name": "haproxy", "is_enabled": False, "is_active": False, "version": ""},
        {"name": "dnsmasq", "is_enabled": True, "is_active": True, "version": "4.21.0.0"},
    ]
    SystemVm.objects.update(services=services)

    says = card(shop.get(PORTAL).text, "shop-prod")

    assert "Restarts briefly DNS and DHCP (dnsmasq)" in says


def test_an_image_of_4_14_warns_of_remote_access_vpn(shop, tenancy):
    publish()
    SystemVm.objects.update(template_version="4.14.0")

    assert "May break off remote access VPN" in card(shop.get(PORTAL).text, "shop-prod")


def test_a_router_that_could_not_be_asked_is_not_known_and_never_green(shop, tenancy):
    publish()
    SystemVm.objects.update(probe_error="timed out on kvm1.example.org", software_version=NEW)

    page = shop.get(PORTAL).text

    assert "Not known" in card(page, "shop-prod")
    assert "The router has not answered us since" in card(page, "shop-prod")
    assert "kvm1" not in page
    assert 'data-state="Unknown"' in page


def test_a_cloud_that_was_not_read_lately_makes_its_networks_not_known(shop, tenancy):
    publish()
    tenancy.inventory.was_last_read(timedelta(hours=2))

    says = card(shop.get(PORTAL).text, "shop-prod")

    assert "Not known" in says
    assert "Live Patch" not in says


def test_a_vpc_is_one_card_with_its_tiers(shop, tenancy):
    publish()
    add_vpc(tenancy, "shop-vpc", "shop", "web-tier", "db-tier")

    page = shop.get(PORTAL).text

    assert "With its networks db-tier , web-tier" in card(page, "shop-vpc")
    assert page.count('<article class="panel netcard"') == 2


def test_a_vpc_without_a_tier_has_nothing_to_update(shop, tenancy):
    publish()
    add_vpc(tenancy, "empty-vpc", "shop")

    assert "This VPC has no network in it yet" in card(shop.get(PORTAL).text, "empty-vpc")


def test_a_pair_is_one_card_and_is_done_one_side_at_a_time(shop, tenancy):
    publish()
    add_network(tenancy, "twin", "shop", pair=True)

    assert "one side at a time" in card(shop.get(PORTAL).text, "twin")

    run = patch(tenancy, "twin")
    at_stage(run, Stage.PATCH_COPY, Stage.PATCH_BACK_UP, Stage.PATCH_APPLY, now=Stage.PATCH_RESTART)
    says = card(shop.get(PORTAL).text, "twin")
    assert "Updating router 1 of 2, step 4 of 5: restarting services" in says
    assert "while one is worked on, the other serves. 0 of 2 done." in says


def test_a_running_update_shows_its_five_steps(shop, tenancy):
    publish()
    at_stage(patch(tenancy, "shop-prod"), Stage.PATCH_COPY, now=Stage.PATCH_BACK_UP)

    says = card(shop.get(PORTAL).text, "shop-prod")

    assert "Updating 2 of 5: preparing the way back" in says
    assert "New software copied 6 s" in says
    assert "You may close this page; the update goes on." in says


def test_between_two_steps_the_next_one_is_the_current(shop, tenancy):
    publish()
    at_stage(patch(tenancy, "shop-prod"), Stage.PATCH_COPY, Stage.PATCH_BACK_UP)

    assert "Updating 3 of 5: putting the new software in place" in card(shop.get(PORTAL).text, "shop-prod")


def test_a_rollback_under_way_is_told(shop, tenancy):
    publish()
    run = patch(tenancy, "shop-prod")
    target = at_stage(run, Stage.PATCH_COPY, Stage.PATCH_BACK_UP, Stage.PATCH_APPLY)
    now = timezone.now()
    failed = {"state": "Ended", "outcome": "failed", "started": now, "finished": now}
    target.steps.create(run=run, stage=Stage.PATCH_RESTART, **failed)
    target.steps.create(run=run, stage=Stage.PATCH_ROLL_BACK, state="Running", started=now)

    says = card(shop.get(PORTAL).text, "shop-prod")

    assert says.count("Putting the previous version back") == 2  # what is so, and the step
    assert "Checking that everything answers" not in says


RESULTS = {
    "patched": "everything answers",
    "already_current": "Nothing to do",
    "failed_restored": "previous version is back",
    "failed_not_restored": "Not updated, being repaired",
    "unconfirmed": "Could not confirm",
    "nothing_changed": "nothing was changed",
}


@pytest.mark.parametrize("result", RESULTS)
def test_each_result_has_words_of_its_own(shop, tenancy, result):
    publish()
    target = ended(patch(tenancy, "shop-prod"), result)
    if result == "already_current":
        SystemVm.objects.update(software_version=NEW, scripts_checksum="1" * 32)
    if result in {"failed_not_restored", "unconfirmed"}:
        Attention.objects.create(
            cause="patch",
            title="r-shop-prod-1-VM",
            message="on kvm1",
            target=target,
            system_vm=target.system_vm,
        )

    says = card(shop.get(PORTAL).text, "shop-prod")

    assert RESULTS[result] in says
    others = [words for other, words in RESULTS.items() if other != result]
    assert not [words for words in others if words in says.replace("Everything answers.", "")]


def test_everything_answers_is_only_said_while_it_does(shop, tenancy):
    publish()
    ended(patch(tenancy, "shop-prod"), "patched")
    SystemVm.objects.update(
        services=[{"name": "dnsmasq", "is_enabled": True, "is_active": False, "version": NEW}]
    )

    says = card(shop.get(PORTAL).text, "shop-prod")

    assert "not everything answers" in says
    assert "Does not run now: DNS and DHCP." in says


def test_a_failed_restart_says_what_did_not_start_and_repeats_nothing_of_the_engine(shop, tenancy):
    publish()
    detail = "dnsmasq does not run after its restart, says kvm1"
    ended(patch(tenancy, "shop-prod"), "failed_restored", failed=Stage.PATCH_RESTART, detail=detail)

    page = shop.get(PORTAL).text

    assert "Did not start with the new version: DNS and DHCP." in card(page, "shop-prod")
    assert "Try again" in card(page, "shop-prod")
    assert "kvm1" not in page


def test_while_somebody_looks_at_a_failure_it_cannot_be_tried_again(shop, tenancy):
    publish()
    target = ended(patch(tenancy, "shop-prod"), "failed_restored")
    Attention.objects.create(cause="x", title="t", message="m", target=target, system_vm=target.system_vm)

    says = card(shop.get(PORTAL).text, "shop-prod")

    assert "We look first: your operators were told." in says


def test_what_was_measured_is_told(shop, tenancy):
    publish()
    target = ended(patch(tenancy, "shop-prod"), "patched")
    measured(target, 40.4)

    assert "Measured from outside: 40 ms without an answer." in card(shop.get(PORTAL).text, "shop-prod")


def test_how_long_it_takes_is_said_once_it_was_learned(shop, tenancy):
    publish()
    for n in range(3):
        name = f"learned-{n}"
        add_network(tenancy, name, "bank")
        run = patch(tenancy, name)
        at_stage(run, Stage.PATCH_COPY, Stage.PATCH_BACK_UP, Stage.PATCH_APPLY, Stage.PATCH_RESTART)
        ended(run, "patched", state=TargetState.DONE)

    assert "takes about 24 s, usually about 24 s" in card(shop.get(PORTAL).text, "shop-prod")


def test_an_internal_load_balancer_restarts_its_one_service(shop, tenancy):
    publish()
    add_network(tenancy, "inner", "shop", type=SystemVmType.INTERNAL_LB)

    assert "Restarts briefly load balancing (haproxy)" in card(shop.get(PORTAL).text, "inner")


def test_somebody_without_an_account_is_told_whom_to_ask(db, tenancy):
    person = tenancy.person("shop")
    person.memberships.all().delete()

    page = browser(person).get(PORTAL).text

    assert "You do not belong to any account yet." in page
    assert "<article" not in page


def test_the_number_of_queries_does_not_grow_with_the_networks(shop, tenancy, django_assert_max_num_queries):
    publish()
    for n in range(30):
        add_network(tenancy, f"net-{n}", "shop", pair=n % 2 == 0)
    patch(tenancy, "net-4")

    with django_assert_max_num_queries(40):
        page = shop.get(PORTAL).text

    assert page.count('<article class="panel netcard"') == 31
