"""Live patches by an engine whose end is easily told wrongly: nothing answers, a late restart, a rest that stays."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as conf
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from maintenance import actions
from maintenance.backends.lab import models as lab
from maintenance.backends.lab.system_vms import breaking, services
from maintenance.models import Attention, Payload, Run, Step, SystemVm, Target
from tests.maintenance.backends.system_vms_lab import CPVM, disk, vm_id
from tests.maintenance.engine.patch_lab import (
    NEW,
    STEPS,
    looked_at,
    patch,
    patch_lab,
    publish_new,
    result,
    runs_now,
    steps,
)
from tests.maintenance.engine.small_lab import ended, engine_running, state_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


@pytest.fixture(autouse=True)
def published(db, settings, open_folder: Path, tmp_path: Path):
    """A payload newer than what any VM of the lab runs."""
    settings.VAR_DIR = open_folder
    with patch_lab():
        yield publish_new(tmp_path)


def test_a_vm_of_which_nothing_answers_is_in_doubt_and_patched_once_it_does():
    looked_at(CPVM)
    breaking.dead(disk(CPVM), "cloud")
    run = patch(CPVM)
    with engine_running():
        wait_until(lambda: state_of(run) == "Paused", within_s=60)

        assert result(run, CPVM) == ("NeedsPerson", "unconfirmed")
        assert steps(run, CPVM)[-1] == ("Verify", "unknown")
        need = Attention.objects.get(resolved_at=None)
        assert (need.cause, "nothing in it answers" in need.message) == ("patch-unconfirmed", True)
        assert not any(service["is_active"] for service in SystemVm.objects.get(name=CPVM).services)

        breaking.mend(disk(CPVM), "cloud")
        services.start(disk(CPVM), "cloud")
        actions.retry_host(run.id, vm_id(CPVM), actor="operator")
        ended(run)

    assert (state_of(run), result(run, CPVM)) == ("Succeeded", ("Done", "patched"))
    assert [stage for stage, _ in steps(run, CPVM)] == [*STEPS, "Verify"]
    assert runs_now(CPVM).software_version == NEW
    assert not Attention.objects.filter(resolved_at=None).exists()


def test_the_soak_begins_when_the_services_run_however_late_that_is():
    looked_at(CPVM)
    breaking.die_after(disk(CPVM), "cloud", 0.3)
    fault = lab.Fault.objects.create(call="restart_services", kind="error", text="busy", times_left=100_000)
    run = patch(CPVM, soak_s=5)
    restarts = Step.objects.filter(run=run, stage="RestartServices")
    with engine_running():
        wait_until(restarts.exclude(note="").exists, within_s=30)
    restarts.update(started=F("started") - timedelta(minutes=4))  # as after four minutes of "busy"
    fault.delete()
    with engine_running():
        wait_until(restarts.filter(state="Ended").exists, within_s=30)

    ending = restarts.get()
    assert (ending.outcome, ending.detail) == ("failed", "cloud does not run after its restart")


def test_a_verified_patch_is_not_doubted_because_what_was_saved_cannot_be_removed():
    lab.Fault.objects.create(call="discard_backup", kind="error", text="the VM is busy")
    run = patch(CPVM)
    verifies = Step.objects.filter(run=run, stage="Verify")
    with engine_running():
        wait_until(verifies.filter(movement__has_key="verified").exclude(note="").exists, within_s=30)
    verifies.update(takeovers=conf.TAKEOVERS_MAX)  # as after so many engines that died over it
    with engine_running():
        ended(run)

    assert (state_of(run), result(run, CPVM)) == ("Succeeded", ("Done", "patched"))
    assert "what was saved may still lie in it" in verifies.get().detail


def test_what_was_withdrawn_while_a_patch_waited_for_its_time_is_not_installed():
    run = patch(CPVM, not_before=timezone.now() + timedelta(hours=8))
    Payload.objects.update(withdrawn_at=Now())
    Run.objects.filter(id=run.id).update(not_before=None)  # its time has come
    with engine_running():
        wait_until(lambda: state_of(run) == "Paused", within_s=30)

    assert result(run, CPVM) == ("Failed", "nothing_changed")
    assert f"{NEW} was withdrawn before this began" in Target.objects.get(run=run).detail
