"""The overview's sentence, and what stands beneath it."""

from datetime import timedelta

import pytest

from maintenance.domain.states import RunState, TargetState
from maintenance.models import Attention, EngineProcess, HostOut, Instance
from tests.dashboard.console.runs import in_state, put_host, run_step, start_run


@pytest.fixture(autouse=True)
def an_engine_runs(db):
    EngineProcess.objects.create(host_name="node1", pid=7, version="1")


def sentence(page: str) -> str:
    head = page.partition("<h1")[2].partition("</h1>")[0]
    return " ".join(
        head.partition(">")[2]
        .replace("<em>", "")
        .replace("</em>", "")
        .replace("\N{NO-BREAK SPACE}", " ")
        .split()
    )


def test_nothing_to_do_is_said_first(operator, inventory):
    page = operator.get("/").text

    assert sentence(page) == "All quiet. 6 hosts in service."
    assert "6 of 6 instances running" in page.replace("\N{NO-BREAK SPACE}", " ")


def test_a_host_that_is_down_is_not_quiet(operator, inventory):
    host = inventory.hosts["kvm1"]
    host.state = "Down"
    host.save()

    assert sentence(operator.get("/").text) == "One host is not in service. No run is in progress."


def test_a_cloud_that_cannot_be_read_turns_everything_unknown_and_nothing_stays_green(operator, inventory):
    inventory.was_last_read(timedelta(minutes=5))

    page = operator.get("/").text

    assert sentence(page) == "lab cannot be read. What is shown is the last that was known."
    cells = page.partition('id="overview-clusters"')[2].partition("panel-foot")[0]
    assert 'data-state="Up"' not in cells
    assert cells.count('<li data-state="Unknown"') == 6
    assert "instances unknown" in page


def test_a_host_at_work_and_what_needs_a_person_are_counted_in_words(operator, inventory):
    run = in_state(start_run(inventory, "c1", reason="Kernel 6.1"), RunState.RUNNING)
    target = put_host(run, "kvm2", TargetState.WORKING)
    run_step(target, "Maintenance")
    Attention.objects.create(cause="no-room", title="kvm3 is held", message="no room", run=run, target=target)

    page = operator.get("/").text

    assert sentence(page) == "One host is at work. One thing needs a person."
    assert "Kernel 6.1" in page
    assert "kvm3 is held" in page
    assert "nobody has it yet" in page


def test_an_instance_that_ran_before_its_host_left_and_does_not_run_now_is_counted_as_stopped(
    operator, inventory
):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    lost = Instance.objects.get(name="i-kvm1")
    put_host(run, "kvm1", TargetState.WORKING, instances_before=[[str(lost.id), lost.name]])
    lost.state = "Stopped"
    lost.save()

    page = operator.get("/").text.replace("\N{NO-BREAK SPACE}", " ")

    assert "5 of 6 instances running" in page
    assert "1 stopped" in page
    assert "1 tenant affected" in page


def test_a_host_in_maintenance_that_we_did_not_take_out_is_taken_by_others(operator, inventory):
    host = inventory.hosts["kvm4"]
    host.resource_state = "Maintenance"
    host.save()

    page = operator.get(f"/hosts/{host.id}/").text

    assert "Taken by others" in page
    assert "Others took it out: Pitstop never touches it." in page


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_only_who_may_gets_the_button_that_takes_a_problem(role, request, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    Attention.objects.create(cause="overdue", title="late", message="late", run=run)

    page = request.getfixturevalue(role).get("/").text

    assert ("I take it" in page) == (role == "operator")


def test_a_host_we_took_out_and_have_not_seen_back_needs_a_person_after_its_run(operator, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.FAILED)
    target = put_host(run, "kvm1", TargetState.NEEDS_PERSON, is_open=False)
    HostOut.objects.create(host_id=target.host_id, cluster_id=target.cluster_id, run=run, target=target)

    page = operator.get(f"/hosts/{target.host_id}/").text

    assert "kvm1 needs a person." in page
    assert f'formaction="/hosts/{target.host_id}/return/"' in page
