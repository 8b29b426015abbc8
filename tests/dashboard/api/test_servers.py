"""Management servers by REST: CloudStack's keys, what is legal now and why not, what is left while one prepares."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from maintenance.domain.states import RunKind, TargetState
from maintenance.models import ManagementServer
from tests.dashboard.console.server_runs import (
    add_job,
    leaving,
    make_servers,
    put_server,
    server_run,
    server_step,
)

CLOUDSTACKS_KEYS = {
    *(
        "id",
        "name",
        "state",
        "version",
        "serviceip",
        "ipaddress",
        "pendingjobscount",
        "agentscount",
        "agents",
    ),
    *("lastagents", "peers", "osdistribution", "kernelversion", "javaversion", "lastserverstart"),
    *("lastserverstop", "lastboottime", "maintenanceinitiated", "shutdowntriggered", "readyforshutdown"),
}
OURS = {"word", "known", "seen_at", "window_ends_at", "tasks", "legal_moves", "run", "preparing"}


@pytest.fixture
def servers(inventory):
    return make_servers(inventory, "mgmt2", "mgmt3")


def one(api, server):
    answer = api.get(f"management-servers/{server.id}/")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_server_has_cloudstacks_keys_and_ours(viewer, servers):
    rows = viewer.get("management-servers/").json()["results"]
    assert [row["name"] for row in rows] == ["mgmt1", "mgmt2", "mgmt3"]
    assert set(rows[0]) >= CLOUDSTACKS_KEYS | OURS
    assert rows[0]["agentscount"] == 6
    assert rows[0]["agents"] == [f"kvm{n}" for n in range(1, 7)]
    assert (rows[0]["state"], rows[0]["ipaddress"], rows[0]["word"]) == ("Up", "10.0.0.1", "Up")
    assert rows[0]["tasks"] == {"agent listener": True, "agent monitor": True}
    assert one(viewer, servers["mgmt1"]) == rows[0]
    assert viewer.get(f"management-servers/{uuid4()}/").status_code == 404


def test_jobs_are_counted_as_they_are_listed(viewer, inventory, servers):
    for _ in range(3):
        add_job(inventory, servers["mgmt1"], "StartVMCmdByAdmin")
    add_job(inventory, servers["mgmt1"], "StopVMCmd", gone_at=timezone.now())
    listed = viewer.get("jobs/?management_server=mgmt1").json()
    assert one(viewer, servers["mgmt1"])["pendingjobscount"] == listed["count"] == 3
    assert one(viewer, servers["mgmt2"])["pendingjobscount"] == 0


def test_every_agent_is_counted_and_fifty_are_named(viewer, inventory, servers):
    ManagementServer.objects.filter(name="mgmt1").update(
        agents=900, last_agents=[f"kvm{n}" for n in range(70)]
    )
    shown = one(viewer, servers["mgmt1"])
    assert shown["agentscount"] == 900
    assert (len(shown["lastagents"]), shown["lastagentscount"]) == (50, 70)


@pytest.mark.parametrize(
    ("state", "maintenance", "shutdown"),
    [
        ("Up", False, False),
        ("PreparingForMaintenance", True, False),
        ("Maintenance", True, False),
        ("PreparingForShutDown", False, True),
        ("ReadyToShutDown", False, True),
        ("ShuttingDown", False, True),
        ("Down", False, False),
    ],
)
def test_what_was_asked_of_a_server_is_told_as_cloudstack_tells_it(
    viewer, servers, state, maintenance, shutdown
):
    ManagementServer.objects.filter(name="mgmt2").update(state=state)
    shown = one(viewer, servers["mgmt2"])
    assert (shown["maintenanceinitiated"], shown["shutdowntriggered"]) == (maintenance, shutdown)
    ready = viewer.get(f"management-servers/{servers['mgmt2'].id}/ready-for-shutdown/").json()
    assert ready["managementserverid"] == str(servers["mgmt2"].id)
    assert (ready["state"], ready["readyforshutdown"], ready["pendingjobscount"]) == (state, True, 0)
    assert (ready["maintenanceinitiated"], ready["shutdowntriggered"]) == (maintenance, shutdown)


def test_a_pending_job_makes_a_server_not_ready_for_shutdown(viewer, inventory, servers):
    add_job(inventory, servers["mgmt2"], "StartVMCmdByAdmin")
    ready = viewer.get(f"management-servers/{servers['mgmt2'].id}/ready-for-shutdown/").json()
    assert (ready["readyforshutdown"], ready["pendingjobscount"]) == (False, 1)


def test_what_could_not_be_read_lately_is_unknown_and_ready_for_nothing(viewer, inventory, servers):
    inventory.cloud.servers_read_at = timezone.now() - timedelta(minutes=5)
    inventory.cloud.save()
    shown = one(viewer, servers["mgmt1"])
    assert (shown["state"], shown["word"], shown["known"]) == ("Unknown", "Unknown", False)
    assert shown["legal_moves"] == []
    assert not shown["readyforshutdown"]


def test_legal_moves_are_named_and_the_others_say_why_not(viewer, servers):
    shown = one(viewer, servers["mgmt1"])
    assert sorted(shown["legal_moves"]) == ["prepareForMaintenance", "prepareForShutdown", "triggerShutdown"]
    assert "mgmt1 is Up" in shown["why_not"]["cancelMaintenance"]


def test_the_last_server_that_is_up_may_neither_be_maintained_nor_shut_down(viewer, servers):
    ManagementServer.objects.exclude(name="mgmt1").update(state="Maintenance")
    shown = one(viewer, servers["mgmt1"])
    assert shown["legal_moves"] == []
    assert "only one management server is Up" in shown["why_not"]["prepareForMaintenance"]
    assert "no other management server is Up" in shown["why_not"]["triggerShutdown"]


def test_while_a_server_prepares_it_says_what_is_left_and_why_it_hangs(viewer, inventory, servers):
    ManagementServer.objects.filter(name="mgmt1").update(state="PreparingForMaintenance")
    run = server_run(inventory, [servers["mgmt1"]], RunKind.SERVER_MAINTENANCE)
    why = [{"code": "job", "words": "StartVMCmdByAdmin has run for 1 h", "what_to_do": "Wait, or cancel it."}]
    target = put_server(run, "mgmt1", TargetState.DRAINING)
    server_step(target, "PrepareForMaintenance", movement=leaving(jobs=2, agents=60, why=why))
    shown = one(viewer, servers["mgmt1"])
    assert shown["run"] | {"word": "Running"} == shown["run"]
    assert (shown["run"]["id"], shown["run"]["kind"]) == (str(run.id), "server-maintenance")
    left = shown["preparing"]
    assert (left["jobs_left"], len(left["jobs"])) == (2, 2)
    assert (left["agents_left"], len(left["agents"])) == (60, 50)
    assert left["agents"][0]["goes_to"] == "mgmt2"
    assert left["why"] == why
    assert one(viewer, servers["mgmt2"])["preparing"] is None


def test_a_server_that_others_prepare_says_what_its_row_tells(viewer, inventory, servers):
    ManagementServer.objects.filter(name="mgmt1").update(state="PreparingForMaintenance")
    add_job(inventory, servers["mgmt1"], "StartVMCmdByAdmin")
    shown = one(viewer, servers["mgmt1"])
    assert shown["run"] is None
    assert (shown["preparing"]["jobs_left"], shown["preparing"]["agents_left"]) == (1, 6)


def test_a_page_takes_as_many_queries_for_three_servers_as_for_one(viewer, inventory, servers):
    run = server_run(inventory, list(servers.values()))
    server_step(put_server(run, "mgmt1", TargetState.DRAINING), "PrepareForMaintenance")
    taken = []
    for size in (1, 3):
        with CaptureQueriesContext(connection) as queries:
            viewer.get(f"management-servers/?page_size={size}")
        taken.append(len(queries))
    assert taken[0] == taken[1]


def test_a_tenant_sees_no_server_and_no_job(tenant, servers):
    for path in ("management-servers/", f"management-servers/{uuid4()}/", "jobs/", "jobs/cut-off/"):
        assert tenant.get(path).status_code == 403
