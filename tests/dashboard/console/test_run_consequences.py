"""What buttons and sentences say will happen is what the gate and the order of turns let happen."""

from datetime import timedelta

import pytest
from django.utils import timezone

from dashboard.screens.run.percent import run_percent
from dashboard.screens.runs.usual import forget
from maintenance.domain.states import OnFailure, RunState, TargetState
from maintenance.engine.attention import Cause, ask_for_person
from maintenance.feed import unit_of_work
from maintenance.models import Attention, EngineProcess, Host, Run, Step, Target
from tests.dashboard.console.places import go_out, text_of
from tests.dashboard.console.run_page import page_of, part, sentence
from tests.dashboard.console.runs import end_step, failed_and_paused, in_state, put_host, run_step, start_run
from tests.dashboard.inventory import Inventory

OF_A_HOST = {
    "PreFlight": 2, "PreMaintenance": 3, "Drain": 60, "Maintenance": 240, "Return": 20, "PostMaintenance": 10,
}  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_is_known_from_another_test():
    forget()
    yield
    forget()


@pytest.fixture
def lost(inventory) -> Run:
    """kvm1 of c1 did not come back, and holds the limit; kvm2 and kvm3 wait."""
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    run.targets.update(state=TargetState.READY, preflight_at=timezone.now())
    go_out(put_host(run, "kvm1", TargetState.NEEDS_PERSON, out_at=timezone.now()))
    Host.objects.filter(name="kvm1").update(state="Disconnected")
    return run


def learned(inventory: Inventory) -> None:
    """An earlier run over c2, of which each stage's usual time is known."""
    earlier = in_state(start_run(inventory, "c2"), RunState.SUCCEEDED)
    for name in ("kvm4", "kvm5", "kvm6"):
        target = put_host(earlier, name, TargetState.DONE, is_open=False)
        for stage, took_s in OF_A_HOST.items():
            step = end_step(target, stage, took_s=took_s)
            if stage == "Drain":
                Target.objects.filter(id=target.id).update(out_at=step.started)
    Target.objects.filter(run=earlier).update(is_open=False, attempt=1)
    forget()


def steering(client, run: Run) -> str:
    return text_of(part(page_of(client, run), "run-steering"))


def held(run: Run, name: str, why: str) -> Target:
    target = put_host(run, name, TargetState.READY, detail=why)
    run_step(target, "PreMaintenance", state="Pending")
    return target


def flagged(run: Run, name: str) -> str:
    target = run.targets.get(name=name)
    with unit_of_work() as work:
        ask_for_person(work, Cause.HOST_NOT_BACK, run=run, target=target, message="it is away")
    return f"/needs-a-person/{Attention.objects.get(target=target).id}/"


def test_resume_says_that_nothing_moves_while_a_lost_host_holds_the_limit(operator, lost):
    in_state(lost, RunState.PAUSED)

    says = steering(operator, lost)

    assert "kvm2 waits until kvm1 is back: nothing moves before." in says
    assert "Goes on with" not in says


def test_resume_says_that_the_next_host_fails_where_others_have_it(operator, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.PAUSED)
    run.targets.update(state=TargetState.READY, preflight_at=timezone.now())
    Run.objects.filter(id=run.id).update(max_unavailable=3)
    put_host(run, "kvm1", TargetState.DONE)
    put_host(run, "kvm3", TargetState.DONE)
    Host.objects.filter(name="kvm2").update(resource_state="Maintenance")

    says = steering(operator, run)

    assert "kvm2 is next, and fails at once: the host is Up and Maintenance, not Up and Enabled." in says
    assert "The run pauses again." in says


def test_pause_and_stop_know_by_the_ledger_who_is_out(operator, lost):
    says = steering(operator, lost)

    assert "kvm1 stays out of service until a person returns it. Nothing starts until you resume." in says
    assert "No host is out of service" not in says


def test_out_of_service_counts_the_cluster_that_comes_next_and_names_later_ones(operator, inventory):
    run = in_state(start_run(inventory, "c1", "c2"), RunState.RUNNING)
    Host.objects.filter(name__in=["kvm3", "kvm6"]).update(resource_state="Maintenance")

    progress = text_of(part(page_of(operator, run), "run-progress"))

    assert "1 of 1 allowed out" in progress
    assert "1 more is out in clusters whose turn comes later" in progress


def test_skip_does_not_say_of_a_host_in_maintenance_that_it_stays_in_service(operator, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    Host.objects.filter(name="kvm3").update(resource_state="Maintenance")

    waiting = part(page_of(operator, run), "run-next")

    assert "kvm3 is left as it is, in Maintenance and not by this run" in waiting
    assert "kvm3 stays in service" not in waiting
    assert "kvm2 stays in service" in waiting


@pytest.mark.parametrize(
    ("ago_s", "agent", "why"),
    [
        (1000, "Up", "not known: kvm1 takes longer than usual"),
        (20, "Disconnected", "not known: kvm1 is away"),
    ],
)
def test_of_a_host_that_is_late_or_away_no_time_is_promised(operator, inventory, ago_s, agent, why):
    learned(inventory)
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    run.targets.update(state=TargetState.READY, preflight_at=timezone.now())
    target = put_host(run, "kvm1", TargetState.WORKING)
    step = run_step(target, "Maintenance", ago_s=20)
    in_time = page_of(operator, run)
    Step.objects.filter(id=step.id).update(started=timezone.now() - timedelta(seconds=ago_s))
    Host.objects.filter(name="kvm1").update(state=agent)

    page = page_of(operator, run)

    assert "Ends" in sentence(in_time)
    assert "usually" in text_of(part(in_time, "run-steering"))
    assert why in text_of(part(page, "run-progress"))
    assert "Ends" not in sentence(page)
    assert "usually" not in text_of(part(page, "run-steering"))
    assert ", about" not in text_of(part(page, "run-steering"))


def test_a_run_does_not_go_on_while_the_same_host_holds_its_limit(operator, lost):
    held(lost, "kvm2", "kvm1 is out of service, limit 1")

    standing = text_of(page_of_need(operator, flagged(lost, "kvm1")))

    assert f"Nothing moves in run {lost.number}: kvm2 waits, and nothing starts before." in standing
    assert f"Run {lost.number} goes on." not in standing


def page_of_need(client, url: str) -> str:
    return str(client.get(url).text).replace("\N{NO-BREAK SPACE}", " ")


def test_a_machine_whose_agent_is_up_is_not_to_be_brought_up(operator, lost):
    url = flagged(lost, "kvm1")
    away = text_of(page_of_need(operator, url))
    Host.objects.filter(name="kvm1").update(state="Up")

    up = text_of(page_of_need(operator, url))

    assert "Bring the machine up" in away
    assert "Bring the machine up" not in up
    assert "Its agent is Up: look whether the machine is well, then return it to service here." in up


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        (OnFailure.PAUSE, "Then it counts as failed, and run {} pauses for you to decide."),
        (OnFailure.STOP, "Then it counts as failed, and run {} stops."),
        (OnFailure.SKIP, "Then it counts as failed."),
    ],
)
def test_returning_a_lost_host_says_what_its_run_does_then(operator, lost, rule, says):
    Run.objects.filter(id=lost.id).update(on_failure=rule)
    host = lost.targets.get(name="kvm1").host_id

    on_need = text_of(page_of_need(operator, flagged(lost, "kvm1")))
    on_host = text_of(page_of_need(operator, f"/hosts/{host}/"))

    assert says.format(lost.number) in on_need
    assert says.format(lost.number) in on_host


def test_a_lost_host_is_not_finished_and_hosts_not_begun_count(operator, lost):
    put_host(lost, "kvm2", TargetState.DONE)
    put_host(lost, "kvm3", TargetState.READY, attempt=2)

    assert "1 of 3 hosts finished." in sentence(page_of(operator, lost))
    share = run_percent(Run.objects.get(id=lost.id))
    assert share is not None
    assert 33 < share < 67


def test_a_waiting_host_could_not_start_while_a_lost_one_holds_the_limit(operator, lost):
    in_state(lost, RunState.PAUSED)

    waiting = text_of(part(page_of(operator, lost), "run-next"))

    assert "Could start now: no, kvm1 is out of service, limit 1" in waiting
    assert "Could start now: yes" not in waiting


def test_the_overview_tells_paused_and_held_runs_as_such(operator, inventory):
    EngineProcess.objects.create(host_name="node1", pid=7, version="1")
    one, two = start_run(inventory, "c1"), start_run(inventory, "c2")
    in_state(one, RunState.PAUSED)
    in_state(two, RunState.PAUSED)
    both_paused = operator.get("/").text
    in_state(two, RunState.RUNNING)
    mixed = operator.get("/").text
    two.targets.update(state=TargetState.READY, preflight_at=timezone.now())
    held(two, "kvm4", "kvm6 is out of service, limit 1")
    one_held = operator.get("/").text
    failed_and_paused(one, "kvm1", "exit status 1")

    assert sentence(both_paused) == "Two runs are paused. Nothing starts until somebody resumes."
    assert "Two runs are in progress, one of them is paused." in sentence(mixed)
    assert "Two runs are in progress, one of them is paused and one of them is held." in sentence(one_held)
    assert "Held" in text_of(one_held.partition("<h1")[2])
    assert "Held" in text_of(part(page_of(operator, two), "run-head"))
    assert text_of(operator.get("/rolling/").text).count("Held") == 1


def test_the_usual_time_beside_a_host_is_of_the_stage_that_is_shown(operator, inventory):
    learned(inventory)
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    target = put_host(run, "kvm1", TargetState.PREPARING)
    step = run_step(target, "Drain", ago_s=1)
    between = text_of(part(page_of(operator, run), "now-" + str(target.id)).partition("</p>")[0])
    put_host(run, "kvm1", TargetState.DRAINING)

    draining = text_of(part(page_of(operator, run), "now-" + str(target.id)).partition("</p>")[0])

    assert step.stage == "Drain"
    assert "in Preparing" in between
    assert "usually" not in between
    assert "usually" in draining
