"""The page that restarts routers, and the page of such a run: before the click, as it goes, at its end."""

import json
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from maintenance.domain.states import RunState, TargetState
from maintenance.models import EngineProcess, Network, Run, SystemVm, Target
from tests.dashboard.console.system_vms import (
    make_network,
    make_vm,
    measure,
    needs_person,
    patch_step,
    put_vm,
    restart_run,
)
from tests.dashboard.inventory import Inventory
from tests.dashboard.walk_page import Page

NEW_IMAGE = "4.21.0.0"


@pytest.fixture
def router(inventory: Inventory) -> SystemVm:
    network = make_network(inventory, "shop-prod", new_router_version=NEW_IMAGE)
    return make_vm(inventory, "r-5-VM", network=network)


@pytest.fixture
def pair(inventory: Inventory) -> Network:
    network = make_network(inventory, "clinic-core", is_redundant=True, new_router_version=NEW_IMAGE)
    for name, side in (("r-33-VM", "PRIMARY"), ("r-34-VM", "BACKUP")):
        make_vm(inventory, name, network=network, redundant_state=side)
    return network


def said(page: Page) -> str:
    main = page.by_id("main")
    assert main is not None
    return " ".join(main.text.split())


def asked(client: Client, query: str) -> Page:
    address = f"/system-vms/restart/?{query}"
    return Page(client.get(address).text, address)


def run_page(client: Client, run: Run) -> Page:
    return Page(client.get(f"/rolling/{run.id}/").text, f"/rolling/{run.id}/")


# ---- before the click -----------------------------------------------------------------------------------------------


def test_before_it_begins_it_says_which_routers_how_and_what_it_has_cost(operator, router):
    says = said(asked(operator, f"network={router.network_id}"))

    assert "1 router of shop-prod will be replaced. New ones get version 4.21.0.0." in says
    assert "A new router starts beside the old one, which serves all the while." in says
    assert "If the new one does not come up, it is removed and the old one stays" in says
    assert "Downtime: not measured yet." in says
    assert "Replace the routers of shop-prod" in says


def test_a_pair_is_done_one_side_at_a_time_the_backup_side_first(operator, pair):
    says = said(asked(operator, f"network={pair.id}"))

    assert "One side of the pair at a time" in says
    assert says.index("r-34-VM") < says.index("r-33-VM")


def test_a_pair_whose_versions_do_not_fit_says_why_it_is_done_otherwise(operator, pair):
    Network.objects.update(new_router_version="4.22.0.0")

    says = said(asked(operator, f"network={pair.id}"))

    assert "The two sides cannot hand over by themselves: r-34-VM is 4.21.0.0, r-33-VM is" in says


def test_what_was_measured_is_told_for_each_way_apart(inventory, operator, router):
    for way, down_ms in (("parallel", 100), ("parallel", 140), ("serial", 42_000)):
        run = restart_run(inventory, [router], way, state=RunState.SUCCEEDED, finished_at=timezone.now())
        put_vm(run, router.name, TargetState.DONE, result="replaced", is_open=False)
        measure(run, router, down_ms=down_ms)

    says = said(asked(operator, f"network={router.network_id}"))

    assert "ingress: 120 ms lost on average, 100 ms at the least, measured 2 times" in says
    assert "ingress: 42 s lost, measured once" in says


def test_a_restart_that_is_refused_says_why_beside_a_button_that_does_nothing(inventory, operator, router):
    run = restart_run(inventory, [router])
    page = asked(operator, f"network={router.network_id}&how=reapply")

    assert "Run 1 (started by ada) already has r-5-VM" in said(page)
    assert f"/rolling/{run.id}/" in [link["href"] for link in page.find("a") if link["href"]]
    assert not [button for button in page.buttons() if ("do", "start") in button.fields]


def test_pressing_it_leads_to_its_run(operator, router):
    sent = {"network": str(router.network_id), "how": "serial", "reason": "to compare", "do": "start"}
    answer = operator.post("/system-vms/restart/", sent)

    run = Run.objects.get()
    assert (answer.status_code, answer["Location"]) == (303, f"/rolling/{run.id}/")
    assert (run.way, run.reason, run.started_by) == ("serial", "to compare", "operator")


def test_looking_again_starts_nothing(operator, router):
    sent = {"network": str(router.network_id), "how": "reapply", "do": "look"}

    says = operator.post("/system-vms/restart/", sent).text

    assert "Apply the rules of shop-prod again" in says
    assert not Run.objects.exists()


def test_without_a_network_one_is_found_by_name(operator, router, pair):
    assert "r-5-VM" not in said(asked(operator, ""))
    links = [link["href"] for link in asked(operator, "find=SHOP-P").by_id("main").find("a")]
    assert f"/system-vms/restart/?network={router.network_id}" in links
    assert f"/system-vms/restart/?network={pair.id}" not in links


def test_what_does_not_exist_is_not_found_and_viewers_start_nothing(operator, viewer, router):
    assert operator.get(f"/system-vms/restart/?network={uuid4()}").status_code == 404
    assert viewer.get(f"/system-vms/restart/?network={router.network_id}").status_code == 403


def test_a_router_and_one_that_needs_an_upgrade_lead_there(inventory, operator, router):
    old = make_vm(inventory, "r-12-VM", network=router.network, template_version="4.13.1.0")
    there = f"/system-vms/restart/?network={router.network_id}"

    assert there in operator.get(f"/system-vms/{router.id}/").text
    assert there in operator.get(f"/system-vms/{old.id}/").text
    assert "/system-vms/restart/" in operator.get("/system-vms/").text


# ---- its run --------------------------------------------------------------------------------------------------------


def replaced(run: Run, name: str, new: str = "r-31-VM", new_id: str = "") -> Target:
    """It went well up to the end."""
    target = put_vm(run, name, TargetState.DONE, result="replaced", is_open=False)
    patch_step(
        target,
        "StartReplacement",
        movement={"router": new, "router_id": new_id or str(uuid4()), "version": "4.21.0.1"},
    )
    patch_step(target, "SwitchTraffic")
    patch_step(target, "VerifyReplacement")
    return target


@pytest.mark.parametrize(
    ("way", "steps"),
    [
        ("parallel", ("1 Start the new one", "2 Switch traffic", "3 Verify")),
        ("serial", ("1 Stop the old one", "2 Start the new one", "3 Switch traffic", "4 Verify")),
        ("reapply", ("1 Rules",)),
    ],
)
def test_each_way_has_its_steps(inventory, operator, router, way, steps):
    names = [
        one.text
        for one in run_page(operator, restart_run(inventory, [router], way)).by_id("prun-lanes").find("b")
    ]

    assert [name for name in names if name[0].isdigit()] == list(steps)


def test_the_new_router_is_named_beside_the_old_one_as_soon_as_it_starts(inventory, operator, router):
    run = restart_run(inventory, [router])
    target = put_vm(run, router.name, TargetState.PREPARING)
    patch_step(target, "StartReplacement", "", movement={"router": "r-31-VM"}, note="it boots, about 3 s")

    page = run_page(operator, run)

    says = page.by_id("prun-lanes").text
    assert "r-5-VM → r-31-VM" in says
    assert "it boots, about 3 s" in says
    assert "If the new one does not come up, it is removed; this one serves all the time." in says
    assert "until traffic is switched the new router is removed and this one serves" in said(page)
    assert "Restart routers of shop-prod" in said(page)


def test_what_was_replaced_is_told_with_its_downtime_and_leads_to_the_new_router(inventory, operator, router):
    new = make_vm(inventory, "r-31-VM", network=router.network, software_version="4.21.0.1")
    run = restart_run(inventory, [router], state=RunState.SUCCEEDED, finished_at=timezone.now())
    replaced(run, router.name, new_id=str(new.id))
    measure(run, router, down_ms=92.4, gaps=[{"ms": 60.0}, {"ms": 32.4}])
    measure(run, router, "load-balancer", down_ms=0, failed=0)
    SystemVm.objects.filter(id=router.id).update(gone_at=timezone.now())

    says = said(run_page(operator, run))

    assert "1 router replaced." in says
    assert "ingress 92 ms lost longest gaps: 60 ms and 32 ms" in says
    assert "load balancer 0 ms lost" in says
    assert f"/system-vms/{new.id}/" in operator.get(f"/rolling/{run.id}/").text
    assert operator.get(f"/system-vms/{router.id}/")["Location"] == f"/system-vms/{new.id}/"
    assert "started it in the place of r-5-VM" in said(Page(operator.get(f"/system-vms/{new.id}/").text, "/"))


@pytest.mark.parametrize(
    ("state", "result", "words"),
    [
        (TargetState.DONE, "reapplied", "Rules applied again"),
        (TargetState.FAILED, "failed_restored", "Failed, the previous router serves"),
        (TargetState.FAILED, "nothing_changed", "Failed, nothing was replaced"),
        (TargetState.FAILED, "replaced", "Replaced, without a second router"),
        (TargetState.NEEDS_PERSON, "failed_not_restored", "Failed, not restored"),
        (TargetState.NEEDS_PERSON, "unconfirmed", "Could not confirm"),
    ],
)
def test_each_way_of_ending_is_told_apart(inventory, operator, router, state, result, words):
    run = restart_run(inventory, [router], state=RunState.PAUSED)
    put_vm(run, router.name, state, result=result)

    page = run_page(operator, run)

    assert words in page.by_id("prun-lanes").text
    assert words in page.by_id("prun-head").text


def test_one_that_did_not_come_up_says_what_a_retry_and_a_skip_would_do(inventory, operator, router):
    run = restart_run(inventory, [router], state=RunState.PAUSED)
    target = put_vm(
        run, router.name, TargetState.FAILED, result="failed_restored", detail="haproxy does not start"
    )
    patch_step(
        target, "StartReplacement", "failed", detail="haproxy does not start", movement={"router": "r-31-VM"}
    )
    patch_step(target, "SwitchBack")
    needs_person(target, "router-failed", "The restart of r-5-VM failed", "haproxy does not start")

    says = said(run_page(operator, run))

    assert "Switch back" in says
    assert "the previous router serves" in says
    assert "a new router for r-5-VM is started, from the first step" in says
    assert "What serves now goes on serving" in says


def test_what_needs_a_person_says_what_it_means_and_how_the_router_is_now(inventory, operator, router):
    run = restart_run(inventory, [router], state=RunState.PAUSED)
    target = put_vm(run, router.name, TargetState.NEEDS_PERSON, result="failed_not_restored")
    patch_step(target, "SwitchBack", "failed", detail="virsh start r-5-VM")
    need = needs_person(
        target, "router-not-restored", "r-5-VM is not back: its network may be down", "virsh start r-5-VM"
    )

    says = said(Page(operator.get(f"/needs-a-person/{need.id}/").text, "/"))

    assert "A router is not back" in says
    assert "virsh start r-5-VM" in says
    assert "It runs 4.21.0.0; 3 of 3 services answer." in says
    assert "it is tried again to have r-5-VM serve as before" in says
    assert "no further router is begun until somebody resumes or retries" in says


def test_the_reports_have_every_router_with_its_replacement_and_its_times(inventory, operator, router):
    run = restart_run(inventory, [router], state=RunState.SUCCEEDED)
    replaced(run, router.name)
    measure(run, router)

    told = json.loads(operator.get(f"/rolling/{run.id}/report.json").content)
    heads, row = operator.get(f"/rolling/{run.id}/report.csv").text.splitlines()[:2]

    assert (told["way"], told["system_vms"][0]["list"]) == ("parallel", "replaced")
    assert told["system_vms"][0]["replacement"] == "r-31-VM"
    of = dict(zip(heads.split(","), row.split(","), strict=True))
    assert (of["replacement"], of["StartReplacement s"], of["ingress down ms"]) == ("r-31-VM", "6.0", "60")


def test_lists_the_overview_and_the_list_of_vms_know_a_restart(inventory, operator, router):
    run = restart_run(inventory, [router])
    target = put_vm(run, router.name, TargetState.WORKING)
    patch_step(target, "StartReplacement", movement={"router": "r-31-VM"})
    patch_step(target, "SwitchTraffic", "")
    EngineProcess.objects.create(host_name="node1", pid=7, version="1")

    assert "Restart routers of shop-prod" in operator.get("/rolling/").text
    assert "0 of 1\xa0router" in operator.get("/rolling/").text
    assert "One router is being restarted." in operator.get("/").text
    assert "Restarting, 2 of 3" in operator.get("/system-vms/").text
