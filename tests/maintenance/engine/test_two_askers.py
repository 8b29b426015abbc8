"""Two administrators at once, or one who changes his mind: nothing is begun twice, and the last server stays Up."""

from threading import Thread

import pytest
from django.db import connection, connections

from maintenance.actions import ActionError, Conflict, cancel_run
from maintenance.actions import servers as actions
from maintenance.actions.run_numbers import RUN_NUMBER_LOCK
from maintenance.backends.lab import models as lab_models
from maintenance.backends.lab.servers import by_hand
from maintenance.backends.lab.world import lab_world
from maintenance.models import Intent, Run
from tests.maintenance.engine.server_lab import make_server_lab
from tests.maintenance.engine.small_lab import ended, engine_running, state_of, target_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


@pytest.fixture
def servers(lab):
    return make_server_lab(lab)


def held(servers, server="mgmt2"):
    """In maintenance by a run, whose engine is gone again."""
    run = servers.prepare(server)
    with engine_running():
        wait_until(lambda: target_of(run, server).state == "InMaintenance", within_s=20)
    servers.read()
    return run


def test_minds_may_be_changed_and_changed_again(servers):
    run = held(servers)
    server = servers.servers["mgmt2"]

    actions.cancel_server_maintenance(server, actor="anna")
    actions.trigger_server_shutdown(server, actor="bert")
    actions.cancel_server_maintenance(server, actor="anna")
    with engine_running():
        ended(run)

    assert state_of(run) == "Succeeded"
    assert servers.state("mgmt2") == "Up"
    assert "ShuttingDown" not in servers.moments("mgmt2")


def test_a_server_that_one_brings_back_is_not_shut_down_by_another_in_the_same_run(servers):
    run = held(servers)

    cancel_run(run.id, actor="anna")
    with pytest.raises(Conflict, match=f"run {run.number}"):
        actions.trigger_server_shutdown(servers.servers["mgmt2"], actor="bert")
    with engine_running():
        ended(run)

    assert (state_of(run), servers.state("mgmt2")) == ("Cancelled", "Up")


def test_what_was_there_before_the_request_is_not_taken_for_its_effect(servers):
    run = held(servers)
    server = servers.servers["mgmt2"]

    actions.cancel_server_maintenance(server, actor="anna")

    assert not actions.read_back(run, server, timeout_s=0).was_seen
    with engine_running():
        assert actions.read_back(run, server, timeout_s=20).was_seen
        ended(run)


def test_a_shutdown_that_the_cloud_refuses_is_answered_with_its_words(servers):
    servers.read()
    with lab_world() as world:
        by_hand.set_refusal(world, servers.servers["mgmt2"], "my disk is being checked")
    run = actions.trigger_server_shutdown(servers.servers["mgmt2"], actor="anna")
    with engine_running():
        answer = actions.read_back(run, servers.servers["mgmt2"], timeout_s=20)
        ended(run)

    assert "my disk is being checked" in answer.refused
    assert servers.state("mgmt2") == "Up"


def test_of_a_restart_and_a_run_over_hosts_that_begin_at_the_same_moment_one_is_refused(servers):
    servers.read()
    refused = []

    def ask(what):
        try:
            what()
        except ActionError as reason:
            refused.append(reason)
        finally:
            connections.close_all()

    begun = [
        Thread(target=ask, args=(lambda: servers.small.start(hosts=["kvm1"]),)),
        Thread(target=ask, args=(lambda: servers.restart("mgmt2"),)),
    ]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [RUN_NUMBER_LOCK])
        for thread in begun:
            thread.start()
        wait_until(lambda: _waiting_for_a_number(cursor) == 2)
        cursor.execute("SELECT pg_advisory_unlock(%s)", [RUN_NUMBER_LOCK])
    for thread in begun:
        thread.join(20)

    assert (Run.objects.count(), len(refused)) == (1, 1)


def _waiting_for_a_number(cursor):
    cursor.execute(
        "SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database"
        " WHERE datname = current_database() AND locktype = 'advisory' AND objid = %s AND NOT granted",
        [RUN_NUMBER_LOCK],
    )
    return cursor.fetchone()[0]


def test_while_it_is_open_whether_one_server_leaves_no_other_is_asked_to(servers, settings):
    settings.INTENT_VALID_S = 12
    servers.configure(server_autostart_s=-1)
    servers.kill("mgmt1")
    servers.read()
    late = {"call": "trigger_server_shutdown", "kind": "late", "seconds": 4, "times_left": 1}
    lab_models.Fault.objects.create(**late)
    first = actions.trigger_server_shutdown(servers.servers["mgmt2"], actor="anna")
    with engine_running():
        wait_until(lambda: Intent.objects.filter(server=servers.servers["mgmt2"]).exists(), within_s=20)
        second = actions.trigger_server_shutdown(servers.servers["mgmt3"], actor="bert")
        ended(first)
        ended(second)

    assert (servers.state("mgmt2"), servers.state("mgmt3")) == ("Down", "Up")
    assert not Intent.objects.filter(server=servers.servers["mgmt3"]).exists()
    assert "no other management server is Up" in target_of(second, "mgmt3").detail
