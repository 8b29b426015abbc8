"""What needs a person: named by its cause, and settled by itself when what it waits for is seen."""

from datetime import timedelta

import pytest
from django.utils import timezone

from maintenance import actions
from maintenance.actions import BadInput, Conflict
from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.record import effects
from maintenance.engine.sweep import reconcile_ledger
from maintenance.engine.watch import watch_needs
from maintenance.models import Attention, AuditEntry, Host, HostOut, Run, Step
from tests.maintenance.engine.small_lab import MEMORY_MB, ended, engine_running, state_of, target_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


@pytest.fixture(autouse=True)
def told_soon(settings):
    settings.HELD_TELL_S = 1


def open_need(cause):
    return Attention.objects.filter(cause=cause, resolved_at=None).first()


def asked(cause):
    return wait_until(lambda: open_need(cause), within_s=20)


def settled(need, *, within_s=20):
    return wait_until(
        lambda: Attention.objects.filter(id=need.id).exclude(resolved_at=None).first(), within_s=within_s
    )


def take_by_others(lab, host, state="Maintenance"):
    """Somebody else puts the host into maintenance, with nothing on it."""
    others = [name for name in lab.hosts if name != host]
    lab_models.Instance.objects.filter(host__name=host).update(host_id=lab.hosts[others[0]])
    lab_models.Host.objects.filter(name=host).update(resource_state=state)


def fill(lab):
    """Every host has an instance that fits on no other."""
    return [lab.add_instance(host, MEMORY_MB - 4096) for host in lab.hosts]


def held_by_others(lab):
    """A run that waits for kvm3, which others have."""
    run = lab.start(hosts=["kvm1"])
    take_by_others(lab, "kvm3")
    lab.read()
    return run


def paused_by_others(lab):
    """A run that found its second host taken at its turn. Its engine is gone again."""
    run = lab.start(hosts=["kvm1", "kvm2"], max_unavailable=2)
    take_by_others(lab, "kvm2")
    lab.script("kvm1", "PreFlight", "#!/bin/sh\nsleep 0.5\n")
    with engine_running():
        wait_until(lambda: state_of(run) == "Paused", within_s=30)
    return run


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


# ---- hosts that others took -------------------------------------------------------------------------------------


def test_a_host_that_others_have_in_maintenance_is_named_and_never_touched(lab):
    held_by_others(lab)
    with engine_running():
        need = asked("foreign-maintenance")

    assert need.title == "kvm3 was taken out of service by others"
    assert "kvm3 is Maintenance, and not by Pitstop" in need.message
    assert "kvm1" in need.message
    assert effects(lab.hosts["kvm3"], "enabled") == 0


def test_a_run_goes_on_by_itself_once_others_return_their_host(lab):
    run = held_by_others(lab)
    with engine_running():
        need = asked("foreign-maintenance")
        lab_models.Host.objects.filter(name="kvm3").update(resource_state="Enabled")

        settled(need)
        assert ended(run).state == "Succeeded"


def test_a_person_has_a_host_of_others_returned_through_the_ledger_and_the_run_goes_on(lab):
    run = held_by_others(lab)
    with engine_running():
        need = asked("foreign-maintenance")
        returning = actions.take_back_host(lab.hosts["kvm3"], typed_name="kvm3", actor="operator")

        assert returning.id != run.id
        assert HostOut.objects.filter(host_id=lab.hosts["kvm3"], run=returning).exists()
        assert AuditEntry.objects.filter(actor="operator", action="host taken back from others").exists()
        assert ended(returning).state == "Succeeded"
        assert settled(need).resolved_by == "observed Enabled and Up"
        assert ended(run).state == "Succeeded"
    assert effects(lab.hosts["kvm3"], "enabled") == 1


def test_a_host_of_a_run_that_others_took_stops_the_line_for_its_own_cause(lab):
    run = paused_by_others(lab)

    need = open_need("foreign-maintenance")
    assert need.host.name == "kvm2"
    assert not Attention.objects.filter(cause="stage-failed").exists()
    assert Run.objects.get(id=run.id).paused_reason["code"] == "foreign-maintenance"
    assert target_of(run, "kvm2").state == "Failed"


def test_a_host_that_a_person_took_back_has_its_own_turn_and_its_run_goes_on(lab):
    run = paused_by_others(lab)
    with engine_running():
        actions.take_back_host(lab.hosts["kvm2"], typed_name="kvm2", actor="operator")

        assert ended(run).state == "Succeeded"
    assert target_of(run, "kvm2").state == "Done"
    assert Step.objects.filter(run=run, target__name="kvm2", stage="Maintenance", outcome="ok").exists()
    assert not Attention.objects.filter(resolved_at=None).exists()
    assert not HostOut.objects.filter(closed_at=None).exists()


def test_a_host_that_others_took_before_its_turn_is_told_at_once_and_may_be_taken_back(lab):
    lab.script("kvm1", "Maintenance", '#!/bin/sh\nwhile ! [ -e "$LAB_HOST_DIR/go" ]; do sleep 0.05; done\n')
    run = lab.start(hosts=["kvm1", "kvm2"])
    with engine_running():
        wait_until(lambda: target_of(run, "kvm1").state == "Working", within_s=20)
        take_by_others(lab, "kvm2")
        need = asked("foreign-maintenance")
        assert "It fails when its turn comes" in need.message
        actions.take_back_host(lab.hosts["kvm2"], typed_name="kvm2", actor="operator")
        settled(need)
        (lab.folder("kvm1") / "go").touch()

        assert ended(run).state == "Succeeded"
    assert target_of(run, "kvm2").state == "Done"


def test_a_host_of_others_that_cannot_be_brought_back_is_flagged(lab, settings):
    settings.HOST_RETURN_TIMEOUT_S = 1
    run = held_by_others(lab)
    lab_models.Host.objects.filter(name="kvm3").update(state="Disconnected")
    with engine_running():
        need = asked("foreign-maintenance")
        actions.take_back_host(lab.hosts["kvm3"], typed_name="kvm3", actor="operator")

        asked("host-not-back")
        settled(need)
        assert HostOut.objects.filter(host_id=lab.hosts["kvm3"], closed_at=None).exists()
        actions.cancel_run(run.id, actor="operator")
        ended(run)


def test_only_who_types_the_name_has_a_host_of_others_returned(lab):
    take_by_others(lab, "kvm3")
    lab.read()

    with pytest.raises(BadInput, match="type kvm3, the host's whole name"):
        actions.take_back_host(lab.hosts["kvm3"], typed_name="kvm2", actor="operator")

    assert not HostOut.objects.exists()


@pytest.mark.parametrize(
    ("scene", "why"),
    [("enabled", "no others have it"), ("ours", "no others have it"), ("unknown", "is not known")],
)
def test_what_others_do_not_have_is_not_taken_back(lab, scene, why):
    if scene == "ours":
        actions.prepare_host(lab.hosts["kvm3"], actor="operator")
        with engine_running():
            wait_until(lambda: lab.resource_state("kvm3") == "Maintenance", within_s=20)
    elif scene == "unknown":
        take_by_others(lab, "kvm3")
        lab.read()
        lab.cloud.read_at = timezone.now() - timedelta(minutes=5)
        lab.cloud.save()
    lab.cloud.refresh_from_db()

    with pytest.raises(Conflict, match=why):
        actions.take_back_host(lab.hosts["kvm3"], typed_name="kvm3", actor="operator")


def test_a_second_press_takes_nothing_back_twice(lab):
    take_by_others(lab, "kvm3")
    lab.read()
    actions.take_back_host(lab.hosts["kvm3"], typed_name="kvm3", actor="operator")

    with pytest.raises(Conflict, match="no others have it"):
        actions.take_back_host(lab.hosts["kvm3"], typed_name="kvm3", actor="operator")

    assert Run.objects.count() == 1


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
        settled(paused, within_s=2)
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
