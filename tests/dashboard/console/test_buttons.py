"""Buttons: one call each, then the page again; what cannot be done is said, and nothing has changed."""

import pytest
from django.test import Client

from maintenance.domain.states import RunState, TargetState
from maintenance.models import Attention, AuditEntry, HostOut, Run, Target
from tests.dashboard.console.runs import failed_and_paused, in_state, put_host, start_run
from tests.dashboard.people import make_person


def test_pause_and_resume_lead_back_to_the_page_that_was_pressed(operator, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    put_host(run, "kvm1", TargetState.WORKING)

    answer = operator.post(f"/rolling/{run.id}/pause/", {"back": f"/rolling/{run.id}/"})

    assert (answer.status_code, answer["Location"]) == (303, f"/rolling/{run.id}/")
    assert Run.objects.get().pausing
    operator.post(f"/rolling/{run.id}/resume/")
    assert not Run.objects.get().pausing


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example/", "/\\evil.example/", "javascript:x"]
)
def test_the_way_back_never_leads_elsewhere(operator, inventory, back):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)

    answer = operator.post(f"/rolling/{run.id}/pause/", {"back": back})

    assert answer["Location"] == f"/rolling/{run.id}/"


def test_an_illegal_move_is_said_with_what_is_legal(operator, inventory):
    run = start_run(inventory, "c1")

    page = operator.post(f"/rolling/{run.id}/resume/", follow=True).text

    assert "resume is not possible; legal now: cancel." in page
    assert "Nothing was changed." in page
    assert Run.objects.get().state == RunState.QUEUED


def test_a_failed_host_is_skipped_from_the_paused_run(operator, inventory):
    run = start_run(inventory, "c1")
    target = failed_and_paused(run, "kvm2", "exit status 1")

    operator.post(f"/rolling/{run.id}/hosts/{target.host_id}/skip/")

    assert Target.objects.get(id=target.id).state == TargetState.SKIPPED


def test_a_failed_host_is_tried_again_and_the_run_goes_on(operator, inventory):
    run = start_run(inventory, "c1")
    target = failed_and_paused(run, "kvm2", "exit status 1")

    operator.post(f"/rolling/{run.id}/hosts/{target.host_id}/retry/")

    assert Target.objects.get(id=target.id).attempt == 2
    assert Run.objects.get().state == RunState.RUNNING


def test_stop_asks_once_more_on_the_page_and_then_stops(operator, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    page = operator.get(f"/rolling/{run.id}/").text
    assert f"Stop run {run.number} for good" in page

    operator.post(f"/rolling/{run.id}/cancel/")

    assert Run.objects.get().state in {RunState.STOPPING, RunState.CANCELLED}


def test_a_host_is_taken_out_by_hand_with_its_reason_and_its_page_says_who_has_it(operator, inventory):
    host = inventory.id("kvm1")

    operator.post(f"/hosts/{host}/prepare/", {f"reason-{host}": "memory test", "back": f"/hosts/{host}/"})

    run = Run.objects.get()
    assert (run.kind, run.reason, run.started_by) == ("host", "memory test", "operator")
    page = operator.get(f"/hosts/{host}/").text
    assert f"Run {run.number}, started by operator, has kvm1." in page
    assert "kvm1 waits to leave service." in page


def test_a_second_host_of_the_cluster_is_refused_with_the_reason(operator, inventory):
    first = inventory.id("kvm1")
    operator.post(f"/hosts/{first}/prepare/")
    target = Target.objects.get()
    HostOut.objects.create(
        host_id=target.host_id, cluster_id=target.cluster_id, run=target.run, target=target
    )

    page = operator.post(f"/hosts/{inventory.id('kvm2')}/prepare/", follow=True).text

    assert "kvm2 cannot leave service now: kvm1 is out of service, limit 1." in page
    assert Run.objects.count() == 1


def test_a_held_host_is_returned(operator, inventory):
    host = inventory.id("kvm1")
    operator.post(f"/hosts/{host}/prepare/")
    Target.objects.update(state=TargetState.IN_MAINTENANCE, next_stage="")
    Run.objects.update(state=RunState.RUNNING)

    operator.post(f"/hosts/{host}/return/")

    assert Target.objects.get().state == TargetState.RETURNING


def test_what_needs_a_person_is_taken_and_closed_with_a_reason_that_is_kept(operator, inventory):
    run = start_run(inventory, "c1")
    need = Attention.objects.create(cause="overdue", title="late", message="late", run=run)

    operator.post(f"/attention/{need.id}/take/", {"back": "/"})
    silent = operator.post(f"/attention/{need.id}/resolve/", {"back": "/"}, follow=True).text
    need.refresh_from_db()
    assert (need.taken_by, need.resolved_at) == ("operator", None)
    assert "Say why it is settled" in silent

    operator.post(f"/attention/{need.id}/resolve/", {f"reason-{need.id}": "disk replaced", "back": "/"})
    need.refresh_from_db()
    assert need.resolved_by == "operator"
    assert AuditEntry.objects.latest("number").reason == "disk replaced"


def test_a_viewer_presses_nothing(viewer, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)

    assert viewer.post(f"/rolling/{run.id}/pause/").status_code == 403
    assert viewer.post(f"/hosts/{inventory.id('kvm1')}/prepare/").status_code == 403
    assert viewer.get("/rolling/new/").status_code == 403
    assert not Run.objects.get().pausing


def test_a_button_without_our_token_does_nothing(inventory, db):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_person("operator"), backend="django.contrib.auth.backends.ModelBackend")

    assert client.post(f"/rolling/{run.id}/pause/").status_code == 403
    assert not Run.objects.get().pausing
