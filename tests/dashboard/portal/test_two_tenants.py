"""Two tenants: neither sees, presses, follows or finds a byte of the other's, whatever ids they swap."""

import re
from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from dashboard.access import (
    MATRIX,
    may,
    visible_instances,
    visible_live_patches,
    visible_networks,
    visible_system_vms,
    visible_vpcs,
)
from dashboard.models import Membership, Role
from maintenance.domain.states import Stage
from maintenance.models import Network, Run, SystemVm, Vpc
from tests.dashboard.people import make_person
from tests.dashboard.portal.networks import (
    Tenancy,
    add_machine,
    add_network,
    add_vpc,
    at_stage,
    browser,
    ended,
    make_tenancy,
    patch,
    publish,
)
from tests.dashboard.portal.test_cards import PORTAL
from tests.dashboard.walk import all_routes

UUID = re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}")


@pytest.fixture
def both(tenancy: Tenancy) -> Tenancy:
    """Each with networks in several states, a VPC, machines; the same names where names may be the same."""
    publish(security=True)
    for account in ("shop", "bank"):
        add_vpc(tenancy, f"{account}-vpc", account, f"{account}-tier")
        add_network(tenancy, f"{account}-twin", account, pair=True)
        add_network(tenancy, "internal", account)
        add_machine(tenancy, f"{account}-web", account)
        running = patch(tenancy, f"{account}-prod", actor=f"{account}-starter")
        at_stage(running, Stage.PATCH_COPY, now=Stage.PATCH_BACK_UP)
        ended(patch(tenancy, f"{account}-twin", actor=f"{account}-starter"), "failed_restored")
    return tenancy


def everything_of(tenancy: Tenancy, account: str) -> list[str]:
    """Names and ids of what this account has."""
    owned: list[Network | Vpc | SystemVm] = [
        *tenancy.networks.values(),
        *tenancy.vpcs.values(),
        *tenancy.routers.values(),
    ]
    mine = [one for one in owned if one.account == account]
    runs = Run.objects.filter(targets__system_vm__account=account)
    return [
        account,
        *(str(one.id) for one in mine),
        *(str(run.id) for run in runs),
        *(f"Run {run.number}" for run in runs),
    ]


@pytest.mark.parametrize(("account", "other"), [("shop", "bank"), ("bank", "shop")])
def test_the_page_holds_no_byte_of_the_other(both, account, other):
    page = browser(both.person(account)).get(PORTAL).text

    assert f"{account}-prod" in page
    assert not [one for one in everything_of(both, other) if one in page]


@pytest.mark.parametrize("words", ["bank", "internal", "", "%", "prod", "_", "r-bank"])
def test_no_search_finds_what_is_the_others(both, words):
    page = browser(both.person("shop")).get(PORTAL, {"search": words}).text

    without_echo = page.replace(f'value="{words}"', "").replace(f"search={words}", "")
    found = [one for one in everything_of(both, "bank") if one in without_echo]
    assert not [one for one in found if one != words], found
    assert page.count("<article") <= 4


@pytest.mark.parametrize("what", ["update", "slot", "give-up"])
def test_every_button_with_the_others_id_is_not_found_and_does_nothing(both, what):
    shop, before = browser(both.person("shop")), Run.objects.count()
    at = (timezone.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    for name in ("bank-prod", "bank-twin", "bank-vpc", "bank-tier"):
        answer = shop.post(f"{PORTAL}networks/{both.id(name)}/{what}/", {f"at-{both.id(name)}": at})
        assert answer.status_code == 404, name
        assert "bank" not in answer.text
        made_up = shop.post(f"{PORTAL}networks/{uuid4()}/{what}/")
        assert _without_ids(made_up.text) == _without_ids(answer.text)
    assert Run.objects.count() == before


def _without_ids(page: str) -> str:
    """What differs between any two answers: the request's number, the address, the form's token."""
    return re.sub(r"csrf[^>]*>|[0-9a-f-]{32,36}|value=\"[^\"]*\"", "", page)


def test_a_router_has_no_address_in_the_portal(both):
    shop = browser(both.person("shop"))
    for vm in both.routers.values():
        assert shop.post(f"{PORTAL}networks/{vm.id}/update/").status_code == 404


def test_what_is_read_says_no_id_no_host_no_router_no_run_and_no_operator(both):
    page = browser(both.person("shop")).get(PORTAL).text
    read = re.sub(r"<[^>]+>", " ", page[page.index("<main") :])

    assert not UUID.search(read)
    for name in (*both.inventory.hosts, "mgmt1", "zone1", "r-shop", "Run 1", "ada ", "shop-starter"):
        assert name not in read, name


def test_a_person_of_a_whole_domain_sees_each_account_of_it_and_nothing_else(both):
    person = make_person(Role.TENANT, "owner")
    Membership.objects.create(
        user=person, cloud=both.inventory.cloud, domain="ROOT/bank", account="", made_by="ada"
    )

    page = browser(person).get(PORTAL).text

    assert "bank-prod" in page
    assert "shop-prod" not in page


def test_the_same_account_of_another_domain_is_somebody_else(both):
    person = make_person(Role.TENANT, "namesake")
    Membership.objects.create(
        user=person, cloud=both.inventory.cloud, domain="ROOT/elsewhere", account="shop", made_by="ada"
    )

    assert "<article" not in browser(person).get(PORTAL).text


def test_a_membership_that_ends_takes_everything_with_it(both):
    person = both.person("shop")
    client = browser(person)
    person.memberships.all().delete()

    assert "shop" not in client.get(PORTAL).text.partition("<main")[2].replace("shop-person", "")
    assert client.post(f"{PORTAL}networks/{both.id('shop-prod')}/update/").status_code == 404


NARROWED = [visible_networks, visible_vpcs, visible_system_vms, visible_instances]


@pytest.mark.parametrize("narrowed", NARROWED)
def test_rows_are_narrowed_to_the_accounts_one_belongs_to(both, narrowed):
    seen = narrowed(both.person("shop"))

    assert seen.exists()
    assert {row.account for row in seen} == {"shop"}


def test_patches_are_narrowed_to_those_of_own_routers(both):
    accounts = visible_live_patches(both.person("shop")).values_list("targets__system_vm__account", flat=True)

    assert set(accounts) == {"shop"}


def test_a_tenant_opens_nothing_of_the_console_with_any_id(both):
    """Each route of the console, with ids of the other's and of their own things."""
    person = both.person("shop")
    client = browser(person)
    ids = [both.id("bank-prod"), both.id("shop-prod"), Run.objects.all()[0].id]
    for route in all_routes():
        if may(person, route.name) or "GET" not in MATRIX[route.name]:
            continue
        for key in ids:
            words = {"form": "json", "stage": "PreFlight", "channel": "mail"}
            given = {name: words.get(name, key) for name in route.takes}
            answer = client.get(route.address(given))
            assert answer.status_code == 403, route.name
            assert "bank" not in answer.text


def test_who_logs_in_as_a_tenant_comes_to_their_networks(db):
    tenancy = make_tenancy()
    person = tenancy.person("shop")
    person.set_password("look-around-2026")
    person.save()
    client = browser(make_person("viewer"))
    client.logout()

    answer = client.post("/login/", {"username": person.username, "password": "look-around-2026"})

    assert answer.headers["Location"] == PORTAL


def test_where_the_console_begins_a_tenant_is_led_to_their_networks(both):
    answer = browser(both.person("shop")).get("/")

    assert answer.status_code == 403
    assert 'href="/my/"' in answer.text
