"""How the lab empties a host: one instance after another, where there is room, and what it does when there is none."""

import threading
from datetime import timedelta

import pytest
from django.db import connections

from maintenance.backends.base import AgentUnreachable, Later, Never
from maintenance.backends.lab import guests, steering
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import Due, Host, Instance, Job
from maintenance.backends.lab.record import effects, harms, most_hosts_out
from maintenance.backends.lab.world import lab_world
from tests.maintenance.backends.lab_hosts import (
    KVM1,
    KVM2,
    KVM3,
    KVM4,
    KVM5,
    KVM6,
    P1_C1,
    P1_C2,
    instances_on,
    set_lab,
    soon,
    until_resource_state,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


def test_the_host_is_preparing_first_and_its_job_ends_before_the_drain(lab: LabCloud):
    set_lab(prepare_s=60, move_min_s=60)

    job = lab.prepare_for_maintenance(KVM1, expires_at=soon())

    assert lab.look_at_job(job).state == "pending"
    assert lab.look_at_host(KVM1).resource_state == "PrepareForMaintenance"
    _let_pass(seconds=61)
    wait_until(lambda: lab.look_at_job(job).state == "succeeded")
    assert lab.look_at_host(KVM1).resource_state == "PrepareForMaintenance"
    _let_pass(seconds=3600)
    until_resource_state(lab, KVM1, "Maintenance")


def test_instances_move_one_after_another(lab: LabCloud):
    set_lab(move_min_s=60)
    moving: list[int] = []
    moved: list[int] = []

    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    while lab.look_at_host(KVM1).resource_state != "Maintenance":
        here = instances_on(lab, P1_C1, KVM1)
        moving.append(sum(i.state == "Migrating" for i in here))
        moved.append(lab.look_at_drain(KVM1).moved)
        _let_pass(seconds=61)

    assert max(moving) == 1
    assert moved == sorted(moved)
    assert len(set(moved)) >= 3, "several steps were seen"
    assert lab.look_at_drain(KVM1).moved == 6


def test_a_big_instance_takes_longer_than_a_small_one(lab: LabCloud):
    set_lab(move_s_per_gb=10)
    lab.prepare_for_maintenance(KVM1, expires_at=soon())

    first = wait_until(lambda: Due.objects.filter(kind="drain_step", details__has_key="instance").first())
    assert first is not None
    now = lab.look_at_cluster(P1_C1).as_of

    assert Instance.objects.get(id=first.details["instance"]).name == "shop-db-1", "the biggest moves first"
    assert timedelta(seconds=100) < first.at - now <= timedelta(seconds=120)


def test_nobody_watching_changes_nothing_in_the_story(lab: LabCloud):
    set_lab(prepare_s=60, move_min_s=10)
    lab.prepare_for_maintenance(KVM1, expires_at=soon())

    _let_pass(seconds=91)
    look = lab.look_at_drain(KVM1)
    assert (look.moved, look.left) == (3, 3)
    assert look.moving

    _let_pass(seconds=3600)
    assert lab.look_at_host(KVM1).resource_state == "Maintenance"
    assert lab.look_at_drain(KVM1).moved == 6


def test_what_was_due_happens_in_the_order_of_its_time(lab: LabCloud):
    """The first instance looks for room before the only other host's agent is back, though nobody watched either."""
    Host.objects.filter(id=KVM3).update(state="Down")
    with lab_world() as world:
        steering.restart_agent(world, KVM2, back_after_s=10)
    set_lab(prepare_s=1)
    lab.prepare_for_maintenance(KVM1, expires_at=soon())

    _let_pass(seconds=20)
    until_resource_state(lab, KVM1, "Maintenance")

    assert any(line.startswith("no_room") for line in harms())


def test_an_instance_that_fits_nowhere_stays_and_says_why(lab: LabCloud):
    Host.objects.filter(id=KVM2).update(state="Down")
    with lab_world() as world:
        guests.add_instance(
            world, "filler", KVM3, memory_mb=100 * 1024, cpu_cores=1, account="admin", domain="ROOT"
        )

    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    until_resource_state(lab, KVM1, "ErrorInPrepareForMaintenance")

    stuck = dict(lab.look_at_drain(KVM1).stuck)
    assert "MB free of the 12288 MB it needs" in stuck["shop-db-1"]
    assert any(line.startswith("no_room") and "shop-db-1" in line for line in harms())


def test_a_stuck_drain_goes_on_by_itself_when_there_is_room_again(lab: LabCloud):
    Host.objects.filter(id__in=[KVM2, KVM3]).update(state="Down")
    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    until_resource_state(lab, KVM1, "ErrorInPrepareForMaintenance")
    assert (
        "no other host of the cluster is Enabled and Up" in dict(lab.look_at_drain(KVM1).stuck)["shop-db-1"]
    )

    Host.objects.filter(id=KVM2).update(state="Up")

    until_resource_state(lab, KVM1, "Maintenance")


def test_a_drain_that_never_gets_room_ends_in_error(lab: LabCloud):
    set_lab(move_tries_max=2)
    Host.objects.filter(id__in=[KVM2, KVM3]).update(state="Down")

    lab.prepare_for_maintenance(KVM1, expires_at=soon())

    until_resource_state(lab, KVM1, "ErrorInMaintenance")
    lab.cancel_maintenance(KVM1, expires_at=soon())
    until_resource_state(lab, KVM1, "Enabled")


def test_members_of_an_anti_affinity_group_never_share_a_host(lab: LabCloud):
    Instance.objects.filter(host_id=KVM5).exclude(name="clinic-pacs-2").delete()  # kvm5 has the most room

    lab.prepare_for_maintenance(KVM4, expires_at=soon())
    until_resource_state(lab, KVM4, "Maintenance")

    where = {i.name: i.host_id for i in lab.look_at_cluster(P1_C2).instances}
    assert where["clinic-pacs-1"] == KVM6, "kvm5 runs clinic-pacs-2"


def test_an_instance_started_meanwhile_moves_too(lab: LabCloud):
    set_lab(move_min_s=60)
    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    with lab_world() as world:
        guests.add_instance(
            world, "late-one", KVM1, memory_mb=1024, cpu_cores=1, account="shop", domain="ROOT"
        )

    _let_pass(seconds=3600)
    until_resource_state(lab, KVM1, "Maintenance")

    assert lab.look_at_drain(KVM1).moved == 7
    assert instances_on(lab, P1_C1, KVM1) == []


def test_a_cancel_in_mid_drain_lets_the_moving_one_arrive_and_no_other_leave(lab: LabCloud):
    set_lab(move_min_s=60, cancel_s=200)
    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    _let_pass(seconds=61)
    assert lab.look_at_drain(KVM1).moved == 1

    lab.cancel_maintenance(KVM1, expires_at=soon())
    _let_pass(seconds=201)
    until_resource_state(lab, KVM1, "Enabled")
    wait_until(lambda: not lab.look_at_drain(KVM1).moving)

    assert len(instances_on(lab, P1_C1, KVM1)) == 4
    assert all(i.state == "Running" for i in lab.look_at_cluster(P1_C1).instances)


def test_a_second_prepare_marks_instances_as_stopped_as_cloudstack_does(lab: LabCloud):
    set_lab(move_min_s=60)
    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    _let_pass(seconds=61)
    assert lab.look_at_drain(KVM1).moved == 1

    lab.prepare_for_maintenance(KVM1, expires_at=soon())

    assert any(i.state == "Stopped" for i in lab.snapshot().instances)
    assert any(line.startswith("stopped_by_second_prepare") for line in harms())
    assert effects(KVM1, "prepare") == 2


def test_one_host_of_a_cluster_prepares_at_a_time(lab: LabCloud):
    set_lab(move_min_s=60)
    lab.prepare_for_maintenance(KVM1, expires_at=soon())

    with pytest.raises(Later, match=r"kvm1 of the same cluster prepares"):
        lab.prepare_for_maintenance(KVM2, expires_at=soon())

    lab.prepare_for_maintenance(KVM4, expires_at=soon())  # another cluster


def test_a_refused_request_does_not_turn_time_back(lab: LabCloud):
    set_lab(move_min_s=60)
    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    _let_pass(seconds=61)

    with pytest.raises(Later):
        lab.prepare_for_maintenance(KVM2, expires_at=soon())

    assert Instance.objects.exclude(drained_by=None).count() == 1


@pytest.mark.parametrize("state", ["Maintenance", "Disabled", "Creating", "Degraded", "Error"])
def test_a_host_in_another_state_cannot_be_prepared(lab: LabCloud, state: str):
    Host.objects.filter(id=KVM1).update(resource_state=state)

    with pytest.raises(Never, match=state):
        lab.prepare_for_maintenance(KVM1, expires_at=soon())


def test_refusals_come_in_cloudstacks_order(lab: LabCloud):
    """Each obstacle is taken away in turn; the next one then speaks."""
    on_kvm1 = Instance.objects.filter(host_id=KVM1).order_by("name")
    local, broken, turning, *_ = on_kvm1
    coming = Instance.objects.filter(host_id=KVM3).first()
    assert coming is not None
    Host.objects.filter(id=KVM2).update(resource_state="PrepareForMaintenance")
    Instance.objects.filter(id=local.id).update(uses_local_storage=True)
    Instance.objects.filter(id=coming.id).update(state="Migrating", goes_to_id=KVM1)
    Instance.objects.filter(id=turning.id).update(state="Starting")
    Instance.objects.filter(id=broken.id).update(state="Error")
    Host.objects.filter(id=KVM1).update(state="Disconnected")

    def refusal() -> Exception:
        with pytest.raises((Later, Never)) as caught:
            lab.prepare_for_maintenance(KVM1, expires_at=soon())
        return caught.value

    assert "same cluster" in str(refusal())
    Host.objects.filter(id=KVM2).update(resource_state="Enabled")
    assert isinstance(refusal(), Never)
    assert "local storage" in str(refusal())
    Instance.objects.filter(id=local.id).update(uses_local_storage=False)
    assert "migrating to" in str(refusal())
    Instance.objects.filter(id=coming.id).update(state="Running", goes_to_id=None)
    assert "starting or stopping" in str(refusal())
    Instance.objects.filter(id=turning.id).update(state="Running")
    assert "is Error" in str(refusal())
    Instance.objects.filter(id=broken.id).update(state="Running")
    assert isinstance(refusal(), AgentUnreachable)
    Host.objects.filter(id=KVM1).update(state="Up")
    assert lab.prepare_for_maintenance(KVM1, expires_at=soon())
    assert effects(KVM1, "prepare") == 1


def test_two_callers_at_once_start_one_drain(lab: LabCloud):
    """Two hosts of one cluster, asked at the same moment from two threads: one is told to come later."""
    set_lab(move_min_s=60)
    answers: list[str] = []
    start = threading.Barrier(2)

    def ask(host) -> None:
        start.wait()
        try:
            lab.prepare_for_maintenance(host, expires_at=soon())
            answers.append("accepted")
        except Later:
            answers.append("later")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=ask, args=(host,)) for host in (KVM1, KVM2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert sorted(answers) == ["accepted", "later"]
    assert Job.objects.filter(kind="prepare").count() == 1


def test_the_book_tells_how_many_hosts_were_out_at_once(lab: LabCloud):
    for host in (KVM1, KVM2):
        lab.prepare_for_maintenance(host, expires_at=soon())
        until_resource_state(lab, host, "Maintenance")
    lab.cancel_maintenance(KVM1, expires_at=soon())
    until_resource_state(lab, KVM1, "Enabled")

    assert most_hosts_out(P1_C1) == 2
    assert most_hosts_out(P1_C2) == 0


def test_the_first_cluster_has_room_for_two_hosts_out_whichever(lab: LabCloud):
    for first, second in ((KVM1, KVM2), (KVM2, KVM3), (KVM3, KVM1)):
        for host in (first, second):
            lab.prepare_for_maintenance(host, expires_at=soon())
            until_resource_state(lab, host, "Maintenance")
        for host in (first, second):
            lab.cancel_maintenance(host, expires_at=soon())
            until_resource_state(lab, host, "Enabled")
    assert harms() == []


def test_the_other_clusters_have_room_for_one_host_out_not_for_two(lab: LabCloud):
    for cluster in {h.cluster_id for h in lab.snapshot().hosts if h.hypervisor == "KVM"} - {P1_C1}:
        hosts = [h.id for h in lab.look_at_cluster(cluster).hosts]
        for host in (*hosts, *reversed(hosts), *hosts):
            lab.prepare_for_maintenance(host, expires_at=soon())
            until_resource_state(lab, host, "Maintenance")
            lab.cancel_maintenance(host, expires_at=soon())
            until_resource_state(lab, host, "Enabled")
        assert harms() == []

    lab.prepare_for_maintenance(KVM5, expires_at=soon())
    until_resource_state(lab, KVM5, "Maintenance")
    lab.prepare_for_maintenance(KVM6, expires_at=soon())
    until_resource_state(lab, KVM6, "ErrorInPrepareForMaintenance")


def _let_pass(*, seconds: float) -> None:
    """Time goes by in the lab while nobody looks."""
    for due in Due.objects.all():
        Due.objects.filter(id=due.id).update(at=due.at - timedelta(seconds=seconds))
