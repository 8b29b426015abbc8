"""The page of a run over management servers: how it stands, each server's way, what can be done, and its record."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from maintenance.domain.states import RunKind, RunState, TargetState
from maintenance.models import ManagementServer
from tests.dashboard.console.run_page import page_of, part, sentence
from tests.dashboard.console.server_runs import (
    ended_stage,
    leaving,
    listed,
    make_servers,
    needs_person,
    put_server,
    server_run,
    server_step,
)


@pytest.fixture
def servers(inventory):
    return make_servers(inventory, "mgmt2", "mgmt3")


@pytest.fixture
def restart(inventory, servers):
    """mgmt1 is back, mgmt2 prepares, mgmt3 waits."""
    run = server_run(
        inventory, list(servers.values()), reason="new kernel", ticket="CHG-7", algorithm="shuffle"
    )
    first = put_server(run, "mgmt1", TargetState.DONE)
    for stage in ("PrepareForMaintenance", "TriggerShutdown", "ComeBack", "CancelMaintenance", "Settle"):
        ended_stage(first, stage, took_s=12)
    second = put_server(run, "mgmt2", TargetState.DRAINING)
    why = [{"code": "job", "words": "mgmt2 waits for 2 jobs.", "what_to_do": "They end by themselves."}]
    server_step(second, "PrepareForMaintenance", movement=leaving(2, 3, why=why), note="looking every moment")
    return run


def test_it_begins_with_how_far_it_is_and_what_the_server_at_work_still_has(viewer, restart):
    said = sentence(page_of(viewer, restart))
    assert said.startswith(
        "1 of 3 servers finished. mgmt2: Prepare for maintenance, 2 jobs and 3 agents left"
    )


def test_each_server_has_its_stages_in_order_with_their_times(viewer, restart):
    page = page_of(viewer, restart)
    lanes = part(page, "srun-lanes")
    first = lanes.partition("mgmt1")[2].partition('id="lane-of-')[0]
    names = ["Prepare for maintenance", "Shut down", "Come back", "Cancel maintenance", "Settle"]
    places = [first.index(f"<b>{name}</b>") for name in names]
    assert places == sorted(places)
    assert first.count("12 s") == 5
    second = lanes.partition(">mgmt2<")[2].partition('id="lane-of-')[0]
    assert second.count('aria-current="step"') == 1


def test_a_server_that_prepares_says_what_is_left_why_it_waits_and_until_when(viewer, restart):
    lanes = part(page_of(viewer, restart), "srun-lanes")
    assert "2 jobs and 3 agents left: StartVMCmdByAdmin × 2" in lanes
    assert "mgmt2 waits for 2 jobs." in lanes
    assert "They end by themselves." in lanes
    assert "then back to Up by itself; nothing is forced" in lanes
    assert "looking every moment" in lanes


def test_the_buttons_say_what_will_happen(operator, restart):
    steering = part(page_of(operator, restart), "srun-steering")
    assert "Pause after this server" in steering
    assert (
        "mgmt2 goes its way to the end. Then nothing starts until you resume. 1 server stays untouched."
        in steering
    )
    assert "mgmt2 goes back to Up; the run counts as cancelled." in steering
    assert f"/rolling/{restart.id}/cancel/" in steering


def test_a_server_that_goes_down_is_brought_back_when_the_run_is_stopped(operator, inventory, servers):
    run = server_run(inventory, [servers["mgmt1"]])
    server_step(put_server(run, "mgmt1", TargetState.WORKING), "TriggerShutdown")
    steering = part(page_of(operator, run), "srun-steering")
    assert "mgmt1 goes down and is brought back to Up first" in steering


def test_a_viewer_sees_the_buttons_and_who_may_press_them(viewer, restart):
    steering = part(page_of(viewer, restart), "srun-steering")
    assert "Your role is viewer." in steering
    assert "formaction" not in steering


def test_a_waiting_server_can_be_skipped_and_the_buttons_work(operator, servers, restart):
    page = page_of(operator, restart)
    url = f"/rolling/{restart.id}/hosts/{servers['mgmt3'].id}/skip/"
    assert url in page
    assert operator.post(url).status_code == 303
    assert restart.targets.get(name="mgmt3").state == TargetState.SKIPPED
    for move in ("pause", "resume", "cancel"):
        assert operator.post(f"/rolling/{restart.id}/{move}/").status_code == 303
    restart.refresh_from_db()
    assert restart.state == RunState.STOPPING


@pytest.mark.parametrize(
    ("kind", "says", "ways"),
    [
        (
            RunKind.SERVER_MAINTENANCE,
            "mgmt1 is in maintenance, and held there. Until somebody cancels the maintenance, or shuts it down.",
            ["Cancel the maintenance…", "Shut it down…"],
        ),
        (
            RunKind.SERVER_SHUTDOWN,
            "mgmt1 is ready to shut down, and held there. Until somebody shuts it down, or cancels.",
            ["Cancel the shutdown…", "Shut it down…"],
        ),
    ],
)
def test_a_server_that_is_held_waits_for_a_person_and_leads_to_what_they_can_do(
    operator, inventory, servers, kind, says, ways
):
    run = server_run(inventory, [servers["mgmt1"]], kind)
    stage = "PrepareForMaintenance" if kind == RunKind.SERVER_MAINTENANCE else "PrepareForShutdown"
    ended_stage(put_server(run, "mgmt1", TargetState.IN_MAINTENANCE), stage)
    page = page_of(operator, run)
    assert sentence(page) == says
    steering = part(page, "srun-steering")
    assert all(way in steering for way in ways)
    assert f"/management-servers/{servers['mgmt1'].id}/?ask=" in steering


def test_a_run_that_stopped_in_doubt_says_why_and_offers_the_way_on(operator, inventory, servers):
    reason = {
        "code": "server-not-back",
        "message": "mgmt1 has not come back after 600 s",
        "server": "x",
        "by": "engine",
    }
    run = server_run(inventory, list(servers.values()), state=RunState.PAUSED, paused_reason=reason)
    target = put_server(run, "mgmt1", TargetState.NEEDS_PERSON, detail="not back after 600 s")
    ended_stage(target, "ComeBack", "timed_out", detail="not back after 600 s")
    need = needs_person(run, target, "server-not-back", "mgmt1 is not back as it was", "not back after 600 s")
    page = page_of(operator, run)
    assert sentence(page) == (
        "Paused. 0 of 3 servers finished. mgmt1 has not come back after 600 s. 2 servers wait untouched."
    )
    problems = part(page, "srun-problems")
    assert f"/needs-a-person/{need.id}/" in problems
    assert "Retry mgmt1" in problems
    assert "from “Come back”" in problems
    steering = part(page, "srun-steering")
    assert "Goes on with mgmt2; 2 servers still to do." in steering
    assert "mgmt1 is left as it is, and so the run ends as failed." in steering
    assert "mgmt1 is left as it is, and needs a person; the run counts as cancelled." in steering
    first = part(page, "srun-lanes").partition(">mgmt1<")[2].partition('id="lane-of-')[0]
    assert "Skipped" not in first  # a retry goes on with what is left


def test_after_its_end_the_same_page_is_the_report(viewer, inventory, servers):
    run = server_run(
        inventory, list(servers.values()), state=RunState.SUCCEEDED, finished_at=timezone.now(), details="OK"
    )
    for name in servers:
        target = put_server(run, name, TargetState.DONE)
        ended_stage(target, "PrepareForMaintenance", detail="no job, no agent")
        ended_stage(target, "Settle", took_s=30, takeovers=1)
    page = page_of(viewer, run)
    assert sentence(page) == "3 servers were restarted."
    record = part(page, "srun-record")
    assert record.count("Prepare for maintenance") == 3
    assert record.count("taken over 1 ×") == 3
    assert "no job, no agent" in record
    assert f"/rolling/{run.id}/report.csv" in page
    assert 'id="srun-steering" aria-labelledby="steering-title" hidden' in page


def test_a_run_that_failed_names_who_failed_and_what_was_left_alone(viewer, inventory, servers):
    run = server_run(inventory, list(servers.values()), state=RunState.FAILED, finished_at=timezone.now())
    put_server(run, "mgmt1", TargetState.FAILED, detail="PrepareForMaintenance: its window ended")
    put_server(run, "mgmt2", TargetState.CANCELLED)
    put_server(run, "mgmt3", TargetState.CANCELLED)
    page = page_of(viewer, run)
    assert sentence(page) == "Failed: mgmt1. 2 servers were left as they were."
    assert "its window ended" in page


def test_what_was_asked_is_kept_with_who_asked_and_why(viewer, restart):
    record = part(page_of(viewer, restart), "srun-record")
    for told in ("ada", "new kernel", "CHG-7", "mgmt1, mgmt2, mgmt3", "shuffle", "back to Up", "30 s"):
        assert told in record


def test_a_server_that_fails_goes_the_way_home_and_says_so(viewer, inventory, servers):
    run = server_run(inventory, list(servers.values()))
    target = put_server(
        run, "mgmt1", TargetState.RETURNING, failing="PrepareForMaintenance: its window ended"
    )
    ended_stage(target, "PrepareForMaintenance", "failed", detail="its window ended")
    server_step(target, "CancelMaintenance")
    lanes = part(page_of(viewer, run), "srun-lanes")
    first = lanes.partition(">mgmt1<")[2].partition('id="lane-of-')[0]
    assert "It goes back to Up first and then counts as failed" in first
    assert "Come back" not in first


def test_addresses_of_hosts_lead_to_the_runs_own_page(viewer, restart):
    for path in ("hosts/", "report/"):
        answer = viewer.get(f"/rolling/{restart.id}/{path}")
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/rolling/{restart.id}/")


def test_a_name_that_is_html_stays_a_name(viewer, inventory):
    nasty = "<img src=x onerror=alert(1)>\u202e\N{FIRE}" + "x" * 30
    servers = make_servers(inventory, nasty)
    run = server_run(inventory, [servers[nasty]], reason=nasty, ticket=nasty)
    target = put_server(run, nasty, TargetState.DRAINING, detail=nasty, failing=nasty)
    agents = [{"id": "1", "name": nasty, "kind": "host", "goes_to": nasty, "stuck": nasty}]
    why = [{"code": "agent", "words": nasty, "what_to_do": nasty}]
    server_step(
        target, "PrepareForMaintenance", note=nasty, movement=leaving(0, 1) | {"agents": agents, "why": why}
    )
    needs_person(run, target, "server-stuck", nasty, nasty)
    page = page_of(viewer, run)
    assert "<img src=x" not in page
    assert page.count("&lt;img src=x") > 8


def test_the_page_asks_as_much_for_thirty_servers_as_for_three(viewer, inventory):
    taken = []
    for size in (3, 30):
        servers = [
            ManagementServer.objects.create(
                **listed(inventory, f"ms{size}-{n}"), state="Up", version="4.21", agents=0
            )
            for n in range(size)
        ]
        run = server_run(inventory, servers)
        server_step(put_server(run, servers[0].name, TargetState.DRAINING), "PrepareForMaintenance")
        with CaptureQueriesContext(connection) as queries:
            page_of(viewer, run)
        taken.append(len(queries))
        run.targets.update(is_open=False)
    assert taken[0] == taken[1]


def test_of_more_agents_than_are_named_the_rest_is_counted(viewer, inventory, servers):
    run = server_run(inventory, [servers["mgmt1"]])
    target = put_server(run, "mgmt1", TargetState.DRAINING)
    server_step(target, "PrepareForMaintenance", movement=leaving(0, 900))
    lanes = part(page_of(viewer, run), "srun-lanes")
    assert "0 jobs and 900 agents left: kvm1, kvm2, kvm3, kvm4 and 896 more" in lanes
