"""The page of a live patch: each VM's steps, the way back, every way of ending told apart, and what can be done."""

import json

import pytest
from django.test import Client

from maintenance.domain.states import RunState, TargetState
from maintenance.domain.system_vms import SystemVmType
from maintenance.models import EngineProcess, Run, SystemVm, Target
from tests.dashboard.console.system_vms import (
    NEW,
    failed_and_restored,
    make_network,
    make_vm,
    measure,
    not_restored,
    patch_run,
    patch_step,
    publish,
    put_vm,
)
from tests.dashboard.inventory import Inventory
from tests.dashboard.walk_page import Page


@pytest.fixture
def router(inventory: Inventory) -> SystemVm:
    publish()
    return make_vm(inventory, "r-27-VM", network=make_network(inventory, "shop-prod"))


def page_of(client: Client, run: Run, query: str = "") -> Page:
    address = f"/rolling/{run.id}/{query}"
    return Page(client.get(address).text, address)


def test_the_five_steps_are_shown_and_rules_of_a_router(inventory, operator, router):
    run = patch_run(inventory, [router])
    target = put_vm(run, router.name, TargetState.WORKING)
    patch_step(target, "Copy")
    patch_step(target, "BackUp", movement={"files": 412, "bytes": 3_100_000, "backup": "/b"})
    patch_step(target, "Apply")
    patch_step(target, "RestartServices", "")

    says = page_of(operator, run).by_id("prun-lanes").text

    for step in ("1 Copy", "2 Back up", "3 Apply", "4 Restart", "5 Verify", "6 Rules"):
        assert step in says
    assert "checksums equal on both ends" in says
    assert "412 files" in says
    assert "Roll back" not in says
    assert "If it fails now, the previous version is put back" in says
    assert "haproxy" in says


def test_a_system_vm_has_no_rules_to_apply_again(inventory, operator, router):
    storage = make_vm(inventory, "s-1-VM", SystemVmType.SECONDARY_STORAGE)
    run = patch_run(inventory, [storage])

    assert "Rules" not in page_of(operator, run).by_id("prun-lanes").text


def test_before_anything_is_changed_the_page_says_so(inventory, operator, router):
    run = patch_run(inventory, [router])
    patch_step(put_vm(run, router.name, TargetState.PREPARING), "Copy", "")

    assert "If it fails now, nothing was changed" in page_of(operator, run).by_id("prun-lanes").text


@pytest.mark.parametrize(
    ("state", "result", "words"),
    [
        (TargetState.DONE, "patched", "Patched"),
        (TargetState.SKIPPED, "already_current", "Already current, nothing was done"),
        (TargetState.FAILED, "failed_restored", "Failed, previous version is back"),
        (TargetState.FAILED, "nothing_changed", "Failed before anything was changed"),
        (TargetState.NEEDS_PERSON, "failed_not_restored", "Failed, not restored"),
        (TargetState.NEEDS_PERSON, "unconfirmed", "Could not confirm"),
    ],
)
def test_each_way_of_ending_is_told_apart(inventory, operator, router, state, result, words):
    run = patch_run(inventory, [router], state=RunState.FAILED)
    put_vm(run, router.name, state, result=result, is_open=False)

    page = page_of(operator, run)

    assert words in page.by_id("prun-lanes").text
    assert words in page.by_id("prun-head").text
    others = {"Patched", "previous version is back", "not restored", "Could not confirm"}
    assert not [other for other in others if other not in words and other in page.by_id("prun-lanes").text]


def test_a_rollback_is_shown_as_a_step_of_its_own(inventory, operator, router):
    run = patch_run(inventory, [router], state=RunState.PAUSED)
    failed_and_restored(run, router.name, "dnsmasq: port 53 is in use already")

    page = page_of(operator, run)

    assert "Roll back" in page.by_id("prun-lanes").text
    assert "the old version answers" in page.by_id("prun-lanes").text
    assert "dnsmasq: port 53 is in use already" in page.by_id("prun-problems").text


def test_one_that_is_not_restored_names_the_backup_and_the_commands(inventory, operator, router):
    run = patch_run(inventory, [router], state=RunState.PAUSED)
    not_restored(run, router.name)

    page = page_of(operator, run)

    assert "/var/cache/cloud/bkpup_live_patch" in page.by_id("prun-lanes").text
    assert "tar -C / -xzf" in page.by_id("prun-problems").text
    assert page.by_id("prun-problems").find("article")[0]["data-state"] == "Failed"


def test_measured_downtime_is_shown(inventory, operator, router):
    run = patch_run(inventory, [router])
    measure(run, router, down_ms=60.2)
    measure(run, router, "egress", down_ms=0, failed=0)

    says = page_of(operator, run).by_id("prun-lanes").text

    assert "ingress 60 ms lost" in says
    assert "egress 0 ms lost" in says
    assert "one every 50 ms" in says


def test_of_many_those_at_work_are_drawn_and_all_stand_in_pages(inventory, operator, router):
    vms = [make_vm(inventory, f"r-{n}-VM", network=router.network) for n in range(100, 160)]
    run = patch_run(inventory, vms)
    put_vm(run, "r-100-VM", TargetState.DONE, result="patched")
    patch_step(put_vm(run, "r-101-VM", TargetState.PREPARING), "Copy", "")

    page, patched = page_of(operator, run), page_of(operator, run, "?show=patched")

    assert "r-101-VM" in page.by_id("prun-lanes").text
    assert "r-140-VM" not in page.by_id("prun-lanes").text
    assert "Page 1 of 2" in page.by_id("all-of-run").text
    assert "r-100-VM" in patched.by_id("all-of-run").text
    assert "r-101-VM" not in patched.by_id("all-of-run").text


def test_the_page_of_many_asks_the_database_no_more_than_that_of_a_few(
    inventory, operator, router, django_assert_max_num_queries
):
    vms = [make_vm(inventory, f"r-{n}-VM", network=router.network) for n in range(100, 160)]
    run = patch_run(inventory, vms)
    for vm in vms[:30]:
        patch_step(put_vm(run, vm.name, TargetState.PREPARING), "Copy", "")

    with django_assert_max_num_queries(60):
        page_of(operator, run)


def test_a_failed_one_of_a_paused_run_can_be_retried_or_skipped_with_what_follows(
    inventory, operator, router
):
    run = patch_run(inventory, [router], state=RunState.PAUSED)
    failed_and_restored(run, router.name, "no")

    page = page_of(operator, run)

    paths = [button.path for button in page.buttons()]
    assert f"/rolling/{run.id}/hosts/{router.id}/retry/" in paths
    assert f"/rolling/{run.id}/hosts/{router.id}/skip/" in paths
    assert "keeps its previous version and counts as skipped" in page.by_id("prun-problems").text
    assert "the run ends as failed" in page.by_id("prun-steering").text


def test_skipping_a_waiting_vm_leaves_it_as_it_is(inventory, operator, router):
    run = patch_run(inventory, [router, make_vm(inventory, "r-28-VM")])

    operator.post(f"/rolling/{run.id}/hosts/{router.id}/skip/")

    assert Target.objects.get(run=run, name=router.name).state == TargetState.SKIPPED


def test_a_viewer_is_told_why_nothing_can_be_pressed(inventory, viewer, router):
    run = patch_run(inventory, [router])

    assert "Your role is viewer." in page_of(viewer, run).by_id("prun-steering").text


def test_the_reports_have_every_vm_with_its_outcome(inventory, operator, router):
    run = patch_run(inventory, [router], state=RunState.FAILED)
    failed_and_restored(run, router.name, "dnsmasq does not run")
    measure(run, router)

    told = json.loads(operator.get(f"/rolling/{run.id}/report.json").content)
    table = operator.get(f"/rolling/{run.id}/report.csv").text.splitlines()

    assert told["payload"]["version"] == NEW
    assert told["system_vms"][0]["outcome"] == "failed_restored"
    assert [step["step"] for step in told["system_vms"][0]["steps"]][-1] == "RollBack"
    assert told["system_vms"][0]["downtime"][0]["down_ms"] == 60.0
    assert "failed_restored" in table[1]


def test_lists_of_runs_and_the_overview_know_a_live_patch(inventory, operator, router):
    run = patch_run(inventory, [router])
    patch_step(put_vm(run, router.name, TargetState.WORKING), "Apply", "")

    EngineProcess.objects.create(host_name="node1", pid=7, version="1")
    runs, overview = operator.get("/rolling/").text, operator.get("/").text

    assert "Live patch of r-27-VM" in runs
    assert "0 of 1\xa0system VM" in runs
    assert "One system VM is being patched." in overview
    assert f"/system-vms/{router.id}/" in overview


def test_what_needs_a_person_says_what_it_means_and_how_the_vm_is_now(inventory, operator, router):
    run = patch_run(inventory, [router], state=RunState.PAUSED)
    target = not_restored(run, router.name)
    need = target.attentions.get()

    page = operator.get(f"/needs-a-person/{need.id}/").text

    assert "A system VM could not be restored" in operator.get("/needs-a-person/").text
    assert "What it serves may be away." in page
    assert "It runs 4.21.0.0; 3 of 3 services answer." in page
    assert f"/system-vms/{router.id}/" in page
    assert f"/rolling/{run.id}/hosts/{router.id}/retry/" in page


def test_a_heading_says_why_it_is_paused_and_leaves_the_commands_to_their_place(inventory, operator, router):
    run = patch_run(inventory, [router])
    why = f"{router.name}: RollBack: the previous version is not back: haproxy does not run. What was saved is in /b"
    Run.objects.filter(id=run.id).update(state=RunState.PAUSED, paused_reason={"message": why})

    heading = page_of(operator, run).by_id("prun-head").text

    assert "the previous version is not back: haproxy does not run." in heading
    assert "/b" not in heading
