"""Live patches by an engine in the lab's VMs, real folders and real service processes: what goes well, and in turn."""

from pathlib import Path

import pytest

from maintenance import actions
from maintenance.actions import Conflict
from maintenance.actions.live_patches import PatchRequest, RateLimited, start_live_patch
from maintenance.models import Attention, Downtime, Run, Step, SystemVm, Target
from maintenance.patching import journal
from maintenance.patching.layout import PATCHES
from tests.maintenance.backends.system_vms_lab import BACKUP, CPVM, INTERNAL_LB, ROUTER, SSVM, disk, vm_id
from tests.maintenance.engine.patch_lab import (
    NEW,
    OF_ROUTERS,
    STEPS,
    looked_at,
    patch,
    patch_lab,
    publish_new,
    result,
    runs_now,
    shown_versions,
    steps,
)
from tests.maintenance.engine.small_lab import ended, engine_running, state_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

ALONE, TOO_OLD = "r-7-VM", "r-8-VM"  # the only router of its network; one of an image that cannot be patched


@pytest.fixture
def published(db, settings, open_folder: Path, tmp_path: Path):
    """A payload newer than what any VM of the lab runs."""
    settings.VAR_DIR = open_folder
    with patch_lab():
        yield publish_new(tmp_path)


def test_a_system_vm_goes_through_five_steps_and_nothing_is_left(published):
    run = patch(SSVM)
    with engine_running():
        ended(run)

    assert (state_of(run), result(run, SSVM)) == ("Succeeded", ("Done", "patched"))
    assert steps(run, SSVM) == [(step, "ok") for step in STEPS]
    vm = SystemVm.objects.get(name=SSVM)
    assert (vm.software_version, vm.scripts_checksum) == (NEW, published.scripts_md5)
    assert shown_versions(SSVM) == {NEW}
    left = [path.name for path in (disk(SSVM).root / PATCHES).rglob("*") if path.is_file()]
    assert left == [journal.NAME]
    assert not Attention.objects.exists()


def test_a_router_has_its_rules_applied_again_and_what_customers_missed_is_measured(published):
    run = patch(ROUTER, soak_s=1)
    with engine_running():
        ended(run)

    assert result(run, ROUTER) == ("Done", "patched")
    assert steps(run, ROUTER) == [(step, "ok") for step in OF_ROUTERS]
    probe = runs_now(ROUTER)
    assert probe.rules_answering == probe.rules > 0
    measured = {row.way: row for row in Downtime.objects.filter(run=run)}
    assert {"ingress", "egress"} <= measured.keys()
    assert all(row.probes > 10 and row.ended_at is not None for row in measured.values())
    assert all(
        row.down_ms == pytest.approx(sum(gap["ms"] for gap in row.gaps), abs=1) for row in measured.values()
    )


def test_a_vm_that_runs_the_version_already_is_patched_only_when_forced(published):
    first = patch(CPVM)
    with engine_running():
        ended(first)
        with pytest.raises(Conflict, match="it runs the newest version"):
            patch(CPVM)
        forced = patch(CPVM, forced=True)
        ended(forced)

    assert result(forced, CPVM) == ("Done", "patched")


def test_a_second_click_joins_the_running_patch(published):
    first = patch(CPVM)

    again = start_live_patch(PatchRequest(system_vm_ids=(vm_id(CPVM),)), actor="tenant")

    assert (again.run.id, again.joined) == (first.id, True)


def test_a_tenant_patches_a_network_once_in_ten_minutes(published):
    looked_at(ALONE)
    network = SystemVm.objects.get(name=ALONE).network_id
    assert network is not None
    request = PatchRequest(network_ids=(network,), soak_s=0)
    run = start_live_patch(request, actor="tenant", is_tenant=True).run
    with engine_running():
        ended(run)

    with pytest.raises(RateLimited) as refused:
        start_live_patch(PatchRequest(network_ids=(network,), forced=True), actor="tenant", is_tenant=True)
    assert 0 < refused.value.retry_after_s <= 600


def test_of_a_pair_the_backup_side_goes_first_and_never_both_at_once(published):
    run = patch(ROUTER, BACKUP, per_zone=5)
    with engine_running():
        ended(run)

    assert state_of(run) == "Succeeded"
    sides = dict(SystemVm.objects.filter(name__in=[ROUTER, BACKUP]).values_list("redundant_state", "name"))
    ends = Step.objects.filter(run=run, target__name=sides["BACKUP"]).latest("finished").finished
    primary = Step.objects.filter(run=run, target__name=sides["PRIMARY"])
    assert primary.earliest("started").started >= ends


def test_all_outdated_ones_are_patched_and_the_others_skipped_with_the_reason(published):
    outdated = [CPVM, SSVM, ALONE, INTERNAL_LB]
    looked_at(*outdated, TOO_OLD)
    request = PatchRequest(all_outdated=True, per_zone=3, canary=1, soak_s=0, on_failure="skip")
    run = start_live_patch(request, actor="operator").run
    with engine_running():
        ended(run)

    assert Run.objects.get(id=run.id).state == "Succeeded"
    assert set(Target.objects.filter(run=run, result="patched").values_list("name", flat=True)) == set(
        outdated
    )
    skipped = dict(Target.objects.filter(run=run, state="Skipped").values_list("name", "detail"))
    assert "4.13 or older" in skipped[TOO_OLD]
    assert all(skipped.values())


def test_cancelled_before_anything_was_changed_it_is_as_it_was(published):
    run = patch(CPVM)
    before = runs_now(CPVM)
    actions.cancel_run(run.id, actor="operator")
    with engine_running():
        ended(run)

    assert state_of(run) == "Cancelled"
    assert runs_now(CPVM).software_version == before.software_version
