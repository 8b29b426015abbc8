"""A management server goes into maintenance and comes back, by the engine, on the lab."""

import re

import pytest

from maintenance import actions as all_actions
from maintenance.actions import servers as actions
from maintenance.models import Attention, CutOffJob, Step, Target
from tests.maintenance.engine.server_lab import make_server_lab, stages_of
from tests.maintenance.engine.small_lab import ended, engine_running, state_of, target_of
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

WINDOW_MIN = 0.06  # long enough for a busy engine to see what is left before it ends


@pytest.fixture
def servers(lab):
    return make_server_lab(lab)


def held(run, server="mgmt2"):
    return wait_until(
        lambda: Target.objects.filter(run=run, name=server, state="InMaintenance").first(), within_s=20
    )


def movement(run):
    step = Step.objects.filter(run=run).order_by("-started").first()
    return step.movement if step else {}


def test_a_server_waits_for_its_jobs_hands_its_agents_over_and_is_held_in_maintenance(servers):
    servers.jobs("mgmt2", count=2)
    run = servers.prepare("mgmt2")
    with engine_running():
        wait_until(lambda: movement(run).get("jobs_left") == 2, within_s=20)
        agents = servers.agents("mgmt2")
        assert agents > 0
        servers.end_jobs("mgmt2")
        held(run)

    assert servers.state("mgmt2") == servers.seen("mgmt2") == "Maintenance"
    assert (servers.agents("mgmt2"), movement(run)["agents_left"], movement(run)["jobs_left"]) == (0, 0, 0)
    assert servers.agents("mgmt1") + servers.agents("mgmt3") >= agents
    assert stages_of(run, "mgmt2") == [("PrepareForMaintenance", "ok")]
    assert state_of(run) == "Running"
    assert not any(movement(run)["tasks"].values())


def test_cancelled_it_is_up_and_its_agents_are_home(servers):
    run = servers.prepare("mgmt2")
    before = servers.agents("mgmt2")
    with engine_running():
        held(run)
        actions.cancel_server_maintenance(servers.servers["mgmt2"], actor="operator")
        ended(run)
        wait_until(lambda: servers.agents("mgmt2") == before, within_s=20)

    assert state_of(run) == "Succeeded"
    assert servers.state("mgmt2") == "Up"
    assert stages_of(run, "mgmt2") == [("PrepareForMaintenance", "ok"), ("CancelMaintenance", "ok")]


def test_it_can_be_cancelled_while_it_still_prepares(servers):
    servers.jobs("mgmt2")
    run = servers.prepare("mgmt2")
    with engine_running():
        servers.in_state("mgmt2", "PreparingForMaintenance")
        wait_until(lambda: servers.seen("mgmt2") == "PreparingForMaintenance", within_s=20)
        actions.cancel_server_maintenance(servers.servers["mgmt2"], actor="operator")
        ended(run)

    assert servers.state("mgmt2") == "Up"
    assert target_of(run, "mgmt2").state == "Done"


def test_stopping_the_run_takes_the_server_back_too(servers):
    servers.jobs("mgmt2")
    run = servers.prepare("mgmt2")
    with engine_running():
        servers.in_state("mgmt2", "PreparingForMaintenance")
        all_actions.cancel_run(run.id, actor="operator")
        ended(run)

    assert (state_of(run), target_of(run, "mgmt2").state) == ("Cancelled", "Cancelled")
    assert servers.state("mgmt2") == "Up"


def test_at_the_end_of_its_window_it_is_up_again_and_a_person_is_told_what_was_left(servers):
    servers.configure(maintenance_timeout_min=WINDOW_MIN)
    servers.jobs("mgmt2")
    run = servers.prepare("mgmt2")
    with engine_running():
        ended(run)

    assert (state_of(run), servers.state("mgmt2")) == ("Failed", "Up")
    detail = target_of(run, "mgmt2").detail
    assert "window ended before it was ready: 1 job (StartVMCmdByAdmin of shop-1, for " in detail
    assert re.search(r" and 2 agents \([sv]-\d-VM, kvm\d\) were left; mgmt2 is Up again", detail)
    assert Attention.objects.get(resolved_at=None).cause == "server-failed"


def test_it_is_up_again_because_no_other_server_was_up_for_its_agents(servers):
    servers.jobs("mgmt2")
    run = servers.prepare("mgmt2")
    with engine_running():
        wait_until(lambda: movement(run).get("jobs_left") == 1, within_s=20)
        servers.kill("mgmt1")
        servers.kill("mgmt3")
        servers.end_jobs("mgmt2")
        ended(run)

    assert (state_of(run), servers.state("mgmt2")) == ("Failed", "Up")
    detail = target_of(run, "mgmt2").detail
    assert "no other server was Up for its agents: 2 agents (" in detail
    assert "not by this run" not in detail


def test_forced_it_is_in_maintenance_at_the_end_of_its_window_and_the_job_is_listed_to_reconcile(servers):
    servers.configure(maintenance_timeout_min=WINDOW_MIN)
    servers.jobs("mgmt2")
    run = servers.prepare("mgmt2", forced=True)
    with engine_running():
        held(run)
        servers.read()

    assert servers.state("mgmt2") == "Maintenance"
    cut_off = CutOffJob.objects.get()
    assert (cut_off.server_name, cut_off.name, cut_off.reconciled_at) == ("mgmt2", "StartVMCmdByAdmin", None)
