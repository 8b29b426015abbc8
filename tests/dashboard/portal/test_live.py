"""The portal over real sockets: what concerns a tenant comes to that tenant alone; others are told nothing of it."""

import json
import time

import pytest

from dashboard.people.memberships import add_membership, listed_accounts, remove_membership
from dashboard.screens.feed_head import feed_head
from maintenance.domain.states import RunState
from maintenance.engine.advance import lock_run, move_run
from maintenance.feed import unit_of_work
from maintenance.models import Instance, Run
from tests.dashboard.live.test_live_socket import end_of, next_frame
from tests.dashboard.people import make_token
from tests.dashboard.portal.networks import Tenancy, add_machine, make_tenancy, patch, publish
from tests.dashboard.portal.test_two_tenants import everything_of


@pytest.fixture
def tenancy(transactional_db) -> Tenancy:
    made = make_tenancy()
    publish()
    return made


def address(tenancy: Tenancy, account: str, after: int | None = None) -> tuple[str, dict[str, str]]:
    person = tenancy.person(account)
    place = "" if after is None else f"&after={after}"
    return f"/ws/live/?topic=my:{person.key}{place}", {"Authorization": f"Token {make_token(person)}"}


def heard_until(opened, word: str, within_s: float = 10) -> list[str]:
    """Everything that came, up to the first frame with this word in it."""
    heard: list[str] = []
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        heard.append(str(opened.recv(timeout=within_s)))
        if word in heard[-1]:
            return heard
    raise AssertionError(f"nothing with {word!r} within {within_s} s: {heard}")


def test_a_press_reaches_the_tenants_page_and_not_the_others(web, tenancy):
    shop, shop_token = address(tenancy, "shop", feed_head())
    bank, bank_token = address(tenancy, "bank", feed_head())
    with web.socket(shop, **shop_token) as of_shop, web.socket(bank, **bank_token) as of_bank:
        next_frame(of_shop, "current")
        next_frame(of_bank, "current")

        patch(tenancy, "shop-prod", actor="shop-person")
        delta = next_frame(of_shop, "delta")
        patch(tenancy, "bank-prod", actor="bank-person")
        for_bank = heard_until(of_bank, '"delta"')

    assert "In line" in delta["parts"]["portal-now"]
    assert set(delta["parts"]) == {"portal-now"}
    # The first thing that the other tenant is told is what they did themselves.
    assert [json.loads(text)["type"] for text in for_bank if '"heartbeat"' not in text] == ["delta"]
    assert "In line" in for_bank[-1]
    assert not [one for one in everything_of(tenancy, "shop") if one in "".join(for_bank)]
    assert not [one for one in everything_of(tenancy, "bank") if one in json.dumps(delta)]


def test_no_frame_holds_a_cloud_an_engine_or_a_host(web, tenancy):
    where, token = address(tenancy, "shop")
    with web.socket(where, **token) as opened:
        snapshot = heard_until(opened, '"snapshot"')
        beat = json.loads(heard_until(opened, '"heartbeat"')[-1])

    told = "".join(snapshot)
    assert (beat["clouds"], beat["listings"], beat["engine"]) == ({}, {}, None)
    assert beat["head"] == beat["seq"]
    for name in (str(tenancy.inventory.cloud.id), "kvm1", "mgmt1", "zone1", "r-shop", "nav-", "csrf"):
        assert name not in told
    assert not [one for one in everything_of(tenancy, "bank") if one in told]


def test_the_others_topic_and_those_of_the_console_are_refused(web, tenancy):
    _, token = address(tenancy, "shop")
    bank = tenancy.person("bank")
    run = patch(tenancy, "shop-prod")
    for topic in (f"my:{bank.key}", "my", "my:*", f"run:{run.id}", "overview", "frame", "events", "timeline"):
        with web.socket(f"/ws/live/?topic={topic}", **token) as opened:
            assert end_of(opened) == 4403, topic


def test_a_machine_that_moves_is_told_to_its_tenant(web, tenancy):
    mine = add_machine(tenancy, "shop-web", "shop")
    where, token = address(tenancy, "shop", feed_head())
    with web.socket(where, **token) as opened:
        next_frame(opened, "current")
        with unit_of_work("engine") as work:
            Instance.objects.filter(id=mine.id).update(host=tenancy.inventory.hosts["kvm2"])
            about = {"instance": str(mine.id), "name": mine.name, "host": ""}
            work.event("instance.changed", about, before={"host_id": "a"}, after={"host_id": "b"})

        assert "portal-now" in next_frame(opened, "delta")["parts"]


def test_a_membership_that_is_given_shows_its_networks_at_once(web, tenancy):
    person = tenancy.person("shop")
    where, token = address(tenancy, "shop", feed_head())
    with web.socket(where, **token) as opened:
        next_frame(opened, "current")
        value = next(one.value for one in listed_accounts() if one.account == "bank")
        add_membership(person.key, value, actor="ada")

        assert "bank-prod" in next_frame(opened, "delta")["parts"]["portal-now"]


def test_a_membership_that_ends_takes_its_networks_from_an_open_page_and_nothing_follows(web, tenancy):
    person = tenancy.person("shop")
    where, token = address(tenancy, "shop", feed_head())
    with web.socket(where, **token) as opened:
        next_frame(opened, "current")
        remove_membership(person.memberships.get().id, actor="ada")
        page = json.loads(heard_until(opened, '"delta"', within_s=5)[-1])["parts"]["portal-now"]
        assert "You do not belong to any account yet." in page
        assert not [one for one in everything_of(tenancy, "shop")[1:] if one in page]

        patch(tenancy, "shop-prod")
        value = next(one.value for one in listed_accounts() if one.account == "bank")
        add_membership(person.key, value, actor="ada")
        heard = "".join(heard_until(opened, "bank-prod"))

    assert heard.count('"delta"') == 1  # of what happened to the network that was theirs nothing was told
    assert str(tenancy.id("shop-prod")) not in heard


def test_whoever_was_away_gets_their_page_and_no_count_of_what_happened_to_others(web, tenancy):
    before = feed_head()
    run = patch(tenancy, "bank-prod")
    with unit_of_work("engine") as work:
        move_run(work, lock_run(run.id), RunState.RUNNING)
    where, token = address(tenancy, "shop", before)
    with web.socket(where, **token) as opened:
        frame = next_frame(opened, "snapshot")

    assert frame["changes"] == 0
    assert frame["said"] == ""
    assert Run.objects.count() == 1
    assert "bank" not in json.dumps(frame)
