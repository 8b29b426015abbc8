"""Runs over management servers wherever runs are told: the overview, the list of runs, places, and what is counted."""

import re
from html import unescape

import pytest
from django.utils import timezone

from maintenance import actions as all_actions
from maintenance.actions import servers as actions
from maintenance.domain.states import RunKind, RunState, Stage, TargetState
from maintenance.feed import unit_of_work
from maintenance.models import AuditEntry, EngineProcess
from tests.dashboard.console.run_page import SPACE, sentence
from tests.dashboard.console.server_runs import ended_stage, make_servers, put_server, server_run, server_step


@pytest.fixture
def servers(inventory):
    return make_servers(inventory, "mgmt2", "mgmt3")


def text_of(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.text.replace(SPACE, " ")


def test_the_overview_shows_the_run_its_servers_and_who_is_at_work(viewer, inventory, servers):
    run = server_run(inventory, list(servers.values()), reason="new kernel")
    put_server(run, "mgmt1", TargetState.DONE)
    put_server(run, "mgmt2", TargetState.DRAINING)
    EngineProcess.objects.create(host_name="here", pid=1, version="1", seen_at=timezone.now())
    page = text_of(viewer, "/")
    assert sentence(page).startswith("One management server is at work.")
    card = page.partition('id="overview-runs"')[2].partition("</section>")[0]
    assert "restart of management servers" in card
    assert "1 of 3" in card
    assert f"/management-servers/{servers['mgmt2'].id}/" in card
    assert "/hosts/None/" not in page


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (RunKind.SERVER_MAINTENANCE, "Maintenance of management server mgmt1"),
        (RunKind.SERVER_SHUTDOWN, "Shutdown of management server mgmt1"),
        (RunKind.SERVER_RESTART, "Restart of management servers: mgmt1"),
    ],
)
def test_the_list_of_runs_calls_it_by_what_it_does(viewer, inventory, servers, kind, name):
    server_run(inventory, [servers["mgmt1"]], kind)
    page = text_of(viewer, f"/rolling/?kind={kind}")
    assert name in page
    assert "0 of 1 management server" in page
    assert name not in text_of(viewer, "/rolling/?kind=rolling&state=active").partition("runs-latest")[0]


def test_a_run_is_found_by_the_name_of_its_server(viewer, inventory, servers):
    server_run(inventory, [servers["mgmt2"]], RunKind.SERVER_SHUTDOWN)
    assert "1 run<" in text_of(viewer, "/rolling/?place=gmt2")
    assert "0 runs<" in text_of(viewer, "/rolling/?place=gmt3")


def test_how_it_ended_is_counted_by_server(viewer, inventory, servers):
    run = server_run(inventory, list(servers.values()), state=RunState.FAILED, finished_at=timezone.now())
    put_server(run, "mgmt1", TargetState.DONE)
    put_server(run, "mgmt2", TargetState.NEEDS_PERSON)
    put_server(run, "mgmt3", TargetState.CANCELLED)
    assert "1 done, 1 failed, 1 not done" in text_of(viewer, "/rolling/")


def test_a_server_at_work_takes_no_host_from_what_is_free(operator, inventory, servers):
    """An open target without a host must not make every host of a place look taken."""
    server_run(inventory, [servers["mgmt1"]])
    cluster = inventory.clusters["c1"].id
    page = text_of(operator, f"/clusters/{cluster}/")
    assert "has every host here" not in page
    assert "have every host here" not in page
    assert f"/rolling/new/?clusters={cluster}" in page


# ---- the timeline ---------------------------------------------------------------------------------------------------


def test_the_timeline_tells_who_asked_for_what_of_which_server(operator, inventory, servers):
    server = servers["mgmt2"]
    actions.prepare_server(
        server.id, algorithm=None, forced=False, actor="ada", reason="new kernel", request_id="r1"
    )
    page = text_of(operator, "/events/?what=servers")
    assert f'href="/management-servers/{server.id}/"' in page
    assert "which puts" in page
    assert "new kernel" in page


def test_a_restart_names_its_servers(operator, servers):
    actions.restart_servers([server.id for server in servers.values()], actor="ada")
    page = text_of(operator, "/events/")
    assert "which restarts" in page
    assert "mgmt1, mgmt2 and mgmt3" in page


def test_what_was_skipped_and_tried_again_is_called_a_management_server(operator, inventory, servers):
    run = server_run(inventory, list(servers.values()), state=RunState.PAUSED)
    put_server(run, "mgmt1", TargetState.FAILED, detail="its window ended")
    ended_stage(
        put_server(run, "mgmt2", TargetState.NEEDS_PERSON), "ComeBack", "timed_out", detail="not back"
    )
    all_actions.skip_host(run.id, servers["mgmt1"].id, actor="ada", request_id="r1")
    all_actions.retry_host(run.id, servers["mgmt2"].id, actor="ada", request_id="r2")

    acts = list(AuditEntry.objects.filter(actor="ada").order_by("number").values_list("action", flat=True))
    told = said_in(operator, "/events/?what=servers&who=person")

    assert acts == [
        *("management server skipped", "run: skip a management server"),
        *("management server retried", "run: retry a management server"),
    ]
    assert f"ada skipped mgmt1 in Run {run.number}" in told
    assert f"ada had mgmt2 tried again in Run {run.number}" in told
    everything = said_in(operator, "/events/?who=person")
    assert (everything.count("ada skipped"), everything.count("tried again")) == (1, 1)
    assert "tried again" not in said_in(operator, "/events/?what=hosts&who=person")


def said_in(client, path):
    """The timeline as text."""
    times = text_of(client, path).partition('class="timeline')[2]
    return " ".join(unescape(re.sub("<[^>]+>", "", times)).split())


def test_counts_that_change_all_the_time_are_not_told_by_themselves(viewer, inventory, servers):
    about = {"server": str(servers["mgmt1"].id), "name": "mgmt1"}
    with unit_of_work() as work:
        work.event("server.changed", about, before={"agents": 3}, after={"agents": 4})
        work.event("server.changed", about, before={"state": "Up"}, after={"state": "Down"})
        work.event("agent.changed", {"name": "kvm1"}, after={"management_server_id": None})
    page = text_of(viewer, "/events/")
    assert "is <bdi>Down</bdi>" in page
    assert "number of agents" not in page
    assert "kvm1" not in page.partition("<main")[2]
    assert "is connected to no management server" in text_of(viewer, "/events/?what=instances")


def test_an_agent_that_changed_its_server_is_told_by_the_servers_names(viewer, inventory, servers):
    before, after = str(servers["mgmt1"].id), str(servers["mgmt2"].id)
    host = inventory.hosts["kvm2"]
    about = {"host": str(host.id), "host_name": host.name, "cluster": str(host.cluster_id)}
    with unit_of_work() as work:
        work.event(
            "host.changed",
            about,
            before={"management_server_id": before},
            after={"management_server_id": after},
        )
    told = said_in(viewer, "/events/?what=hosts") + said_in(viewer, "/events/?what=instances")
    assert "mgmt1" in told
    assert "mgmt2" in told
    assert before not in told
    assert after not in told


def test_the_page_of_a_run_over_servers_is_a_place_of_management_servers(viewer, inventory, servers):
    run = server_run(inventory, [servers["mgmt1"]])
    rail = text_of(viewer, f"/rolling/{run.id}/").partition('id="nav"')[2].partition("</nav>")[0]
    current = [one for one in rail.split("<li>") if 'aria-current="page"' in one]
    assert len(current) == 1
    assert 'href="/management-servers/"' in current[0]


def test_while_it_settles_agents_are_its_own_and_not_left(viewer, inventory, servers):
    run = server_run(inventory, [servers["mgmt1"]])
    step = server_step(put_server(run, "mgmt1", TargetState.RETURNING), Stage.SERVER_SETTLE)
    step.movement = {"jobs_left": 0, "agents_left": 6}
    step.save()
    page = text_of(viewer, f"/rolling/{run.id}/")
    assert "its agents: 6" in page
    assert "agents left" not in page
