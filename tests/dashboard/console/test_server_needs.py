"""Management servers that need a person: why, how they are now, and what can safely be done."""

import pytest
from django.utils import timezone

from maintenance.domain.states import RunKind, RunState, TargetState
from maintenance.models import Attention
from tests.dashboard.console.run_page import SPACE
from tests.dashboard.console.server_runs import (
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
