"""A management server is made ready to shut down, taken back, or shut down, by the engine, on the lab."""

import pytest

from maintenance.actions import Conflict, IllegalMove, NotFound
from maintenance.actions import servers as actions
from maintenance.backends.lab.servers import by_hand
from maintenance.backends.lab.world import lab_world
from maintenance.models import Target
from tests.maintenance.engine.server_lab import make_server_lab, stages_of
from tests.maintenance.engine.small_lab import ended, engine_running, state_of, target_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


@pytest.fixture
def servers(lab):
    ready = make_server_lab(lab)
    ready.configure(server_autostart_s=-1)
    return ready


def ready_to_shut_down(servers, server="mgmt2"):
    servers.read()
    run = actions.prepare_server_shutdown(servers.servers[server], actor="operator")
    wait_until(lambda: Target.objects.filter(run=run, state="InMaintenance").exists(), within_s=20)
    return run


def test_it_waits_for_jobs_keeps_its_agents_and_is_held_ready(servers):
    servers.jobs("mgmt2")
    agents = servers.agents("mgmt2")
    servers.read()
    run = actions.prepare_server_shutdown(servers.servers["mgmt2"], actor="operator")
    with engine_running():
        servers.in_state("mgmt2", "PreparingForShutDown")
        servers.end_jobs("mgmt2")
        wait_until(lambda: target_of(run, "mgmt2").state == "InMaintenance", within_s=20)

    assert servers.state("mgmt2") == "ReadyToShutDown"
    assert servers.agents("mgmt2") == agents > 0


def test_a_ready_server_is_taken_back(servers):
    with engine_running():
        run = ready_to_shut_down(servers)
        actions.cancel_server_shutdown(servers.servers["mgmt2"], actor="operator")
        ended(run)

    assert (state_of(run), servers.state("mgmt2")) == ("Succeeded", "Up")
    assert stages_of(run, "mgmt2") == [("PrepareForShutdown", "ok"), ("CancelShutdown", "ok")]


def test_a_ready_server_goes_down_and_its_agents_go_elsewhere(servers):
    with engine_running():
        run = ready_to_shut_down(servers)
        actions.trigger_server_shutdown(servers.servers["mgmt2"], actor="operator")
        ended(run)

    assert (state_of(run), servers.state("mgmt2")) == ("Succeeded", "Down")
    assert servers.moments("mgmt2")[-3:] == ["ReadyToShutDown", "ShuttingDown", "Down"]
    wait_until(lambda: servers.agents("mgmt2") == 0, within_s=20)


def test_a_server_in_maintenance_goes_down_from_there_in_the_run_that_holds_it(servers):
    run = servers.prepare("mgmt2")
    with engine_running():
        wait_until(lambda: target_of(run, "mgmt2").state == "InMaintenance", within_s=20)
        again = actions.trigger_server_shutdown(servers.servers["mgmt2"], actor="operator")
        ended(run)

    assert again.id == run.id
    assert servers.state("mgmt2") == "Down"
    assert stages_of(run, "mgmt2") == [("PrepareForMaintenance", "ok"), ("TriggerShutdown", "ok")]


def test_a_server_that_is_up_goes_down_once_its_jobs_have_ended(servers):
    servers.jobs("mgmt2")
    servers.read()
    run = actions.trigger_server_shutdown(servers.servers["mgmt2"], actor="operator")
    with engine_running():
        servers.in_state("mgmt2", "ShuttingDown")
        servers.end_jobs("mgmt2")
        ended(run)

    assert servers.state("mgmt2") == "Down"


# ---- what is refused -------------------------------------------------------------------------------------------------


def take_down(servers, *names):
    for name in names:
        servers.kill(name)
    servers.read()


def test_the_last_server_that_is_up_is_neither_maintained_nor_shut_down(servers):
    take_down(servers, "mgmt2", "mgmt3")
    last = servers.servers["mgmt1"]

    for ask in (
        lambda: actions.prepare_server(last, algorithm=None, forced=True, actor="operator"),
        lambda: actions.prepare_server_shutdown(last, actor="operator"),
        lambda: actions.trigger_server_shutdown(last, actor="operator"),
    ):
        with pytest.raises(Conflict, match="Up"):
            ask()
    assert servers.state("mgmt1") == "Up"


def test_an_illegal_move_names_the_legal_ones(servers):
    servers.read()

    with pytest.raises(IllegalMove) as refused:
        actions.cancel_server_maintenance(servers.servers["mgmt1"], actor="operator")

    assert refused.value.legal == ["prepareForMaintenance", "prepareForShutdown", "triggerShutdown"]


def test_one_server_prepares_at_a_time_and_a_second_may_follow_once_the_first_has_arrived(servers):
    servers.jobs("mgmt2")
    first = servers.prepare("mgmt2")
    with engine_running():
        wait_until(lambda: servers.seen("mgmt2") == "PreparingForMaintenance", within_s=20)
        with pytest.raises(Conflict, match="mgmt2 is PreparingForMaintenance"):
            servers.prepare("mgmt3")
        servers.end_jobs("mgmt2")
        wait_until(lambda: target_of(first, "mgmt2").state == "InMaintenance", within_s=20)
        second = servers.prepare("mgmt3")
        wait_until(lambda: target_of(second, "mgmt3").state == "InMaintenance", within_s=20)
        with pytest.raises(Conflict, match="only one management server is Up"):
            servers.prepare("mgmt1")

    assert servers.agents("mgmt1") >= len(servers.small.hosts)


def test_a_server_that_a_run_has_is_not_begun_twice(servers):
    run = servers.prepare("mgmt2")

    with pytest.raises(Conflict, match=f"run {run.number}"):
        servers.prepare("mgmt2")


def test_what_the_cloud_itself_refuses_ends_the_run_with_its_words(servers):
    servers.read()
    with lab_world() as world:
        by_hand.set_refusal(world, servers.servers["mgmt2"], "my disk is being checked")
    run = servers.prepare("mgmt2")
    with engine_running():
        answer = actions.read_back(run, servers.servers["mgmt2"], timeout_s=20)
        ended(run)

    assert "my disk is being checked" in answer.refused
    assert servers.state("mgmt2") == "Up"
    assert state_of(run) == "Failed"


def test_a_server_nobody_listed_is_not_found(servers):
    with pytest.raises(NotFound):
        actions.prepare_server(servers.small.clusters[0], algorithm=None, forced=False, actor="operator")


def test_a_request_is_answered_once_the_first_new_state_was_read_back(servers):
    servers.jobs("mgmt2")
    run = servers.prepare("mgmt2")
    with engine_running():
        answer = actions.read_back(run, servers.servers["mgmt2"], timeout_s=20)

    assert (answer.state, answer.was_seen, answer.refused) == ("PreparingForMaintenance", True, "")


@pytest.mark.parametrize("move", ["prepare_server_shutdown", "trigger_server_shutdown"])
def test_a_server_whose_turn_in_a_restart_is_still_to_come_is_not_shut_down_beside_it(servers, move):
    restart = servers.restart("mgmt2", "mgmt3")

    with pytest.raises(Conflict, match=f"run {restart.number} .*has mgmt3") as refused:
        getattr(actions, move)(servers.servers["mgmt3"], actor="operator")

    assert refused.value.owner["number"] == restart.number
