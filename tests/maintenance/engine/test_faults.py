"""A cloud that answers late, twice, wrongly or not at all: nothing is asked twice blindly, nobody is harmed."""

import pytest

from maintenance.backends.lab import folders
from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.record import effects, most_hosts_out
from maintenance.engine import perform
from maintenance.models import Attention, HostOut, Intent, Step
from tests.maintenance.engine.small_lab import ended, engine_running, target_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


def fault(call, kind, **values):
    lab_models.Fault.objects.create(call=call, kind=kind, **values)


@pytest.mark.parametrize("call", ["prepare_for_maintenance", "cancel_maintenance"])
@pytest.mark.parametrize("kind", ["lose-request", "lose-reply", "garble", "double"])
def test_a_request_whose_reply_is_lost_takes_effect_once(lab, call, kind):
    fault(call, kind, times_left=1)
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        run = ended(run, within_s=60)

    assert run.state == "Succeeded"
    assert effects(lab.hosts["kvm1"], "prepare") == 1
    assert effects(lab.hosts["kvm1"], "enabled") == 1
    assert not HostOut.objects.filter(closed_at=None).exists()


def test_a_request_that_arrives_late_is_refused_by_its_expiry(lab):
    fault("prepare_for_maintenance", "late", seconds=3, times_left=1)
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        run = ended(run, within_s=60)

    assert run.state == "Succeeded"
    assert effects(lab.hosts["kvm1"], "prepare") == 1
    # One that came too late without our doing, on a busy machine, was refused, and is no third.
    asked = Intent.objects.filter(host_id=lab.hosts["kvm1"], action="prepare", refused="")
    assert asked.count() == 2


def test_a_cloud_that_is_busy_is_asked_again(lab):
    fault("prepare_for_maintenance", "error", text="too busy", times_left=2)
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        run = ended(run)

    assert run.state == "Succeeded"
    assert effects(lab.hosts["kvm1"], "prepare") == 1


def test_after_a_silence_the_slot_is_free_only_when_the_host_was_seen_well_twice(lab, settings):
    settings.SECOND_LOOK_S = 2
    fault("cancel_maintenance", "lose-reply", times_left=1)
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        run = ended(run, within_s=60)

    out = HostOut.objects.get(run=run)
    assert (out.closed_at - out.good_since).total_seconds() >= 2


@pytest.mark.parametrize(
    "call", ["start_stage", "look_at_stage", "read_output", "look_at_hooks", "look_at_cluster"]
)
@pytest.mark.parametrize("kind", ["lose-reply", "garble"])
def test_a_lost_answer_about_a_script_runs_no_script_twice(lab, call, kind):
    lab.everywhere("Maintenance", '#!/bin/sh\necho ran >> "$LAB_HOST_DIR/ran"\n')
    fault(call, kind, times_left=2)
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        run = ended(run, within_s=60)

    assert run.state == "Succeeded"
    assert (folders.host_dir("kvm1") / "ran").read_text() == "ran\n"


def test_a_cloud_that_refuses_with_a_reason_fails_the_host_in_service(lab):
    lab.add_instance("kvm1", uses_local_storage=True)
    run = lab.start(hosts=["kvm1"], on_failure="skip")
    with engine_running():
        run = ended(run)

    assert target_of(run, "kvm1").state == "Failed"
    assert "local storage" in target_of(run, "kvm1").detail
    assert lab.resource_state("kvm1") == "Enabled"
    assert not HostOut.objects.filter(closed_at=None).exists()


def test_a_cloud_that_cannot_be_read_for_a_while_only_delays(lab):
    fault("look_at_host", "garble", times_left=20)
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        run = ended(run, within_s=60)

    assert run.state == "Succeeded"


def test_a_silence_when_instances_are_counted_is_asked_again_and_pauses_nothing(lab):
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        wait_until(lambda: target_of(run, "kvm1").out_at is not None, within_s=20)
        fault("look_at_cluster", "lose-reply", times_left=6)
        run = ended(run)

    assert run.state == "Succeeded"
    assert not Attention.objects.exists()


@pytest.mark.parametrize("seed", [1, 2])
def test_a_whole_run_over_a_faulty_cloud_harms_nobody_and_ends(lab, seed):
    lab.everywhere("Maintenance", '#!/bin/sh\necho ran >> "$LAB_HOST_DIR/ran"\n')
    run = lab.start(on_failure="skip")
    lab.configure(random_fault_rate=0.15, random_fault_seed=seed)
    with engine_running(count=2):
        run = ended(run, within_s=110)
    lab.configure(random_fault_rate=0.0)

    assert run.state == "Succeeded"
    assert most_hosts_out(lab.clusters[0]) == 1
    assert {effects(host, "prepare") for host in lab.hosts.values()} == {1}


def test_a_step_in_which_we_fail_ourselves_says_so_and_is_given_up_in_the_end(lab, settings, monkeypatch):
    settings.LEASE_S, settings.TAKEOVERS_MAX = 1, 2
    monkeypatch.setattr(perform, "drain", lambda hands: [].pop())
    run = lab.start(hosts=["kvm1"])
    drains = Step.objects.filter(run=run, stage="Drain")
    with engine_running():
        wait_until(drains.filter(note__contains="a fault of its own, and tries again: IndexError").exists)
        wait_until(drains.filter(outcome="unknown").exists, within_s=30)

    assert drains.get().detail == "given up after 2 engines died, froze or failed while doing it"
    assert Attention.objects.filter(run=run, resolved_at=None).exists()
