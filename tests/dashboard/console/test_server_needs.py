"""Management servers that need a person: why, how they are now, and what can safely be done."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from maintenance.domain.states import RunKind, RunState, TargetState
from maintenance.models import Attention
from tests.dashboard.console.run_page import SPACE
from tests.dashboard.console.server_runs import (
    add_cut_off,
    add_job,
    ended_stage,
    make_servers,
    needs_person,
    put_server,
    server_run,
    server_step,
)


@pytest.fixture
def servers(inventory):
    return make_servers(inventory, "mgmt2")


@pytest.fixture
def in_doubt(inventory, servers):
    reason = {"code": "server-not-back", "message": "mgmt1 has not come back", "by": "engine"}
    run = server_run(inventory, list(servers.values()), state=RunState.PAUSED, paused_reason=reason)
    target = put_server(run, "mgmt1", TargetState.NEEDS_PERSON, detail="not back after 600 s")
    ended_stage(target, "ComeBack", "timed_out", detail="not back after 600 s")
    return needs_person(run, target, "server-not-back", "mgmt1 is not back as it was", "not back after 600 s")


def text_of(client, path):
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.text.replace(SPACE, " ")


def test_the_list_and_the_overview_tell_it_by_its_cause(viewer, in_doubt):
    for path in ("/needs-a-person/", "/"):
        page = text_of(viewer, path)
        assert "A management server is not back" in page
        assert "mgmt1 is not back as it was" in page


def test_its_page_says_how_the_server_is_now_and_leads_to_it(viewer, servers, in_doubt):
    page = text_of(viewer, f"/needs-a-person/{in_doubt.id}/")
    assert f'href="/management-servers/{servers["mgmt1"].id}/"' in page
    assert "0 jobs pending, 6 agents connected" in page
    assert "in run 1: Needs a person" in page
    assert "no further server is taken until somebody resumes or retries" in page
    assert "systemctl status cloudstack-management" in page
    assert "/hosts/None/" not in page


def test_what_can_be_done_is_to_retry_to_resume_or_to_stop(operator, servers, in_doubt):
    page = text_of(operator, f"/needs-a-person/{in_doubt.id}/")
    retry = f"/rolling/{in_doubt.run_id}/hosts/{servers['mgmt1'].id}/retry/"
    assert retry in page
    assert "from “Come back”" in page
    assert f"/rolling/{in_doubt.run_id}/cancel/" in page
    assert "/return/" not in page
    assert operator.post(retry).status_code == 303
    in_doubt.refresh_from_db()
    assert in_doubt.resolved_at is not None
    assert in_doubt.run.targets.get(name="mgmt1").next_stage in {"ComeBack", ""}


@pytest.mark.parametrize(
    ("cause", "name"),
    [
        ("server-failed", "A management server failed its maintenance"),
        ("server-stuck", "A management server cannot get ready"),
        ("run-paused", "A run waits to be resumed"),
    ],
)
@pytest.mark.parametrize("state", [RunState.RUNNING, RunState.PAUSED, RunState.STOPPING, RunState.FAILED])
def test_every_cause_has_its_page_in_every_state_of_the_run(operator, inventory, servers, cause, name, state):
    run = server_run(inventory, [servers["mgmt1"]], RunKind.SERVER_RESTART, state=state)
    target = put_server(
        run, "mgmt1", TargetState.FAILED if cause == "server-failed" else TargetState.DRAINING
    )
    server_step(target, "PrepareForMaintenance")
    need = needs_person(run, target, cause, "mgmt1 cannot get ready", "kvm1: its maintenance has failed")
    page = text_of(operator, f"/needs-a-person/{need.id}/")
    assert name in page
    assert "kvm1: its maintenance has failed" in page


def test_one_that_is_settled_says_how_and_what_is_so_since(viewer, servers, in_doubt):
    Attention.objects.filter(id=in_doubt.id).update(resolved_at=timezone.now(), resolved_by="observed Up")
    page = text_of(viewer, f"/needs-a-person/{in_doubt.id}/")
    assert "It is settled; mgmt1 counts as failed." in page
    assert "Up" in page
    needs_person(in_doubt.run, in_doubt.target, "server-stuck", "again", "again")
    again = text_of(viewer, f"/needs-a-person/{in_doubt.id}/")
    assert "the management server needs a person again" in again


def test_it_can_be_taken_and_closed_like_anything_else(operator, in_doubt):
    assert operator.post(f"/attention/{in_doubt.id}/take/").status_code == 303
    operator.post(f"/attention/{in_doubt.id}/resolve/", {f"reason-{in_doubt.id}": "it is well"})
    in_doubt.refresh_from_db()
    assert (in_doubt.taken_by, in_doubt.resolved_by) == ("operator", "operator")


# ---- servers that no run has ----------------------------------------------------------------------------------------


def died(inventory, servers, **columns):
    """mgmt2 died; an engine has written it down, for no run has it."""
    server = servers["mgmt2"]
    server.state, server.agents = "Down", 3
    server.save()
    return Attention.objects.create(
        cause="server-down", title="mgmt2 is Down, and nobody took it down", message="last seen Up at 03:14",
        server=server, **columns,
    )  # fmt: skip


def test_one_that_died_stands_in_the_list_and_on_the_overview(viewer, inventory, servers):
    died(inventory, servers)
    for path in ("/needs-a-person/", "/", "/needs-a-person/?cause=server-down"):
        page = text_of(viewer, path)
        assert "A management server died" in page, path
        assert "mgmt2 is Down, and nobody took it down" in page, path


def test_its_page_says_what_happened_how_it_is_now_and_how_to_start_it(operator, inventory, servers):
    inventory.cloud.kind = "cloudstack"
    inventory.cloud.save()
    page = text_of(operator, f"/needs-a-person/{died(inventory, servers).id}/")
    assert "last seen Up at 03:14" in page
    assert "systemctl start cloudstack-management" in page
    assert "10.0.0.2" in page
    assert f'href="/management-servers/{servers["mgmt2"].id}/"' in page
    assert "3 agents still count as connected to it" in page
    assert "1 management server carries the cloud." in page
    assert "None" not in page.partition("<main")[2].partition("</main>")[0].replace("None.", "")


def test_one_of_the_lab_is_started_by_the_labs_own_command(operator, inventory, servers):
    inventory.cloud.kind = "lab"
    inventory.cloud.save()
    page = text_of(operator, f"/needs-a-person/{died(inventory, servers).id}/")
    assert "manage.py lab server start mgmt2" in page


def test_jobs_that_ended_with_it_are_named_and_lead_to_what_is_to_reconcile(operator, inventory, servers):
    need = died(inventory, servers)
    assert "No job of it was cut off" in text_of(operator, f"/needs-a-person/{need.id}/")
    for at in range(7):
        add_cut_off(inventory, servers["mgmt2"], "CopyTemplateCmd", resource_name=f"vol-{at}")
    add_cut_off(inventory, servers["mgmt1"], "CopyTemplateCmd", resource_name="not-of-it")
    page = text_of(operator, f"/needs-a-person/{need.id}/")
    assert "7 jobs were cut off" in page
    assert page.count("CopyTemplateCmd") == 5
    assert "and 2 more" in page
    assert "not-of-it" not in page
    assert f'href="/management-servers/{servers["mgmt2"].id}/#cut-off"' in page


def test_that_none_is_up_is_a_page_without_a_server_of_its_own(operator, inventory, servers):
    died(inventory, servers).delete()
    servers["mgmt1"].state = "Down"
    servers["mgmt1"].save()
    need = Attention.objects.create(
        cause="no-server-up", title="No management server is Up", message="all of lab"
    )
    assert "No management server is Up" in text_of(operator, "/needs-a-person/")
    page = text_of(operator, f"/needs-a-person/{need.id}/")
    assert "Nothing can be asked of the cloud" in page
    assert page.count("lab server start") + page.count("systemctl start") == 2
    assert "No management server is Up: nothing can be asked of the cloud." in page


def test_one_that_is_back_says_so_and_offers_no_command(operator, inventory, servers):
    need = died(inventory, servers, resolved_at=timezone.now(), resolved_by="observed Up")
    page = text_of(operator, f"/needs-a-person/{need.id}/")
    assert "by what was seen" in page
    assert "The command that starts" not in page


def test_a_thousand_jobs_and_servers_cost_as_many_questions_as_one(operator, inventory, servers):
    need = died(inventory, servers)
    add_cut_off(inventory, servers["mgmt2"], "CopyTemplateCmd")
    counted = []
    for more in (0, 40):
        for at in range(more):
            add_cut_off(inventory, servers["mgmt2"], f"Copy{at}Cmd")
            add_job(inventory, servers["mgmt1"], f"Start{at}Cmd")
        with CaptureQueriesContext(connection) as asked:
            text_of(operator, f"/needs-a-person/{need.id}/")
        counted.append(len(asked))
    assert counted[0] == counted[1]


# ---- a run that is over ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "label", "ask"),
    [
        (RunKind.SERVER_MAINTENANCE, "Prepare again…", "prepareForMaintenance"),
        (RunKind.SERVER_SHUTDOWN, "Prepare for shutdown again…", "prepareForShutdown"),
        (RunKind.SERVER_RESTART, "Restart again…", "restart"),
    ],
)
def test_of_a_run_that_is_over_the_way_on_is_the_servers_own_page(
    administrator, inventory, servers, kind, label, ask
):
    run = server_run(inventory, [servers["mgmt1"]], kind, state=RunState.FAILED, finished_at=timezone.now())
    target = put_server(run, "mgmt1", TargetState.FAILED, is_open=False, detail="its window ended")
    need = needs_person(run, target, "server-failed", "mgmt1 failed", "its window of 60 min ended")
    page = text_of(administrator, f"/needs-a-person/{need.id}/")
    link = f"/management-servers/{servers['mgmt1'].id}/?ask={ask}"
    assert label in page
    assert link in page
    assert "Then retry, or skip it" not in page
    assert "Settled…" in page
    opened = text_of(administrator, link)
    assert f'id="ask-{ask}" open' in opened
    if kind == RunKind.SERVER_MAINTENANCE:
        assert "Forced" in page
        longer = f"/agents/change/?cloud={inventory.cloud.id}"
        assert f'href="{longer}"' in page
        assert "Maintenance timeout, minutes" in text_of(administrator, longer)
