"""Steering runs and taking single hosts out and back by REST: one call to an action each, and what it refuses."""

import pytest

from maintenance import actions
from maintenance.models import AuditEntry, Host, Run, Target
from tests.dashboard.inventory import an_id
from tests.dashboard.people import api_of, make_person

RUNS = "rolling-maintenances/"


@pytest.fixture
def run(inventory) -> Run:
    cluster = inventory.clusters["c1"].id
    request = actions.StartRequest(scope_kind="clusters", scope_ids=(cluster,))
    run = actions.start_rolling_maintenance(request, actor="ada")
    Run.objects.filter(id=run.id).update(state="Running")
    return run


def test_pause_resume_and_cancel_answer_with_the_run(operator, run):
    paused = operator.post(f"{RUNS}{run.id}/pause/")
    assert paused.status_code == 200, paused.content
    assert paused.json()["id"] == str(run.id)
    assert paused.json()["paused_reason"]["by"] == "operator"
    assert operator.post(f"{RUNS}{run.id}/resume/").json()["state"] == "Running"
    assert operator.post(f"{RUNS}{run.id}/cancel/", {}).json()["state"] in {"Stopping", "Cancelled"}
    assert set(AuditEntry.objects.values_list("actor", flat=True)) == {"ada", "operator"}


def test_an_illegal_move_is_409_naming_the_legal_ones(operator, run):
    answer = operator.post(f"{RUNS}{run.id}/resume/")
    assert answer.status_code == 409
    assert answer.json()["legal"] == ["cancel", "pause"]
    assert AuditEntry.objects.filter(actor="operator").count() == 0


def test_a_waiting_host_can_be_skipped_and_not_retried(operator, inventory, run):
    host = f"{RUNS}{run.id}/hosts/{inventory.id('kvm2')}/"
    answer = operator.post(f"{host}retry/")
    assert answer.status_code == 409
    assert answer.json()["legal"] == ["skip"]
    assert operator.post(f"{host}skip/").json()["progress"]["skipped"] == 1


def test_a_failed_host_of_a_paused_run_can_be_retried(operator, inventory, run):
    Run.objects.update(state="Paused", paused_reason={"code": "host-failed"})
    Target.objects.filter(name="kvm2").update(state="Failed", detail="exit status 1")
    answer = operator.post(f"{RUNS}{run.id}/hosts/{inventory.id('kvm2')}/retry/")
    assert answer.status_code == 200, answer.content
    assert answer.json()["state"] == "Running"


@pytest.mark.parametrize("move", ["pause", "resume", "cancel"])
def test_an_unknown_run_is_404(operator, db, move):
    assert operator.post(f"{RUNS}{an_id()}/{move}/").status_code == 404


@pytest.mark.parametrize("move", ["retry", "skip"])
def test_a_host_that_the_run_does_not_have_is_404(operator, inventory, run, move):
    assert operator.post(f"{RUNS}{run.id}/hosts/{inventory.id('kvm5')}/{move}/").status_code == 404
    assert operator.post(f"{RUNS}{run.id}/hosts/{an_id()}/{move}/").status_code == 404


def test_a_steering_body_has_no_fields(operator, run):
    answer = operator.post(f"{RUNS}{run.id}/pause/", {"reason": "x"})
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "reason"


def test_a_repeated_pause_with_its_key_is_no_second_pause(operator, run):
    first = operator.post(f"{RUNS}{run.id}/pause/", key="k1")
    again = operator.post(f"{RUNS}{run.id}/pause/", key="k1")
    assert (again.status_code, again.json()) == (200, first.json())
    assert AuditEntry.objects.filter(actor="operator").count() == 1


def test_a_host_is_taken_out_by_hand_and_asked_back(operator, inventory):
    host = f"hosts/{inventory.id('kvm1')}/"
    taken = operator.post(f"{host}prepare-for-maintenance/", {"reason": "new memory"})
    assert taken.status_code == 202, taken.content
    assert (taken.json()["kind"], taken.json()["reason"]) == ("host", "new memory")
    assert operator.get(f"{RUNS}?kind=host").json()["results"][0]["id"] == taken.json()["id"]
    refused = operator.post(f"{host}cancel-maintenance/")
    assert refused.status_code == 409
    Target.objects.update(state="InMaintenance")
    Run.objects.update(state="Running")
    returned = operator.post(f"{host}cancel-maintenance/")
    assert returned.status_code == 202, returned.content
    assert returned.json()["id"] == taken.json()["id"]


def test_a_host_of_a_run_is_not_taken_by_hand(operator, inventory, run):
    answer = operator.post(f"hosts/{inventory.id('kvm1')}/prepare-for-maintenance/")
    assert answer.status_code == 409
    assert answer.json()["owner"]["run"] == str(run.id)


def test_a_host_that_others_took_is_never_touched(operator, inventory):
    Host.objects.filter(name="kvm1").update(resource_state="Maintenance")
    for move in ("prepare-for-maintenance", "cancel-maintenance"):
        answer = operator.post(f"hosts/{inventory.id('kvm1')}/{move}/")
        assert answer.status_code == 409
        assert "others" in answer.json()["detail"]
    assert not Run.objects.exists()


def test_a_host_held_by_hand_has_nothing_to_pause(operator, inventory):
    run = operator.post(f"hosts/{inventory.id('kvm1')}/prepare-for-maintenance/").json()
    Run.objects.filter(id=run["id"]).update(state="Running")
    assert operator.get(f"{RUNS}{run['id']}/").json()["moves"] == ["cancel"]


def test_an_unknown_host_is_404(operator, db):
    for move in ("prepare-for-maintenance", "cancel-maintenance"):
        assert operator.post(f"hosts/{an_id()}/{move}/").status_code == 404


def test_a_viewer_is_refused_before_the_id_is_looked_at(viewer, inventory, run):
    for path in (
        f"{RUNS}{run.id}/pause/",
        f"{RUNS}{an_id()}/pause/",
        f"hosts/{inventory.id('kvm1')}/cancel-maintenance/",
    ):
        answer = viewer.post(path)
        assert answer.status_code == 403
        assert answer.json()["detail"] == (
            "your role, viewer, may not POST here; operators and administrators may: ask one of them"
        )


def test_an_administrator_may_what_an_operator_may(inventory, run):
    assert api_of(make_person("administrator")).post(f"{RUNS}{run.id}/pause/").status_code == 200
