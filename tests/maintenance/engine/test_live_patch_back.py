"""Live patches by an engine in the lab's VMs that fail: the one way back, and what is left to a person."""

from pathlib import Path

import pytest

from maintenance import actions
from maintenance.backends.lab.system_vms import breaking
from maintenance.models import Attention, Step, Target
from maintenance.patching.layout import installed
from tests.maintenance.backends.system_vms_lab import CPVM, ROUTER, SSVM, disk, vm_id
from tests.maintenance.engine.patch_lab import (
    NEW,
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
from tests.maintenance.engine.small_lab import engine_running, state_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


@pytest.fixture(autouse=True)
def published(db, settings, open_folder: Path, tmp_path: Path):
    """A payload newer than what any VM of the lab runs."""
    settings.VAR_DIR = open_folder
    with patch_lab():
        yield publish_new(tmp_path)


def paused(run):
    wait_until(lambda: state_of(run) == "Paused", within_s=60)


def test_a_service_that_does_not_start_leads_back_and_the_previous_version_answers():
    looked_at(ROUTER)
    before = shown_versions(ROUTER)
    breaking.fail_start(disk(ROUTER), "apache2")
    run = patch(ROUTER)
    with engine_running():
        paused(run)

    assert result(run, ROUTER) == ("Failed", "failed_restored")
    assert steps(run, ROUTER)[-2:] == [("RestartServices", "failed"), ("RollBack", "ok")]
    assert {service.version for service in runs_now(ROUTER).services} == shown_versions(ROUTER) == before
    assert Attention.objects.get(resolved_at=None).cause == "patch-failed"


def test_a_service_that_tells_another_version_than_was_copied_leads_back():
    looked_at(SSVM)
    before = shown_versions(SSVM)
    breaking.lie(disk(SSVM), "apache2")
    run = patch(SSVM)
    with engine_running():
        paused(run)

    assert result(run, SSVM) == ("Failed", "failed_restored")
    assert steps(run, SSVM)[-2:] == [("Verify", "failed"), ("RollBack", "ok")]
    assert [stage for stage, _ in steps(run, SSVM)] == [*STEPS, "RollBack"]
    assert shown_versions(SSVM) == before == {installed(disk(SSVM).root).version}


def test_a_service_that_dies_within_the_soak_leads_back():
    looked_at(CPVM)
    breaking.die_after(disk(CPVM), "cloud", 0.2)
    run = patch(CPVM, soak_s=3)
    with engine_running():
        paused(run)

    assert result(run, CPVM)[1] in {"failed_restored", "failed_not_restored"}  # it dies of any version
    assert ("RestartServices", "failed") in steps(run, CPVM)
    assert "cloud" in Target.objects.get(run=run).detail


def test_what_starts_with_no_version_at_all_is_left_to_a_person_with_path_and_commands():
    looked_at(SSVM)
    before = runs_now(SSVM)
    breaking.fail_start(disk(SSVM), "apache2", with_any=True)
    run = patch(SSVM)
    with engine_running():
        paused(run)

        assert result(run, SSVM) == ("NeedsPerson", "failed_not_restored")
        need = Attention.objects.get(resolved_at=None)
        assert need.cause == "patch-not-restored"
        last = Step.objects.filter(run=run).latest("started")
        told = f"{need.message} {last.note}"
        assert "/var/cache/cloud/patch/" in told
        assert "systemctl restart cloud apache2 portmap" in told

        breaking.mend(disk(SSVM), "apache2")
        actions.retry_host(run.id, vm_id(SSVM), actor="operator")
        wait_until(lambda: result(run, SSVM)[1] == "failed_restored", within_s=60)

    assert runs_now(SSVM).software_version == before.software_version != NEW
