"""What is owed is never forgotten: hosts out, hosts that come back late, runs that nobody rang the bell for."""

import pytest

from maintenance import actions
from maintenance.backends.lab import models as lab_models
from maintenance.engine.sweep import look_at_quiet_runs, prune, reconcile_ledger
from maintenance.models import Attention, AuditEntry, FeedEvent, HostOut, Run, Step
from tests.maintenance.engine.small_lab import ended, engine_running, hurry, state_of, target_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

UNTIL_LET_GO = '#!/bin/sh\nwhile ! [ -e "$LAB_HOST_DIR/go" ]; do sleep 0.05; done\n'


def flagged(lab, settings):
    """A run whose first host went away for good."""
    settings.HOST_RETURN_TIMEOUT_S = 1
    lab.script("kvm1", "Maintenance", '#!/bin/sh\n"$LAB_REBOOT" never\nsleep 30\n')
    run = lab.start()
    with engine_running():
        wait_until(lambda: state_of(run) == "Paused", within_s=30)
    return run


def repair(lab, host):
    lab_models.Host.objects.filter(name=host).update(state="Up", resource_state="Enabled")


def test_a_flagged_host_that_is_seen_back_closes_its_flag_by_itself(lab, settings):
    run = flagged(lab, settings)
    repair(lab, "kvm1")

    reconcile_ledger()
    assert HostOut.objects.filter(closed_at=None).exists()  # one look is not enough

    HostOut.objects.update(good_since="2026-01-01T00:00:00Z")
    reconcile_ledger()

    assert not HostOut.objects.filter(closed_at=None).exists()
    assert not Attention.objects.filter(resolved_at=None, cause="host-not-back").exists()
    assert target_of(run, "kvm1").state == "Failed"
    assert "seen back in service later" in target_of(run, "kvm1").detail


def test_a_flagged_host_that_stays_away_stays_in_the_ledger(lab, settings):
    flagged(lab, settings)

    reconcile_ledger()

    assert HostOut.objects.get(closed_at=None).good_since is None
    assert Attention.objects.filter(resolved_at=None, cause="host-not-back").count() == 1


def test_a_flagged_host_counts_as_out_for_every_later_run(lab, settings):
    run = flagged(lab, settings)
    with engine_running():
        actions.cancel_run(run.id, actor="operator")
        ended(run)
        second = lab.start(hosts=["kvm2"])
        wait_until(lambda: "kvm1 is out of service" in target_of(second, "kvm2").detail, within_s=20)
        actions.cancel_run(second.id, actor="operator")
        ended(second)


def test_a_person_brings_a_flagged_host_of_an_ended_run_home(lab, settings):
    run = flagged(lab, settings)
    with engine_running():
        actions.cancel_run(run.id, actor="operator")
        ended(run)
        lab_models.Host.objects.filter(name="kvm1").update(state="Up")
        actions.return_host(lab.hosts["kvm1"], actor="operator")
        wait_until(lambda: not HostOut.objects.filter(closed_at=None).exists(), within_s=20)

        wait_until(lambda: target_of(run, "kvm1").state == "Failed", within_s=20)
    assert lab.resource_state("kvm1") == "Enabled"
    assert state_of(run) == "Cancelled"
    actions.prepare_host(lab.hosts["kvm1"], actor="operator")  # nothing of the old run holds it any more


def test_a_run_that_nobody_rang_for_is_looked_at_anyway(lab):
    run = lab.start()
    Run.objects.filter(id=run.id).update(state="Running", engine_looked_at=None)

    look_at_quiet_runs()

    assert Step.objects.filter(run=run, stage="PreFlight").count() == 3


def test_instances_that_stop_during_the_drain_fail_the_host_and_are_named(lab):
    lab.configure(prepare_s=600)
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        wait_until(lambda: lab.resource_state("kvm1") == "PrepareForMaintenance", within_s=20)
        names = [name for _, name in target_of(run, "kvm1").instances_before]
        lab_models.Instance.objects.filter(name=names[-1], state="Running").update(state="Stopped", host=None)
        hurry("kvm1")
        wait_until(lambda: state_of(run) == "Paused", within_s=40)

    target = target_of(run, "kvm1")
    assert (target.state, lab.resource_state("kvm1")) == ("Failed", "Enabled")
    assert f"not running any more after the drain: {names[-1]} (" in target.detail


def test_an_instance_that_stopped_while_its_host_was_out_stops_the_line_and_is_named(lab):
    lab.script("kvm1", "Maintenance", UNTIL_LET_GO)
    run = lab.start()
    with engine_running():
        wait_until(lambda: target_of(run, "kvm1").state == "Working", within_s=20)
        _, name = target_of(run, "kvm1").instances_before[0]
        lab_models.Instance.objects.filter(name=name).update(state="Stopped")
        (lab.folder("kvm1") / "go").touch()
        wait_until(lambda: state_of(run) == "Paused", within_s=30)

    lost = Attention.objects.get(cause="instance-lost", resolved_at=None)
    assert lost.message == f"{name} is Stopped"
    assert Run.objects.get(id=run.id).paused_reason["code"] == "instance-lost"
    assert target_of(run, "kvm2").state == "Ready"


def test_old_rows_and_tickets_go_and_the_audit_stays(lab, settings):
    FeedEvent.objects.update(at="2020-01-01T00:00:00Z")
    entries = AuditEntry.objects.count()
    lab.start()

    prune()

    assert not FeedEvent.objects.filter(at__lt="2021-01-01T00:00:00Z").exists()
    assert FeedEvent.objects.exists()
    assert AuditEntry.objects.count() == entries + 1
