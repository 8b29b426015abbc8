"""Tenants and an administrator press at the same moment: each network is patched by one run, whoever comes later joins
it, and nobody is told a byte of what is not theirs."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import connections
from django.test import Client

from dashboard.models import Membership, Role, User
from maintenance.models import Cloud, Run
from tests.dashboard.people import api_of, make_person
from tests.maintenance.engine.small_lab import ended, engine_running
from tests.maintenance.engine.vm_lab import NEW, add_network, all_probed, asked_now, id_of, publish, starts_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

TIMES = 3  # that each presses


@pytest.fixture
def networks(lab, tmp_path):
    made = {account: add_network(lab, f"{account}-prod", account) for account in ("shop", "bank")}
    with all_probed(lab):
        publish(tmp_path)
        yield made


def tenant(account: str, name: str) -> User:
    person = make_person(Role.TENANT, name)
    Membership.objects.create(
        user=person, cloud=Cloud.objects.get(), domain=f"ROOT/{account}", account=account, made_by="ada"
    )
    return person


def browser(person: User) -> Client:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def at_once(presses: Sequence[Callable[[], Any]]) -> list[Any]:
    """What each was answered; all begin in the same moment, each with connections of its own."""
    begin, answers = threading.Barrier(len(presses)), {}

    def press(place: int) -> None:
        begin.wait(20)
        try:
            answers[place] = presses[place]()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=(place,)) for place in range(len(presses))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return [answers[place] for place in range(len(presses))]


def of_portal(person: User, network) -> Callable[[], Any]:
    client = browser(person)
    return lambda: client.post(f"/my/networks/{network}/update/")


def of_rest(person: User, **asked: Any) -> Callable[[], Any]:
    api = api_of(person)
    return lambda: api.post("live-patches/", asked)


def test_who_presses_at_once_gets_one_run_for_each_network_and_sees_nothing_foreign(networks):
    shop, partner = tenant("shop", "shop-one"), tenant("shop", "shop-two")
    bank, admin = tenant("bank", "bank-one"), make_person(Role.ADMINISTRATOR)
    mine, other = networks["shop"], networks["bank"]
    router = id_of("r-shop-prod-VM")
    by_shop = [of_rest(partner, networks=[str(mine)]) for _ in range(TIMES)]
    by_bank = [of_rest(bank, networks=[str(other)]) for _ in range(TIMES)]
    reaching = [of_rest(bank, networks=[str(mine)]), of_rest(bank, system_vms=[str(router)])]

    answers = at_once(
        [
            *(of_portal(shop, mine) for _ in range(TIMES)),
            *(of_rest(admin, system_vms=[str(router)]) for _ in range(TIMES)),
            *by_shop,
            *by_bank,
            *reaching,
        ]
    )

    portal, console, rest, banks = (answers[n * TIMES : (n + 1) * TIMES] for n in range(4))
    runs = {run.targets.get().name: run for run in Run.objects.all()}
    assert sorted(runs) == ["r-bank-prod-VM", "r-shop-prod-VM"]
    assert Run.objects.count() == 2
    assert {answer.status_code for answer in portal} == {303}
    of_shop = [answer.status_code for answer in (*console, *rest)]
    assert set(of_shop) <= {200, 201}
    assert of_shop.count(201) <= 1, "only one of all has started it"
    assert sorted(answer.status_code for answer in banks) == [200] * (TIMES - 1) + [201]
    assert {answer.json()["id"] for answer in (*console, *rest)} == {str(runs["r-shop-prod-VM"].id)}
    assert {answer.json()["id"] for answer in banks} == {str(runs["r-bank-prod-VM"].id)}
    assert [answer.status_code for answer in answers[-2:]] == [404, 404]
    for answer in (*banks, *answers[-2:]):
        assert not said(answer, "shop", str(runs["r-shop-prod-VM"].id), "r-shop-prod-VM")
    for answer in (*portal, *rest):
        assert not said(answer, "bank", str(runs["r-bank-prod-VM"].id), "r-bank-prod-VM")

    with engine_running():
        for run in runs.values():
            ended(run)
    for name in runs:
        assert asked_now(name).software_version == NEW
        assert starts_of(name, "apache2") == 2, f"{name}: its boot and one restart"


def said(answer: Any, *words: str) -> list[str]:
    return [word for word in words if word in answer.content.decode()]


def test_a_network_that_was_just_patched_is_not_patched_again_however_many_press(networks, tmp_path):
    shop, mine = tenant("shop", "shop-one"), networks["shop"]
    operator = make_person(Role.OPERATOR)
    first = of_rest(shop, networks=[str(mine)])()
    with engine_running():
        ended(Run.objects.get(id=first.json()["id"]))
    publish(tmp_path, "4.99.0.1")

    answers = at_once([of_rest(shop, networks=[str(mine)]) for _ in range(5)])

    assert [answer.status_code for answer in answers] == [429] * 5
    assert all(0 < int(answer.headers["Retry-After"]) <= 600 for answer in answers)
    assert Run.objects.count() == 1
    answers = at_once(
        [of_rest(operator, networks=[str(mine)]), *(of_rest(shop, networks=[str(mine)]) for _ in range(4))]
    )
    assert answers[0].status_code in {200, 201}
    assert Run.objects.count() == 2
    assert {answer.status_code for answer in answers[1:]} <= {200, 429}, (
        "they join the operator's, or come too early"
    )


def test_who_is_in_the_way_is_named_to_operators_and_to_no_tenant(networks):
    shop, operator = tenant("shop", "shop-one"), make_person(Role.OPERATOR)
    admin = make_person(Role.ADMINISTRATOR)
    started = of_rest(admin, system_vms=[str(id_of("r-shop-prod-VM"))])()
    both = [str(network) for network in networks.values()]

    refused = of_rest(operator, networks=both)()
    joined = of_rest(shop, networks=[str(networks["shop"])])()

    assert refused.status_code == 409
    assert f"run {Run.objects.get().number} (started by administrator)" in refused.json()["detail"]
    assert (joined.status_code, joined.json()["id"]) == (200, started.json()["id"])
    assert not said(joined, "administrator")
