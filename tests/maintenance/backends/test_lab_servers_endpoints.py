"""Calls go through one management server: which, what a blocked one answers, and what is heard when one dies."""

import threading
from uuid import UUID

import pytest
from django.db import connections

from maintenance.backends.base import Blocked, Later, NoReply
from maintenance.backends.lab import steering
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import Job, ManagementServer
from maintenance.backends.lab.outside import lab_door
from maintenance.backends.lab.record import effects
from tests.maintenance.backends.lab_hosts import KVM1, KVM4, MS1, MS2, MS3, P1_C1, set_lab, soon
from tests.maintenance.backends.lab_servers import (
    begin_jobs,
    bring_into,
    cancel,
    kill,
    let_pass,
    no_jobs,
    prepare,
    start,
    state_of,
)
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


def taken_by(job: str) -> UUID | None:
    """The management server that accepted the job."""
    return Job.objects.get(id=job).server_id


def test_a_job_belongs_to_the_server_that_accepted_it_and_is_listed_under_its_own_id(lab: LabCloud):
    no_jobs()
    set_lab(prepare_s=60)

    job = lab.prepare_for_maintenance(KVM1, expires_at=soon())

    (pending,) = lab.read_servers().jobs
    assert (str(pending.id), pending.management_server_id) == (job, MS1)
    assert (pending.command, pending.resource_type) == ("PrepareForMaintenanceCmd", "Host")
    assert (pending.account, pending.domain) == ("admin", "ROOT")
    assert pending.resource_name == lab.look_at_host(KVM1).name
    let_pass(61)
    assert lab.read_servers().jobs == ()
    assert lab.look_at_job(job).state == "succeeded"


def test_our_own_job_holds_the_server_that_accepted_it(lab: LabCloud):
    no_jobs()
    set_lab(prepare_s=40)
    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    lab.prepare_server_shutdown(MS1, expires_at=soon())

    let_pass(39)
    assert state_of(lab, MS1) == "PreparingForShutDown"
    let_pass(1.5)

    assert state_of(lab, MS1) == "ReadyToShutDown"


@pytest.mark.parametrize(
    "state",
    ["PreparingForMaintenance", "Maintenance", "PreparingForShutDown", "ReadyToShutDown", "ShuttingDown"],
)
def test_a_blocked_server_refuses_work_and_another_takes_it_while_reading_stays(lab: LabCloud, state: str):
    lab.look_at_host(KVM1)
    bring_into(lab, MS1, state)

    job = lab.prepare_for_maintenance(KVM1, expires_at=soon())

    assert taken_by(job) == MS2
    assert lab.look_at_host(KVM1).name
    start_again = ManagementServer.objects.get(id=MS1).state == state
    assert start_again, "reading through it is possible, and changed nothing"


def test_when_all_servers_are_blocked_work_is_refused_with_words_and_a_time(lab: LabCloud):
    set_lab(maintenance_timeout_min=4)
    no_jobs()
    bring_into(lab, MS2, "Maintenance")
    begin_jobs(MS1, None)
    prepare(lab, MS1)
    kill(MS3)

    with pytest.raises(Blocked) as refused:
        lab.prepare_for_maintenance(KVM1, expires_at=soon())

    name = ManagementServer.objects.get(id=MS1).name
    assert f"{name} is preparing for maintenance" in str(refused.value)
    assert "new work is refused, try again in about" in str(refused.value)
    assert refused.value.retry_after_s is not None
    assert 0 < refused.value.retry_after_s <= 240
    assert effects(KVM1, "prepare") == 0
    assert lab.look_at_host(KVM1).resource_state == "Enabled"


def test_a_single_blocked_server_says_in_how_many_minutes_its_window_ends(lab: LabCloud):
    set_lab(maintenance_timeout_min=4)
    no_jobs()
    begin_jobs(MS1, None)
    prepare(lab, MS1)
    kill(MS2)
    kill(MS3)

    with pytest.raises(
        Blocked, match=r"mgmt1 is preparing for maintenance: new work is refused, try again in about 4 min$"
    ):
        lab.cancel_maintenance(KVM1, expires_at=soon())


def test_a_call_stays_with_its_server_and_takes_the_next_one_only_when_that_is_down(lab: LabCloud):
    set_lab(prepare_s=60)
    kill(MS1)
    first = lab.prepare_for_maintenance(KVM1, expires_at=soon())
    start(MS1)

    second = lab.prepare_for_maintenance(KVM4, expires_at=soon())

    assert [taken_by(first), taken_by(second)] == [MS2, MS2]


def test_when_all_servers_are_down_nothing_is_done_and_the_caller_asks_again_later(lab: LabCloud):
    for server in (MS1, MS2, MS3):
        kill(server)

    for ask in (
        lab.snapshot,
        lab.read_servers,
        lambda: lab.look_at_host(KVM1),
        lambda: lab.look_at_cluster(P1_C1),
        lambda: lab.prepare_for_maintenance(KVM1, expires_at=soon()),
    ):
        with pytest.raises(Later, match="no management server answers") as refused:
            ask()
        assert not isinstance(refused.value, Blocked)
    assert effects(KVM1, "prepare") == 0
    assert lab.start_server(MS1, expires_at=soon()), "what starts servers is asked by no server"
    let_pass(2)
    assert lab.look_at_host(KVM1).resource_state == "Enabled"


def test_a_server_can_be_taken_out_though_we_talk_through_it(lab: LabCloud):
    no_jobs()
    lab.look_at_host(KVM1)  # through the first
    prepare(lab, MS1)
    let_pass(60)
    assert state_of(lab, MS1) == "Maintenance"
    lab.trigger_server_shutdown(MS1, expires_at=soon())
    assert state_of(lab, MS1) == "Down"

    assert taken_by(lab.prepare_for_maintenance(KVM1, expires_at=soon())) == MS2
    let_pass(10)

    assert state_of(lab, MS1) == "Maintenance"
    cancel(lab, MS1)
    assert state_of(lab, MS1) == "Up"


def test_the_only_server_that_runs_can_be_asked_about_itself(lab: LabCloud):
    bring_into(lab, MS1, "Maintenance")
    kill(MS2)
    kill(MS3)

    cancel(lab, MS1)

    assert state_of(lab, MS1) == "Up"


@pytest.mark.parametrize("is_back", [False, True])
def test_a_server_that_dies_while_it_answers_leaves_its_caller_without_a_reply(lab: LabCloud, is_back: bool):
    set_lab(prepare_s=60)
    with lab_door() as door:
        steering.add_fault(door, "prepare_for_maintenance", "delay", seconds=3.0)
    heard: list[Exception] = []

    def ask() -> None:
        try:
            lab.prepare_for_maintenance(KVM1, expires_at=soon())
        except NoReply as silence:
            heard.append(silence)
        finally:
            connections.close_all()

    asking = threading.Thread(target=ask)
    asking.start()
    wait_until(lambda: asking.is_alive() and lab.endpoints.stays_with == MS1)
    kill(MS1)
    if is_back:
        start(MS1)
    asking.join(20)

    assert len(heard) == 1
    assert "went away while it was asked" in str(heard[0])
    assert lab.look_at_host(KVM1).name


@pytest.mark.parametrize("others_run", [True, False])
def test_a_reading_whose_server_dies_meanwhile_is_asked_of_another_one(lab: LabCloud, others_run: bool):
    with lab_door() as door:
        steering.add_fault(door, "read_servers", "delay", seconds=3.0)
    heard: list[object] = []

    def read() -> None:
        try:
            heard.append({server.id: server.state for server in lab.read_servers().servers}[MS1])
        except Later as reason:
            heard.append(str(reason))
        finally:
            connections.close_all()

    reading = threading.Thread(target=read)
    reading.start()
    wait_until(lambda: reading.is_alive() and lab.endpoints.stays_with == MS1)
    kill(MS1)
    if not others_run:
        kill(MS2)
        kill(MS3)
    reading.join(20)

    if others_run:
        assert heard == ["Down"]
        assert lab.endpoints.stays_with == MS2
    else:
        assert "no management server answers" in str(heard)


def test_our_job_is_cut_off_with_its_server_and_the_host_empties_all_the_same(lab: LabCloud):
    no_jobs()
    set_lab(prepare_s=30)
    job = lab.prepare_for_maintenance(KVM1, expires_at=soon())

    kill(MS1)

    look = lab.look_at_job(job)
    assert look.state == "failed"
    assert "went down" in look.error
    (cut,) = lab.read_servers().cut_off
    assert (str(cut.id), cut.command, cut.resource_name) == (
        job,
        "PrepareForMaintenanceCmd",
        lab.look_at_host(KVM1).name,
    )
    let_pass(60)
    wait_until(lambda: lab.look_at_host(KVM1).resource_state == "Maintenance")
    assert lab.look_at_job(job).state == "failed"


def test_a_cancel_that_was_cut_off_did_nothing_and_may_be_asked_again(lab: LabCloud):
    no_jobs()
    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    wait_until(lambda: lab.look_at_host(KVM1).resource_state == "Maintenance")
    set_lab(cancel_s=30)
    lab.cancel_maintenance(KVM1, expires_at=soon())
    kill(MS1)
    let_pass(60)
    assert lab.look_at_host(KVM1).resource_state == "Maintenance"

    lab.cancel_maintenance(KVM1, expires_at=soon())
    let_pass(60)

    assert lab.look_at_host(KVM1).resource_state == "Enabled"
    assert effects(KVM1, "enabled") == 1
