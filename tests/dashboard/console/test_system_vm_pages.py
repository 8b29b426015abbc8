"""The list of system VMs, the page of one, and what each says before anybody clicks."""

import pytest
from django.test import Client

from maintenance.domain.states import RunState, TargetState
from maintenance.domain.system_vms import SystemVmType
from maintenance.models import AuditEntry, Run, SystemVm, Target
from tests.dashboard.console.conftest import logged_in
from tests.dashboard.console.system_vms import (
    NEW,
    NEW_MD5,
    OLD,
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
from tests.dashboard.walk_page import Page

LIST = "/system-vms/"


def row(client: Client, vm: SystemVm, address: str = LIST) -> str:
    found = Page(client.get(address).text, address).by_id(f"systemvm-row-{vm.id}")
    assert found is not None, f"{vm.name} is not listed at {address}"
    return found.text


@pytest.fixture
def router(inventory: Inventory) -> SystemVm:
    return make_vm(inventory, "r-27-VM", network=make_network(inventory, "shop-prod"))


def test_the_list_says_what_was_probed_and_what_an_update_would_restart(inventory, operator, router):
    publish()

    says = row(operator, router)

    assert f"{OLD} → {NEW}" in says
    assert "all 3 answer" in says
    assert "Available" in says
    assert "restarts haproxy, apache2 and dnsmasq" in says
    assert "1 of 1 can be live-patched now." in operator.get(LIST).text


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"template_version": "4.13.1.0"}, "has to be recreated"),
        ({"base_image": "debian-11"}, "The update needs the image debian-12.8; it runs debian-11"),
        ({"state": "Stopped"}, "only a running VM can be patched"),
        ({"probed_at": None, "software_version": ""}, "it could not be probed"),
        ({"probe_error": "does not answer"}, "it could not be probed"),
    ],
)
def test_why_a_vm_cannot_be_patched_is_said_before_the_click(inventory, operator, columns, said):
    publish()
    vm = make_vm(inventory, "r-12-VM", network=make_network(inventory, "n"), **columns)

    assert said in row(operator, vm)
    page = Page(operator.get(f"{LIST}{vm.id}/").text, "page")
    assert said.lower() in page.by_id("systemvm-update").text.lower()
    assert f"{LIST}{vm.id}/patch/" not in [button.path for button in page.buttons()]


def test_a_router_of_a_vpc_without_tiers_cannot_be_patched(inventory, operator):
    publish()
    vm = make_vm(inventory, "r-5-VM", vpc=make_vpc(inventory, "empty-vpc"))

    assert "Its VPC has no tier yet" in row(operator, vm)


def test_what_is_current_is_green_and_has_no_button(inventory, operator):
    publish()
    vm = make_vm(
        inventory, "v-2-VM", SystemVmType.CONSOLE_PROXY, software_version=NEW, scripts_checksum=NEW_MD5
    )

    says = row(operator, vm)

    assert "Current" in says
    assert "Live patch" not in says


def test_a_security_update_stands_apart_and_first(inventory, operator, router):
    publish(types=["consoleproxy"], security=True)
    publish("4.21.0.2", "c" * 32, types=["domainrouter"], advisories=[])
    proxy = make_vm(inventory, "v-2-VM", SystemVmType.CONSOLE_PROXY)

    page = operator.get(LIST).text

    assert "Security update" in row(operator, proxy)
    assert "Security update" not in row(operator, router)
    assert page.index(f"systemvm-row-{proxy.id}") < page.index(f"systemvm-row-{router.id}")


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?type=consoleproxy", {"v-2-VM"}),
        ("?update=available", {"r-27-VM", "v-2-VM"}),
        ("?update=not-possible", {"r-9-VM"}),
        ("?account=shop", {"r-27-VM", "r-9-VM"}),
        ("?search=shop-prod", {"r-27-VM", "r-9-VM"}),
        ("?search=v-2", {"v-2-VM"}),
        ("?update=unheard-of", {"r-27-VM", "v-2-VM", "r-9-VM"}),
    ],
)
def test_filters_stand_in_the_address(inventory, operator, router, query, found):
    publish()
    make_vm(inventory, "v-2-VM", SystemVmType.CONSOLE_PROXY)
    make_vm(inventory, "r-9-VM", network=router.network, state="Stopped")

    page = operator.get(LIST + query).text

    listed = {vm.name for vm in SystemVm.objects.all() if f"systemvm-row-{vm.id}" in page}
    assert listed == found


def test_the_list_asks_as_much_of_the_database_for_one_as_for_many(
    inventory, operator, router, django_assert_max_num_queries
):
    publish()
    for number in range(60):
        make_vm(inventory, f"r-{100 + number}-VM", network=router.network)

    with django_assert_max_num_queries(45):
        page = operator.get(LIST).text

    assert "61 of 61 can be live-patched now." in page
    assert "Page 1 of 2" in page


def test_a_vm_at_work_says_which_step_and_leads_to_its_run(inventory, operator, router):
    publish()
    run = patch_run(inventory, [router])
    target = put_vm(run, router.name, TargetState.WORKING)
    for stage in ("Copy", "BackUp", "Apply"):
        patch_step(target, stage)
    patch_step(target, "RestartServices", "")

    says = row(operator, router)

    assert "Patching, 4 of 6" in says
    assert f"Run {run.number}" in says


def test_one_that_failed_says_how_and_leads_to_why(inventory, operator, router):
    publish()
    run = patch_run(inventory, [router])
    failed_and_restored(run, router.name, "dnsmasq: port 53 is in use already")
    Run.objects.update(state=RunState.FAILED)
    Target.objects.update(is_open=False)

    says = row(operator, router)

    assert "Failed, previous version is back" in says
    assert "dnsmasq: port 53 is in use already" in says
    assert "Read why" in says


def test_the_page_of_one_says_what_restarts_and_what_stays_up(inventory, operator, router):
    publish()

    page = operator.get(f"{LIST}{router.id}/").text

    assert f"r-27-VM runs {OLD}." in page
    assert "Instances, public IPs and forwarding stay up" in page
    assert "the previous version is put back" in page
    assert "198.51.100.9" in page
    assert "answers 4.21.0.0" in page


def test_the_page_of_one_keeps_its_patches_with_the_downtime_that_was_measured(inventory, operator, router):
    publish()
    run = patch_run(inventory, [router], state=RunState.SUCCEEDED)
    put_vm(run, router.name, TargetState.DONE, result="patched", is_open=False)
    measure(run, router, down_ms=61.4)

    history = Page(operator.get(f"{LIST}{router.id}/").text, "page").by_id("systemvm-history").text

    assert f"Run {run.number}" in history
    assert "Patched" in history
    assert "61 ms lost" in history


def test_the_other_side_of_a_pair_is_named(inventory, operator):
    network = make_network(inventory, "clinic-core", is_redundant=True)
    first = make_vm(inventory, "r-33-VM", network=network, redundant_state="PRIMARY")
    make_vm(inventory, "r-34-VM", network=network, redundant_state="BACKUP")

    rules = Page(operator.get(f"{LIST}{first.id}/").text, "page").by_id("systemvm-rules").text

    assert "r-34-VM" in rules
    assert "backup side of a pair" in rules


def test_a_press_starts_one_run_and_a_second_press_joins_it(inventory, operator, router):
    publish()

    first = operator.post(f"{LIST}{router.id}/patch/", {"reason": "CVE"})
    second = operator.post(f"{LIST}{router.id}/patch/", {})

    run = Run.objects.get()
    assert (first.status_code, first.headers["Location"]) == (303, f"/rolling/{run.id}/")
    assert second.headers["Location"] == f"/rolling/{run.id}/"
    assert (run.reason, run.started_by) == ("CVE", "operator")


def test_one_that_cannot_be_patched_is_not_and_the_page_says_why(inventory, operator, router):
    answer = operator.post(f"{LIST}{router.id}/patch/", follow=True)

    assert "Not done: nothing can be patched" in answer.text
    assert not Run.objects.exists()


def test_only_administrators_patch_what_is_current_already(inventory, operator):
    publish()
    vm = make_vm(
        inventory, "v-2-VM", SystemVmType.CONSOLE_PROXY, software_version=NEW, scripts_checksum=NEW_MD5
    )

    assert operator.post(f"{LIST}{vm.id}/patch/", {"forced": "on"}).status_code == 403
    assert not Run.objects.exists()
    logged_in("administrator").post(f"{LIST}{vm.id}/patch/", {"forced": "on"})
    assert Run.objects.get().forced
    assert AuditEntry.objects.filter(action="live patch started", actor="administrator").exists()


def test_a_viewer_sees_the_button_and_why_it_cannot_be_pressed(inventory, viewer, router):
    publish()

    page = Page(viewer.get(f"{LIST}{router.id}/").text, "page")

    assert "Your role is viewer." in page.by_id("systemvm-update").text
    assert viewer.post(f"{LIST}{router.id}/patch/").status_code == 403


def test_the_rail_counts_the_updates(inventory, operator, router):
    publish()
    make_vm(inventory, "v-2-VM", SystemVmType.CONSOLE_PROXY)

    count = Page(operator.get("/").text, "overview").by_id("nav-system-vms")

    assert count.text.startswith("2")
