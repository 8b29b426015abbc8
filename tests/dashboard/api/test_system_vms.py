"""System VMs, networks and live patches by REST, for operators and for tenants of what is theirs."""

from uuid import uuid4

import pytest

from dashboard.models import Membership
from maintenance.domain.states import RunState, TargetState
from maintenance.domain.system_vms import SystemVmType
from maintenance.models import Run, SystemVm, Target
from tests.dashboard.console.system_vms import (
    NEW,
    OLD,
    OLD_MD5,
    failed_and_restored,
    make_network,
    make_vm,
    make_vpc,
    measure,
    patch_run,
    patch_step,
    publish,
    put_vm,
)
from tests.dashboard.inventory import Inventory
from tests.dashboard.people import Api, api_of, make_person
from tests.dashboard.told import tells


@pytest.fixture
def shop(inventory: Inventory) -> SystemVm:
    publish()
    return make_vm(inventory, "r-27-VM", network=make_network(inventory, "shop-prod"))


@pytest.fixture
def bank(inventory: Inventory) -> SystemVm:
    owner = {"account": "bank", "domain": "ROOT/finance"}
    return make_vm(inventory, "r-28-VM", network=make_network(inventory, "bank-prod", **owner), **owner)


@pytest.fixture
def shopkeeper(inventory: Inventory) -> Api:
    person = make_person("tenant", "shopkeeper")
    Membership.objects.create(
        user=person, cloud=inventory.cloud, domain="ROOT/retail", account="shop", made_by="ada"
    )
    return api_of(person)


def test_a_router_is_told_as_it_was_probed(inventory, viewer, shop):
    told = viewer.get(f"system-vms/{shop.id}/").json()

    assert told["systemvmtype"] == "domainrouter"
    assert (told["zone"], told["network"]) == ("zone1", "shop-prod")
    assert (told["account"], told["domain"]) == ("shop", "ROOT/retail")
    assert (told["version"], told["softwareversion"], told["scriptsversion"]) == ("4.21.0.0", OLD, OLD_MD5)
    assert told["requiresupgrade"] is False
    assert told["update"] == {
        "state": "available", "available": True, "possible": True, "reason": "",
        "services": ["haproxy", "apache2", "dnsmasq"], "version": NEW, "security": False,
    }  # fmt: skip
    assert told["probed_at"] is not None
    assert [service["name"] for service in told["services"]] == ["haproxy", "apache2", "dnsmasq"]


def test_what_needs_an_upgrade_says_so(inventory, viewer, shop):
    vm = make_vm(inventory, "r-12-VM", network=shop.network, template_version="4.13.1.0")

    told = viewer.get(f"system-vms/{vm.id}/").json()

    assert told["requiresupgrade"] is True
    assert told["update"]["possible"] is False
    assert "recreated" in told["update"]["reason"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("systemvmtype=consoleproxy", ["v-2-VM"]),
        ("update=available", ["r-27-VM", "v-2-VM"]),
        ("update=not-possible", ["s-1-VM"]),
        ("account=shop", ["r-27-VM"]),
        ("state=Stopped", ["s-1-VM"]),
        ("search=v-2", ["v-2-VM"]),
    ],
)
def test_the_list_can_be_narrowed(inventory, viewer, shop, query, names):
    make_vm(inventory, "v-2-VM", SystemVmType.CONSOLE_PROXY)
    make_vm(inventory, "s-1-VM", SystemVmType.SECONDARY_STORAGE, state="Stopped")

    assert [row["name"] for row in viewer.get(f"system-vms/?{query}").json()["results"]] == names


def test_an_unknown_kind_of_update_is_refused(viewer, shop):
    assert viewer.get("system-vms/?update=soon").status_code == 400


def test_a_network_names_its_routers_and_a_tier_those_of_its_vpc(inventory, viewer, shop):
    vpc = make_vpc(inventory, "media-vpc")
    tier = make_network(inventory, "web-tier", vpc=vpc)
    router = make_vm(inventory, "r-5-VM", vpc=vpc)

    networks = {row["name"]: row for row in viewer.get("networks/").json()["results"]}

    assert networks["shop-prod"]["routers"] == [str(shop.id)]
    assert networks["web-tier"]["routers"] == [str(router.id)]
    assert viewer.get(f"networks/{tier.id}/").json()["vpc"] == "media-vpc"


def test_a_patch_is_started_with_its_throttle_and_found_under_its_location(operator, shop):
    answer = operator.post(
        "live-patches/",
        {
            "system_vms": [str(shop.id)],
            "throttle": {"per_zone": 2, "canary": 1, "soak_s": 5},
            "reason": "CVE",
            "on_failure": "stop",
        },
    )

    run = Run.objects.get()
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith(f"/live-patches/{run.id}/")
    assert (run.max_unavailable, run.canary, run.soak_s, run.on_failure) == (2, 1, 5, "stop")
    told = answer.json()
    assert told["throttle"] == {"per_zone": 2, "canary": 1, "soak_s": 5}
    assert (told["version"], told["reason"], told["started_by"]) == (NEW, "CVE", "operator")
    assert told["progress"]["total"] == 1


def test_a_second_request_joins_the_run_that_goes_on(operator, shop):
    first = operator.post("live-patches/", {"system_vms": [str(shop.id)]})
    second = operator.post("live-patches/", {"networks": [str(shop.network_id)]})

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]


def test_the_same_key_starts_it_once(operator, shop):
    body = {"system_vms": [str(shop.id)]}

    first = operator.post("live-patches/", body, key="k-1")
    Run.objects.update(state=RunState.SUCCEEDED)
    Target.objects.update(is_open=False)
    again = operator.post("live-patches/", body, key="k-1")

    assert again.status_code == 201
    assert again.json()["id"] == first.json()["id"]
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "system_vms"),
        ({"all_outdated": False}, "system_vms"),
        ({"all_outdated": True, "zones": [str(uuid4())]}, "all_outdated"),
        ({"all_outdated": True, "throttle": 5}, "throttle"),
        ({"all_outdated": True, "throttle": {"per_zone": 0}}, "throttle.per_zone"),
        ({"all_outdated": True, "throttle": {"at_once": 1}}, "throttle.at_once"),
        ({"all_outdated": True, "on_failure": "shrug"}, "on_failure"),
        ({"system_vm": ["x"]}, "system_vm"),
    ],
)
def test_a_body_that_means_nothing_is_refused_by_field(operator, shop, body, field):
    answer = operator.post("live-patches/", body)

    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert not Run.objects.exists()


def test_what_cannot_be_patched_is_a_conflict_with_each_reason(inventory, operator, shop):
    vm = make_vm(inventory, "r-9-VM", network=shop.network, state="Stopped")

    answer = operator.post("live-patches/", {"system_vms": [str(vm.id)]})

    assert answer.status_code == 409
    assert answer.json()["items"][0]["name"] == "r-9-VM"
    assert "only a running VM" in answer.json()["detail"]


def test_only_administrators_force(operator, shop):
    body = {"system_vms": [str(shop.id)], "forced": True}

    assert operator.post("live-patches/", body).status_code == 403
    assert api_of(make_person("administrator")).post("live-patches/", body).status_code == 201


def test_a_viewer_starts_none(viewer, shop):
    assert viewer.post("live-patches/", {"system_vms": [str(shop.id)]}).status_code == 403


def test_one_patch_tells_each_vm_with_its_steps_outcome_and_downtime(inventory, viewer, shop):
    run = patch_run(inventory, [shop], state=RunState.FAILED)
    failed_and_restored(run, shop.name, "dnsmasq does not run")
    measure(run, shop, gaps=[{"ms": 60.0}])

    told = viewer.get(f"live-patches/{run.id}/").json()

    vm = told["system_vms"][0]
    assert (vm["outcome"], vm["state"]) == ("failed_restored", "Failed")
    assert [step["stage"] for step in vm["steps"]] == [
        "Copy",
        "BackUp",
        "Apply",
        "RestartServices",
        "RollBack",
    ]
    assert vm["downtime"] == [
        {
            "way": "ingress", "interval_ms": 50, "probes": 680, "failed": 1, "down_ms": 60.0, "gaps_ms": [60.0],
            "was_down_before": False, "interrupted": 0,
        }
    ]  # fmt: skip
    assert told["outcomes"]["failed_restored"] == 1


def test_as_a_run_it_has_system_vms_and_no_hosts(inventory, viewer, shop):
    run = patch_run(inventory, [shop])
    patch_step(put_vm(run, shop.name, TargetState.DONE, result="patched"), "Copy")

    told = viewer.get(f"rolling-maintenances/{run.id}/").json()

    assert (told["hosts"], told["servers"]) == ([], [])
    assert told["system_vms"][0]["outcome"] == "patched"
    assert told["result"]["systemvmsdone"][0]["systemvmname"] == "r-27-VM"


def test_a_probe_is_asked_for_and_done_by_an_engine(operator, viewer, shop):
    assert operator.post(f"system-vms/{shop.id}/probe/").status_code == 202
    assert SystemVm.objects.get(id=shop.id).looked_at is None
    assert operator.post(f"system-vms/{uuid4()}/probe/").status_code == 404
    assert viewer.post(f"system-vms/{shop.id}/probe/").status_code == 403


# ---- tenants --------------------------------------------------------------------------------------------------------


def test_a_tenant_is_told_of_their_own_routers_and_networks_alone(inventory, shopkeeper, shop, bank):
    make_vm(inventory, "s-1-VM", SystemVmType.SECONDARY_STORAGE)

    assert [row["name"] for row in shopkeeper.get("system-vms/").json()["results"]] == ["r-27-VM"]
    assert [row["name"] for row in shopkeeper.get("networks/").json()["results"]] == ["shop-prod"]
    assert shopkeeper.get(f"system-vms/{bank.id}/").status_code == 404
    assert shopkeeper.get(f"networks/{bank.network_id}/").status_code == 404


def test_a_tenant_without_a_membership_is_told_of_nothing(tenant, shop, bank):
    assert tenant.get("system-vms/").json()["results"] == []
    assert tenant.get("networks/").json()["results"] == []
    assert tenant.post("live-patches/", {"system_vms": [str(shop.id)]}).status_code == 404


def test_a_tenant_patches_what_is_theirs_and_nothing_else(shopkeeper, shop, bank):
    assert shopkeeper.post("live-patches/", {"system_vms": [str(bank.id)]}).status_code == 404
    assert shopkeeper.post("live-patches/", {"networks": [str(bank.network_id)]}).status_code == 404
    both = {"system_vms": [str(shop.id), str(bank.id)]}
    assert shopkeeper.post("live-patches/", both).status_code == 404
    assert not Run.objects.exists()
    assert shopkeeper.post("live-patches/", {"networks": [str(shop.network_id)]}).status_code == 201


@pytest.mark.parametrize("extra", [{"forced": True}, {"throttle": {"per_zone": 9}}, {"ticket": "x"}])
def test_a_tenant_may_not_say_how_the_fleet_is_patched(shopkeeper, shop, extra):
    body = {"system_vms": [str(shop.id)]} | extra

    assert shopkeeper.post("live-patches/", body).status_code == 403


@pytest.mark.parametrize("scope", [{"all_outdated": True}, {"zones": [str(uuid4())]}])
def test_a_tenant_names_no_zone_and_no_fleet(shopkeeper, shop, scope):
    assert shopkeeper.post("live-patches/", scope).status_code == 403


def test_a_tenant_waits_between_two_patches_of_a_network(shopkeeper, shop):
    body = {"networks": [str(shop.network_id)]}
    shopkeeper.post("live-patches/", body)
    Run.objects.update(state=RunState.SUCCEEDED)
    Target.objects.update(state=TargetState.DONE, is_open=False)

    answer = shopkeeper.post("live-patches/", body)

    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 600


def test_of_a_fleet_run_a_tenant_is_told_their_own_part_alone(inventory, shopkeeper, shop, bank):
    run = patch_run(inventory, [bank, shop], reason="CVE in the bank's router", ticket="CHG-7")
    put_vm(run, bank.name, TargetState.FAILED, detail="r-28-VM is broken", result="failed_restored")

    short = shopkeeper.get("live-patches/")
    long = shopkeeper.get(f"live-patches/{run.id}/")

    assert [vm["name"] for vm in long.json()["system_vms"]] == ["r-27-VM"]
    assert long.json()["progress"]["total"] == 1
    for answer in (short, long):
        for secret in ("r-28-VM", "bank", "CHG-7", "ada", str(bank.id)):
            assert not tells(answer.text, secret), secret


def test_a_tenant_reads_neither_hosts_nor_operators_nor_what_is_typed_as_root(
    inventory, shopkeeper, viewer, shop
):
    run = patch_run(inventory, [shop])
    told = "r-27-VM cannot be reached: its host kvm7 is Down; skipped by ada; cp -aT /var/cache/cloud/patch"
    target = put_vm(run, shop.name, TargetState.SKIPPED, detail=told)
    patch_step(target, "BackUp", detail=told, note=told, movement={"backup": "/var/cache/cloud/patch"})
    SystemVm.objects.filter(id=shop.id).update(probe_error=told)

    for path in (f"live-patches/{run.id}/", f"system-vms/{shop.id}/", "system-vms/"):
        assert "kvm7" in viewer.get(path).text, path
        assert "kvm7" in viewer.get(path).text, path
        for secret in ("kvm7", "ada", "cp -aT", "/var/cache"):
            assert not tells(shopkeeper.get(path).text, secret), path
    assert shopkeeper.get(f"system-vms/{shop.id}/").json()["probe_error"] == "it could not be probed"


def test_a_patch_of_others_alone_does_not_exist_for_a_tenant(inventory, shopkeeper, shop, bank):
    run = patch_run(inventory, [bank])

    assert shopkeeper.get("live-patches/").json()["results"] == []
    assert shopkeeper.get(f"live-patches/{run.id}/").status_code == 404
    assert shopkeeper.get(f"live-patches/?system_vm={bank.id}").json()["results"] == []
    assert shopkeeper.get(f"rolling-maintenances/{run.id}/").status_code == 403


def test_a_refusal_names_neither_an_operator_nor_what_is_not_theirs(inventory, shopkeeper, shop, bank):
    other = make_vm(inventory, "r-29-VM", network=shop.network)
    patch_run(inventory, [bank, shop])

    answer = shopkeeper.post("live-patches/", {"system_vms": [str(shop.id), str(other.id)]})

    assert answer.status_code == 409
    for secret in ("ada", "r-28-VM", "bank"):
        assert not tells(answer.text, secret)
