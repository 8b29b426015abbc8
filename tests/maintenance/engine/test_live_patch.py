"""Live patch by the engine, on the lab's real system VMs: five steps, one way back, told apart."""

import hashlib
from pathlib import Path

import pytest

from maintenance import actions as all_actions
from maintenance.actions import Conflict
from maintenance.actions.live_patches import PatchRequest, RateLimited, start_live_patch
from maintenance.backends.lab.seed import reset_lab
from maintenance.backends.lab.system_vms import breaking
from maintenance.backends.registry import _made, cloud_of_kind
from maintenance.domain.system_vms import SystemVmType
from maintenance.inventory_sync import read_cloud
from maintenance.models import Attention, Cloud, Downtime, Network, Payload, Run, Step, SystemVm, Target
from maintenance.payload_files import kept_at
from maintenance.system_vms_sync import probe_vm
from tests.maintenance.backends.system_vms_lab import BACKUP, CPVM, ROUTER, SSVM, disk, machines_end, vm_id
from tests.maintenance.engine.small_lab import ended, engine_running, state_of
from tests.maintenance.patching.payloads import payload
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

NEW = "4.99.0.0"
STEPS = ["Copy", "BackUp", "Apply", "RestartServices", "Verify"]


@pytest.fixture
def cloud(db, settings, open_folder: Path):
    settings.VAR_DIR = open_folder
    _made.cache_clear()
    reset_lab()
    row = Cloud.objects.create(name="lab", kind="lab")
    read_cloud(row)
    with machines_end():
        for vm in SystemVm.objects.filter(state="Running").select_related("cloud"):
            probe_vm(vm)
        yield row
    _made.cache_clear()


@pytest.fixture
def published(cloud, tmp_path):
    """A newer payload for every type lies on this machine."""
    files = payload(tmp_path / "files", NEW, base_image="")
    for path, sha256 in ((files.agent, files.agent_sha256), (files.scripts, files.scripts_sha256)):
        kept = kept_at(sha256)
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_bytes(path.read_bytes())
        assert hashlib.sha256(kept.read_bytes()).hexdigest() == sha256
    return Payload.objects.create(
        version=NEW, types=[str(kind) for kind in SystemVmType], base_image="", agent_sha256=files.agent_sha256,
        scripts_sha256=files.scripts_sha256, scripts_md5=files.scripts_md5, manifest="{}", signed_by="test",
        published_by="admin",
    )  # fmt: skip


def patch(*names, **how):
    asked = {"soak_s": 0} | how
    request = PatchRequest(system_vm_ids=tuple(vm_id(name) for name in names), **asked)
    return start_live_patch(request, actor="operator").run


def steps(run, name):
    found = Step.objects.filter(run=run, target__name=name).order_by("started")
    return [(step.stage, step.outcome) for step in found]


def result(run, name):
    target = Target.objects.get(run=run, name=name)
    return target.state, target.result


def runs_now(name):
    """What the VM itself answers."""
    cloud = Cloud.objects.get()
    return cloud_of_kind(cloud.kind, cloud.id).probe_system_vm(vm_id(name))


def test_a_system_vm_goes_through_five_steps_and_the_version_shown_is_the_one_probed(published):
    run = patch(SSVM)
    with engine_running():
        ended(run)

    assert state_of(run) == "Succeeded"
    assert steps(run, SSVM) == [(step, "ok") for step in STEPS]
    assert result(run, SSVM) == ("Done", "patched")
    vm = SystemVm.objects.get(name=SSVM)
    assert (vm.software_version, vm.scripts_checksum) == (NEW, published.scripts_md5)
    assert {service["version"] for service in vm.services} == {NEW}


def test_a_router_has_its_rules_applied_again_and_answering(published):
    run = patch(ROUTER)
    with engine_running():
        ended(run)

    assert steps(run, ROUTER) == [(step, "ok") for step in [*STEPS, "ReapplyRules"]]
    probe = runs_now(ROUTER)
    assert probe.rules_answering == probe.rules > 0


def test_what_customers_missed_is_measured_from_outside_and_kept(published):
    run = patch(ROUTER, soak_s=1)
    with engine_running():
        ended(run)

    measured = {row.way: row for row in Downtime.objects.filter(run=run)}
    assert {"ingress", "egress"} <= measured.keys()
    assert all(row.probes > 10 and row.ended_at is not None for row in measured.values())
    assert all(
        row.down_ms == pytest.approx(sum(gap["ms"] for gap in row.gaps), abs=1) for row in measured.values()
    )


def test_a_service_that_does_not_start_leads_back_and_the_previous_version_answers(published):
    before = runs_now(ROUTER)
    breaking.fail_start(disk(ROUTER), "apache2")
    run = patch(ROUTER)
    with engine_running():
        wait_until(lambda: state_of(run) == "Paused", within_s=60)

    assert steps(run, ROUTER)[-2:] == [("RestartServices", "failed"), ("RollBack", "ok")]
    assert result(run, ROUTER) == ("Failed", "failed_restored")
    assert runs_now(ROUTER).software_version == before.software_version
    assert SystemVm.objects.get(name=ROUTER).software_version == before.software_version
    assert Attention.objects.get(resolved_at=None).cause == "patch-failed"


def test_a_service_that_dies_within_the_soak_leads_back(published):
    breaking.die_after(disk(SSVM), "apache2", 0.5)
    run = patch(SSVM, soak_s=3)
    with engine_running():
        wait_until(lambda: result(run, SSVM)[1], within_s=60)

    assert result(run, SSVM)[1] in {"failed_restored", "failed_not_restored"}
    assert ("RestartServices", "failed") in steps(run, SSVM)
    assert "apache2" in Target.objects.get(run=run).detail


def test_a_vm_that_runs_the_version_already_has_nothing_done(published):
    first = patch(CPVM)
    with engine_running():
        ended(first)
        with pytest.raises(Conflict, match="it runs the newest version"):
            patch(CPVM)
        forced = patch(CPVM, forced=True)
        ended(forced)

    assert result(forced, CPVM) == ("Done", "patched")


def test_a_second_click_joins_the_running_patch(published):
    first = patch(SSVM)
    again = start_live_patch(PatchRequest(system_vm_ids=(vm_id(SSVM),)), actor="tenant")

    assert (again.run.id, again.joined) == (first.id, True)


def test_a_tenant_patches_a_network_once_in_ten_minutes(published):
    network = Network.objects.get(id=SystemVm.objects.get(name=ROUTER).network_id)
    request = PatchRequest(network_ids=(network.id,), soak_s=0)
    run = start_live_patch(request, actor="tenant", is_tenant=True).run
    with engine_running():
        ended(run, within_s=60)

    with pytest.raises(RateLimited) as refused:
        start_live_patch(PatchRequest(network_ids=(network.id,), forced=True), actor="tenant", is_tenant=True)
    assert 0 < refused.value.retry_after_s <= 600


def test_of_a_pair_the_backup_side_goes_first_and_never_both_at_once(published):
    run = patch(ROUTER, BACKUP, per_zone=5)
    with engine_running():
        ended(run, within_s=60)

    assert state_of(run) == "Succeeded"
    order = {vm.name: vm.redundant_state for vm in SystemVm.objects.filter(name__in=[ROUTER, BACKUP])}
    first, second = sorted(order, key=lambda name: order[name] != "BACKUP")
    ends = Step.objects.filter(run=run, target__name=first).latest("finished").finished
    assert Step.objects.filter(run=run, target__name=second).earliest("started").started >= ends


def test_all_outdated_ones_are_patched_and_the_others_skipped_with_the_reason(published):
    request = PatchRequest(all_outdated=True, per_zone=3, canary=1, soak_s=0, on_failure="skip")
    run = start_live_patch(request, actor="operator").run
    with engine_running():
        ended(run, within_s=120)

    run = Run.objects.get(id=run.id)
    skipped = {t.name: t.detail for t in Target.objects.filter(run=run, state="Skipped")}
    assert run.state == "Succeeded"
    assert any("4.13 or older" in why for why in skipped.values())
    assert all(why for why in skipped.values())
    assert Target.objects.filter(run=run, result="patched").count() >= 4


def test_cancelled_before_anything_was_changed_it_is_as_it_was(published):
    before = runs_now(SSVM)
    run = patch(SSVM)
    all_actions.cancel_run(run.id, actor="operator")
    with engine_running():
        ended(run)

    assert state_of(run) == "Cancelled"
    assert runs_now(SSVM).software_version == before.software_version


def test_a_service_that_starts_with_no_version_at_all_leaves_it_to_a_person_with_path_and_commands(published):
    breaking.fail_start(disk(SSVM), "apache2", with_any=True)
    run = patch(SSVM)
    with engine_running():
        wait_until(lambda: state_of(run) == "Paused", within_s=60)

    assert result(run, SSVM) == ("NeedsPerson", "failed_not_restored")
    need = Attention.objects.get(resolved_at=None)
    assert need.cause == "patch-not-restored"
    assert "backup" in need.message
    breaking.mend(disk(SSVM), "apache2")
    all_actions.retry_host(run.id, vm_id(SSVM), actor="operator")
    with engine_running():
        wait_until(lambda: result(run, SSVM)[1] == "failed_restored", within_s=60)
    assert runs_now(SSVM).software_version == SystemVm.objects.get(name=SSVM).software_version != NEW
