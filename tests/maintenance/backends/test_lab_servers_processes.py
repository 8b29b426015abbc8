"""Management servers of the lab that shut down, die, start again, or meet the death of another."""

from datetime import timedelta

import pytest

from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import Agent
from tests.maintenance.backends.lab_hosts import MS1, MS2, MS3, set_lab, soon
from tests.maintenance.backends.lab_servers import (
    begin_jobs,
    bring_into,
    kill,
    let_pass,
    listed,
    moments,
    no_jobs,
    prepare,
    row_of,
    start,
    state_of,
)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


def test_a_shutdown_waits_for_jobs_and_leaves_agents_where_they_are(lab: LabCloud):
    no_jobs()
    begin_jobs(MS1, 40)
    agents = listed(lab, MS1).agents
    lab.prepare_server_shutdown(MS1, expires_at=soon())

    let_pass(39)
    assert state_of(lab, MS1) == "PreparingForShutDown"
    let_pass(2)

    assert state_of(lab, MS1) == "ReadyToShutDown"
    assert listed(lab, MS1).agents == agents


def test_a_server_that_shuts_down_ends_with_its_last_job_and_is_started_by_its_service_manager(lab: LabCloud):
    set_lab(server_autostart_s=20)
    no_jobs()
    begin_jobs(MS1, 40)
    lab.trigger_server_shutdown(MS1, expires_at=soon())
    let_pass(39)
    assert state_of(lab, MS1) == "ShuttingDown"

    let_pass(2)
    down = listed(lab, MS1)
    assert (down.state, down.agents, any(down.tasks.values())) == ("Down", 0, False)
    assert down.stopped_at is not None
    let_pass(20)

    up = listed(lab, MS1)
    assert up.state == "Up"
    assert up.started_at is not None
    assert [state for _, state in moments(MS1)] == ["ShuttingDown", "Down", "Up"]
    assert moments(MS1)[2][0] - moments(MS1)[1][0] == timedelta(seconds=20)
    assert lab.read_servers().cut_off == ()


def test_a_server_that_is_shut_down_out_of_maintenance_comes_back_in_maintenance(lab: LabCloud):
    bring_into(lab, MS1, "Maintenance")
    lab.trigger_server_shutdown(MS1, expires_at=soon())
    assert state_of(lab, MS1) == "Down"

    let_pass(10)

    assert state_of(lab, MS1) == "Maintenance"
    assert not any(listed(lab, MS1).tasks.values())


@pytest.mark.parametrize(
    ("state", "comes_back"),
    [
        ("Up", "Up"),
        ("PreparingForMaintenance", "Maintenance"),
        ("Maintenance", "Maintenance"),
        ("PreparingForShutDown", "Up"),
        ("ReadyToShutDown", "Up"),
        ("ShuttingDown", "Up"),
        ("Down", "Up"),
    ],
)
def test_a_server_whose_process_died_comes_back_in_the_state_that_the_table_names(
    lab: LabCloud, state: str, comes_back: str
):
    bring_into(lab, MS1, state)

    kill(MS1)
    let_pass(1000)
    assert state_of(lab, MS1) == "Down", "nobody starts it by itself"
    start(MS1)

    assert state_of(lab, MS1) == comes_back


def test_a_server_may_be_told_to_come_back_after_it_was_killed(lab: LabCloud):
    kill(MS1, back_after_s=30)
    let_pass(29)
    assert state_of(lab, MS1) == "Down"

    let_pass(2)

    assert state_of(lab, MS1) == "Up"


def test_an_order_to_start_a_server_is_carried_out_once(lab: LabCloud):
    set_lab(server_autostart_s=-1)
    no_jobs()
    lab.trigger_server_shutdown(MS1, expires_at=soon())
    let_pass(1000)
    assert state_of(lab, MS1) == "Down"

    assert lab.start_server(MS1, expires_at=soon())
    assert lab.start_server(MS1, expires_at=soon())
    let_pass(2)
    assert state_of(lab, MS1) == "Up"
    process = row_of(MS1).process
    assert lab.start_server(MS1, expires_at=soon()), "it runs: nothing is done"
    let_pass(2)

    assert (state_of(lab, MS1), row_of(MS1).process) == ("Up", process)


def test_a_cloud_whose_operator_has_not_said_how_says_that_it_cannot_start_servers(lab: LabCloud):
    set_lab(server_autostart_s=-1, can_start_servers=0)
    kill(MS1)

    assert lab.start_server(MS1, expires_at=soon()) is False

    let_pass(1000)
    assert state_of(lab, MS1) == "Down"


def test_a_second_server_may_follow_when_the_first_has_arrived(lab: LabCloud):
    bring_into(lab, MS1, "Maintenance")

    prepare(lab, MS2)
    let_pass(60)

    assert [server.state for server in lab.read_servers().servers] == ["Maintenance", "Maintenance", "Up"]
    assert listed(lab, MS3).agents == Agent.objects.count()


def test_the_other_server_dies_while_the_first_one_drains_and_its_agents_go_where_one_is_up(lab: LabCloud):
    no_jobs()
    begin_jobs(MS1, 10)
    prepare(lab, MS1)
    let_pass(10.5)
    lab.read_servers()

    kill(MS2)
    let_pass(60)

    assert [server.state for server in lab.read_servers().servers] == ["Maintenance", "Down", "Up"]
    assert listed(lab, MS3).agents == Agent.objects.count()


def test_every_other_server_dies_while_one_drains_and_it_is_up_again_with_its_agents(lab: LabCloud):
    no_jobs()
    begin_jobs(MS1, 10)
    prepare(lab, MS1)
    kill(MS2)
    kill(MS3)

    let_pass(12)

    assert state_of(lab, MS1) == "Up"
    let_pass(60)
    assert listed(lab, MS1).agents == Agent.objects.count()


def test_servers_see_one_another(lab: LabCloud):
    kill(MS2)

    peers = listed(lab, MS1).peers

    assert [(peer.address, peer.state) for peer in peers] == [("10.2.0.12", "Down"), ("10.2.0.13", "Up")]


def test_a_server_remembers_the_agents_that_left_it(lab: LabCloud):
    lab.read_servers()
    names = set(Agent.objects.filter(server_id=MS1).values_list("name", flat=True))
    bring_into(lab, MS1, "Maintenance")

    assert set(listed(lab, MS1).last_agents) == names
