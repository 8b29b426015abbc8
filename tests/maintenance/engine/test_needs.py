"""What needs a person: named by its cause, and settled by itself when what it waits for is seen."""

import pytest
from django.utils import timezone

from maintenance import actions
from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.record import effects
from maintenance.engine.sweep import reconcile_ledger
from maintenance.engine.watch import watch_needs
from maintenance.models import Attention, Host, HostOut, Run
from tests.maintenance.engine.needs import asked, fill, open_need, settled, take_by_others
from tests.maintenance.engine.small_lab import ended, engine_running, state_of, target_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


@pytest.fixture(autouse=True)
def told_soon(settings):
    settings.HELD_TELL_S = 1


# ---- a full cluster ---------------------------------------------------------------------------------------------


def test_a_full_cluster_is_told_with_the_instances_without_room_and_settled_when_there_is(lab):
    big = fill(lab)
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        need = asked("no-room")
        name = lab_models.Instance.objects.get(id=big[0]).name
        assert need.title == "The cluster is full: kvm1 cannot leave service"
        assert name in need.message
        assert target_of(run, "kvm1").state == "Ready"

        lab_models.Instance.objects.filter(id__in=big).update(memory_mb=1024)
        assert settled(need).resolved_by == "observed: its turn has come"
        assert ended(run).state == "Succeeded"


@pytest.mark.parametrize("end", ["skip", "cancel"])
def test_what_a_host_waited_for_is_settled_with_its_way_in_the_run(lab, end):
    fill(lab)
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        need = asked("no-room")
        if end == "skip":
            actions.skip_host(run.id, lab.hosts["kvm1"], actor="operator")
        else:
            actions.cancel_run(run.id, actor="operator")
        ended(run)

    settled(need, within_s=1)
    assert effects(lab.hosts["kvm1"], "prepare") == 0


def test_a_host_that_waits_for_another_reason_now_is_told_for_that_one(lab):
    big = fill(lab)
    run = lab.start(hosts=["kvm1"])
    with engine_running():
        full = asked("no-room")
        take_by_others(lab, "kvm3")

        taken = asked("foreign-maintenance")
        assert settled(full).resolved_by == "observed: it waits for another reason"
        assert (taken.target.name, taken.host.name) == ("kvm1", "kvm3")
        lab_models.Instance.objects.filter(id__in=big).update(memory_mb=512)
        actions.cancel_run(run.id, actor="operator")
        ended(run)


# ---- what is settled by what is seen ----------------------------------------------------------------------------


def test_lost_instances_that_run_again_settle_themselves_and_the_run_asks_to_be_resumed(lab, settings):
    settings.LISTING_LAG_S = 0
    lab.script("kvm1", "Maintenance", '#!/bin/sh\nwhile ! [ -e "$LAB_HOST_DIR/go" ]; do sleep 0.05; done\n')
    run = lab.start()
    with engine_running():
        wait_until(lambda: target_of(run, "kvm1").state == "Working", within_s=20)
        _, name = target_of(run, "kvm1").instances_before[0]
        lab_models.Instance.objects.filter(name=name).update(state="Stopped")
        (lab.folder("kvm1") / "go").touch()
        wait_until(lambda: state_of(run) == "Paused", within_s=30)
        lost = asked("instance-lost")
        wait_until(lambda: Attention.objects.filter(id=lost.id, since__lt=timezone.now()).exists())

        lab_models.Instance.objects.filter(name=name).update(state="Running")
        assert settled(lost).resolved_by == "observed: all of them run"
        paused = asked("run-paused")
        assert paused.title == f"Run {run.number} is paused and waits to be resumed"

        actions.resume_run(run.id, actor="operator")
        settled(paused)
        assert ended(run).state == "Succeeded"


def test_a_run_that_a_person_paused_asks_for_nobody(lab):
    run = lab.start()
    Run.objects.filter(id=run.id).update(
        state="Paused",
        paused_reason={"code": "by-person", "by": "operator", "host": None, "message": "paused"},
    )

    watch_needs()

    assert not Attention.objects.exists()


def test_a_failed_preflight_is_settled_when_it_passes_in_a_later_run(lab):
    lab.script("kvm2", "PreFlight", "#!/bin/sh\nexit 3\n")
    with engine_running():
        ended(lab.start())
        need = asked("preflight-failed")
        lab.script("kvm2", "PreFlight", "#!/bin/sh\n")
        assert ended(lab.start()).state == "Succeeded"

    assert settled(need, within_s=1).resolved_by == "observed: its PreFlight has passed since"


def test_a_failed_host_of_an_ended_run_is_settled_when_a_later_run_is_done_with_it(lab):
    lab.script("kvm2", "Maintenance", "#!/bin/sh\nexit 3\n")
    with engine_running():
        ended(lab.start(on_failure="skip"))
        need = asked("stage-failed")
        lab.script("kvm2", "Maintenance", "#!/bin/sh\n")
        later = ended(lab.start(hosts=["kvm2"]))

    assert settled(need, within_s=1).resolved_by == f"run {later.number}, in which it is done"


def test_stopping_a_run_settles_what_its_failed_hosts_waited_for(lab):
    lab.script("kvm1", "Maintenance", "#!/bin/sh\nexit 3\n")
    run = lab.start()
    with engine_running():
        need = asked("stage-failed")
        wait_until(lambda: state_of(run) == "Paused", within_s=20)
        actions.cancel_run(run.id, actor="operator")
        ended(run)

    assert settled(need, within_s=1).resolved_by == "operator"


def away_for_good(lab, settings):
    settings.HOST_RETURN_TIMEOUT_S = 1
    lab.script("kvm1", "Maintenance", '#!/bin/sh\n"$LAB_REBOOT" never\nsleep 30\n')
    run = lab.start()
    with engine_running():
        wait_until(lambda: state_of(run) == "Paused", within_s=30)
    return run


def test_a_flagged_host_that_comes_back_later_still_asks_what_becomes_of_it_in_its_run(lab, settings):
    run = away_for_good(lab, settings)
    away = open_need("host-not-back")
    lab_models.Host.objects.filter(name="kvm1").update(state="Up", resource_state="Enabled")

    reconcile_ledger()
    HostOut.objects.update(good_since="2026-01-01T00:00:00Z")
    reconcile_ledger()

    assert settled(away, within_s=1).resolved_by == "observed Enabled and Up"
    failed = open_need("stage-failed")
    assert "seen back in service later" in failed.message
    lab.script("kvm1", "Maintenance", "#!/bin/sh\n")
    with engine_running():
        actions.retry_host(run.id, lab.hosts["kvm1"], actor="operator")
        assert ended(run).state == "Succeeded"


def test_a_flagged_host_that_its_cloud_no_longer_lists_holds_no_slot_any_more(lab, settings):
    away_for_good(lab, settings)
    away = open_need("host-not-back")
    Host.objects.filter(name="kvm1").update(gone_at=timezone.now())
    lab_models.Instance.objects.filter(host__name="kvm1").delete()
    lab_models.Effect.objects.filter(host__name="kvm1").delete()
    lab_models.Host.objects.filter(name="kvm1").delete()

    reconcile_ledger()

    assert not HostOut.objects.filter(closed_at=None).exists()
    assert settled(away, within_s=1).resolved_by == "observed: the cloud no longer lists it"
