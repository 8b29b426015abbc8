"""Restarting the routers of networks and VPCs by REST: patched live, replaced, or their rules applied again."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from dashboard.models import Membership
from maintenance.domain.states import RunKind, RunState, TargetState
from maintenance.models import Network, Run, SystemVm, Target
from tests.dashboard.console.system_vms import (
    make_network,
    make_vm,
    make_vpc,
    measure,
    patch_run,
    patch_step,
    publish,
    put_vm,
    restart_run,
)
from tests.dashboard.inventory import Inventory
from tests.dashboard.people import Api, api_of, make_person
from tests.dashboard.told import tells

NEW_IMAGE = "4.21.0.0"


@pytest.fixture
def router(inventory: Inventory) -> SystemVm:
    publish()
    return make_vm(
        inventory, "r-5-VM", network=make_network(inventory, "shop-prod", new_router_version=NEW_IMAGE)
    )


@pytest.fixture
def network(router: SystemVm) -> Network:
    assert router.network is not None
    return router.network


@pytest.fixture
def shopkeeper(inventory: Inventory) -> Api:
    person = make_person("tenant", "shopkeeper")
    Membership.objects.create(
        user=person, cloud=inventory.cloud, domain="ROOT/retail", account="shop", made_by="ada"
    )
    return api_of(person)


def test_with_cleanup_the_routers_are_replaced(operator, network):
    answer = operator.post(f"networks/{network.id}/restart/", {"cleanup": True, "reason": "new image"})

    run = Run.objects.get()
    assert answer.status_code == 202
    assert answer.headers["Location"].endswith(f"/rolling-maintenances/{run.id}/")
    assert (run.kind, run.way, run.reason, run.started_by) == (
        RunKind.ROUTER_RESTART, "parallel", "new image", "operator",
    )  # fmt: skip
    told = answer.json()
    assert (told["id"], told["way"], [one["name"] for one in told["routers"]]) == (
        str(run.id), "parallel", ["r-5-VM"],
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "way", "redundant"),
    [
        ({}, "reapply", False),
        ({"cleanup": True, "serial": True}, "serial", False),
        ({"cleanup": True, "makeredundant": True}, "parallel", True),
    ],
)
def test_what_is_asked_for_chooses_the_way(operator, network, body, way, redundant):
    assert operator.post(f"networks/{network.id}/restart/", body).status_code == 202
    run = Run.objects.get()
    assert (run.way, run.makes_redundant) == (way, redundant)


def test_with_livepatch_the_routers_are_patched_and_a_second_request_joins(operator, network):
    first = operator.post(f"networks/{network.id}/restart/", {"livepatch": True, "cleanup": False})
    second = operator.post(f"networks/{network.id}/restart/", {"livepatch": True})

    run = Run.objects.get()
    assert (first.status_code, second.status_code) == (202, 200)
    assert run.kind == RunKind.LIVE_PATCH
    assert first.headers["Location"].endswith(f"/live-patches/{run.id}/")
    assert second.json()["id"] == str(run.id)


def test_a_second_restart_in_the_same_way_joins_and_another_way_is_a_conflict(operator, network):
    first = operator.post(f"networks/{network.id}/restart/", {"cleanup": True})
    second = operator.post(f"networks/{network.id}/restart/", {"cleanup": True})
    other = operator.post(f"networks/{network.id}/restart/", {})

    assert (first.status_code, second.status_code, other.status_code) == (202, 200, 409)
    assert second.json()["id"] == first.json()["id"]
    assert other.json()["owner"]["run"] == first.json()["id"]


def test_a_vpc_is_restarted_by_its_own_id_and_by_any_of_its_tiers(inventory, operator):
    publish()
    vpc = make_vpc(inventory, "media-vpc", new_router_version=NEW_IMAGE)
    tier = make_network(inventory, "web-tier", vpc=vpc)
    make_vm(inventory, "r-9-VM", vpc=vpc)

    first = operator.post(f"vpcs/{vpc.id}/restart/", {"cleanup": True})
    second = operator.post(f"networks/{tier.id}/restart/", {"cleanup": True})

    assert (first.status_code, second.status_code) == (202, 200)
    assert first.json()["id"] == second.json()["id"]


def test_a_vpc_is_patched_live(inventory, operator):
    publish()
    vpc = make_vpc(inventory, "media-vpc")
    make_network(inventory, "web-tier", vpc=vpc)
    make_vm(inventory, "r-9-VM", vpc=vpc)

    answer = operator.post(f"vpcs/{vpc.id}/restart/", {"livepatch": True})

    assert (answer.status_code, answer.json()["kind"]) == (202, "live-patch")


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        ({"livepatch": True, "cleanup": True}, "cleanup", "a live patch replaces no router"),
        ({"makeredundant": True}, "makeredundant", "give cleanup too"),
        ({"serial": True}, "serial", "give cleanup too"),
        ({"cleanup": True, "forced": True}, "forced", "give livepatch too"),
        ({"cleanup": "yes"}, "cleanup", "true or false"),
        ({"cleanUp": True}, "cleanUp", "no such field"),
    ],
)
def test_what_means_nothing_is_refused_by_field(operator, network, body, field, words):
    answer = operator.post(f"networks/{network.id}/restart/", body)

    assert answer.status_code == 400
    assert [(e["field"], words in e["detail"]) for e in answer.json()["errors"]] == [(field, True)]
    assert not Run.objects.exists()


def test_what_cannot_be_restarted_is_a_conflict_with_the_reason(inventory, operator):
    empty = make_network(inventory, "empty")

    answer = operator.post(f"networks/{empty.id}/restart/", {"cleanup": True})

    assert answer.status_code == 409
    assert answer.json()["items"] == [{"id": str(empty.id), "name": "empty", "reason": "it has no router"}]


def test_the_same_key_restarts_once(operator, network):
    body = {"cleanup": True}
    first = operator.post(f"networks/{network.id}/restart/", body, key="k-1")
    Run.objects.update(state=RunState.SUCCEEDED)
    Target.objects.update(is_open=False, state=TargetState.DONE)
    again = operator.post(f"networks/{network.id}/restart/", body, key="k-1")

    assert again.status_code == 202
    assert again.json()["id"] == first.json()["id"]
    assert Run.objects.count() == 1


def test_roles_are_told_apart(viewer, operator, network):
    assert viewer.post(f"networks/{network.id}/restart/", {"cleanup": True}).status_code == 403
    forced = {"livepatch": True, "forced": True}
    assert operator.post(f"networks/{network.id}/restart/", forced).status_code == 403
    administrator = api_of(make_person("administrator"))
    assert administrator.post(f"networks/{network.id}/restart/", forced).status_code == 202
    assert operator.post(f"networks/{uuid4()}/restart/", {"cleanup": True}).status_code == 404


def test_a_network_says_before_it_is_asked_for_which_way_a_restart_takes(inventory, viewer, network):
    redundant = make_network(inventory, "bank-prod", is_redundant=True, new_router_version="4.22.0.0")
    for name, side in (("r-6-VM", "PRIMARY"), ("r-7-VM", "BACKUP")):
        make_vm(inventory, name, network=redundant, redundant_state=side)
    run = restart_run(
        inventory,
        [SystemVm.objects.get(network=network)],
        state=RunState.SUCCEEDED,
        finished_at=timezone.now(),
    )
    put_vm(run, "r-5-VM", TargetState.DONE, result="replaced", is_open=False)
    measure(run, SystemVm.objects.get(network=network), down_ms=120.0)

    told = {row["name"]: row["restart"] for row in viewer.get("networks/").json()["results"]}

    assert told["shop-prod"] == {
        "possible": True, "way": "parallel", "reason": "", "new_version": NEW_IMAGE,
        "downtime": [{"direction": "ingress", "times": 1, "average_ms": 120.0, "lowest_ms": 120.0}],
    }  # fmt: skip
    assert told["bank-prod"]["way"] == "parallel"
    assert "cannot hand over by themselves" in told["bank-prod"]["reason"]


def test_a_list_of_networks_asks_no_more_for_many_than_for_a_few(
    inventory, viewer, network, django_assert_max_num_queries
):
    vpc = make_vpc(inventory, "media-vpc")
    for n in range(20):
        make_vm(inventory, f"r-{n + 10}-VM", network=make_network(inventory, f"net-{n}"))
        make_network(inventory, f"tier-{n}", vpc=vpc)

    with django_assert_max_num_queries(25):
        viewer.get("networks/")


def test_a_vpc_is_told_with_its_routers_and_its_restart(inventory, viewer):
    vpc = make_vpc(inventory, "media-vpc")
    router = make_vm(inventory, "r-9-VM", vpc=vpc)

    told = viewer.get(f"vpcs/{vpc.id}/").json()

    assert (told["name"], told["routers"]) == ("media-vpc", [str(router.id)])
    assert (told["restart"]["possible"], "no tier" in told["restart"]["reason"]) == (False, True)


def test_its_run_tells_the_way_the_new_router_and_what_was_measured(inventory, viewer, router):
    run = restart_run(inventory, [router], way_words="one side of the pair is missing")
    target = put_vm(run, "r-5-VM", TargetState.DONE, result="replaced")
    new = {"router": "r-31-VM", "router_id": str(uuid4()), "version": "4.21.0.1"}
    patch_step(target, "StartReplacement", movement=new)
    measure(run, router, gaps=[{"ms": 60.0}])

    told = viewer.get(f"rolling-maintenances/{run.id}/").json()

    vm = told["system_vms"][0]
    assert (told["way"], told["way_words"]) == ("parallel", "one side of the pair is missing")
    assert vm["outcome"] == "replaced"
    assert vm["replacement"] == {"id": new["router_id"], "name": "r-31-VM", "version": "4.21.0.1"}
    assert (vm["downtime"][0]["down_ms"], vm["downtime"][0]["gaps_ms"]) == (60.0, [60.0])


# ---- tenants --------------------------------------------------------------------------------------------------------


def test_a_tenant_has_what_is_theirs_patched_live_and_nothing_else(inventory, shopkeeper, network):
    owner = {"account": "bank", "domain": "ROOT/finance"}
    foreign = make_network(inventory, "bank-prod", **owner)
    make_vm(inventory, "r-8-VM", network=foreign, **owner)

    assert shopkeeper.post(f"networks/{foreign.id}/restart/", {"livepatch": True}).status_code == 404
    assert not Run.objects.exists()
    assert shopkeeper.post(f"networks/{network.id}/restart/", {"livepatch": True}).status_code == 202


@pytest.mark.parametrize(
    "body",
    [
        {}, {"cleanup": True}, {"cleanup": True, "serial": True}, {"cleanup": True, "makeredundant": True},
        {"livepatch": True, "forced": True}, {"livepatch": True, "ticket": "x"},
    ],
)  # fmt: skip
def test_a_tenant_may_ask_for_no_other_restart(shopkeeper, network, body):
    assert shopkeeper.post(f"networks/{network.id}/restart/", body).status_code == 403
    assert not Run.objects.exists()


def test_a_tenant_is_told_of_no_operators_run(inventory, shopkeeper, network):
    restart_run(
        inventory, [SystemVm.objects.get(network=network)], started_at=timezone.now() - timedelta(seconds=9)
    )

    told = shopkeeper.get(f"networks/{network.id}/")
    refused = shopkeeper.post(f"networks/{network.id}/restart/", {"livepatch": True})

    assert told.json()["restart"] is None
    assert refused.status_code == 409
    for secret in ("ada", "router-restart"):
        assert not tells(f"{told.text} {refused.text}", secret)


def test_a_tenant_joins_a_running_patch_and_is_shown_nobody_elses_router(inventory, shopkeeper, network):
    foreign = make_vm(inventory, "r-8-VM", account="bank", domain="ROOT/finance")
    patch_run(inventory, [foreign, SystemVm.objects.get(network=network)])

    answer = shopkeeper.post(f"networks/{network.id}/restart/", {"livepatch": True})

    assert answer.status_code == 200
    assert [one["name"] for one in answer.json()["routers"]] == ["r-5-VM"]
    assert "r-8-VM" not in answer.text


def test_a_router_that_was_replaced_is_offered_no_retry(inventory, viewer, router):
    run = restart_run(inventory, [router], state=RunState.PAUSED)
    put_vm(
        run, router.name, TargetState.FAILED, result="replaced", detail="the old router may still be there"
    )

    told = viewer.get(f"rolling-maintenances/{run.id}/").json()

    assert told["system_vms"][0]["moves"] == ["skip"]
