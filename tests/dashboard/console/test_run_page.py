"""A run's page while it goes on: the sentence, the hosts, and what can be done."""

import re

import pytest
from django.utils import timezone

from dashboard.screens.runs.usual import ON_THE_WAY, forget
from maintenance.actions import prepare_host
from maintenance.domain.states import TARGET_BEGUN, RunState, TargetState
from maintenance.models import Host, Instance
from tests.dashboard.console.run_page import page_of, part, sentence
from tests.dashboard.console.runs import (
    end_step,
    in_state,
    put_host,
    run_step,
    start_run,
)


def test_a_queued_run_says_that_nothing_has_been_touched(operator, inventory):
    run = start_run(inventory, "c1")

    assert sentence(page_of(operator, run)) == "Waiting for an engine. 3 hosts, nothing has been touched."


def test_while_all_hosts_are_checked_the_page_says_that_nothing_is_touched_before(operator, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    put_host(run, "kvm1", TargetState.READY)
    put_host(run, "kvm2", TargetState.CHECKING)

    page = page_of(operator, run)

    assert (
        sentence(page) == "Checking all 3 hosts first. 1 passed so far, nothing is touched before all have."
    )


def test_the_host_at_work_is_open_with_its_lane_its_movement_and_its_last_lines(operator, inventory):
    run = in_state(start_run(inventory, "c1", reason="Kernel"), RunState.RUNNING)
    moved = Instance.objects.get(name="i-kvm1")
    put_host(run, "kvm1", TargetState.DONE, instances_before=[[str(moved.id), moved.name]])
    target = put_host(run, "kvm2", TargetState.WORKING)
    end_step(target, "Drain", movement={"moved": 7, "left": 0, "total": 7}, script="")
    run_step(target, "Maintenance", printed=b"unpacking\nInstalling kernel modules\n")

    page = page_of(operator, run)
    now = part(page, "run-now")

    assert sentence(page) == "1 of 3 hosts finished. kvm2 is working."
    assert re.search(r'<li data-state="Working" data-out aria-current="step">.*?<b>Working</b>', now)
    assert "7 of 7 instances moved, 0 left" in now
    assert "<b>Installing kernel modules</b>" in now
    assert f"/rolling/{run.id}/hosts/{target.host_id}/stages/Maintenance/output/" in now
    assert "out of service since" in now
    assert "1 instance moved" in part(page, "run-finished")


def test_a_drain_says_how_many_have_moved_and_which_moves_now(operator, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    target = put_host(run, "kvm1", TargetState.DRAINING)
    run_step(target, "Drain", script="", movement={"moved": 7, "left": 5, "total": 12, "moving": "web-3"})

    assert "7 of 12 instances moved, 5 left, now web-3" in part(page_of(operator, run), "run-now")


def test_a_waiting_host_says_why_it_waits(operator, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    put_host(run, "kvm1", TargetState.READY, detail="kvm4 is out of service, limit 1")
    put_host(run, "kvm2", TargetState.READY)
    put_host(run, "kvm3", TargetState.READY)

    waiting = part(page_of(operator, run), "run-next")

    assert "Not yet: kvm4 is out of service, limit 1." in waiting
    assert "Its turn comes after kvm1." in waiting
    assert "Its turn comes after kvm2." in waiting


def test_a_waiting_host_that_will_not_leave_service_says_so_and_moves_nothing(operator, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    put_host(run, "kvm1", TargetState.READY)
    put_host(run, "kvm2", TargetState.READY, not_needed="PreFlight: exit status 70")
    put_host(run, "kvm3", TargetState.READY)
    Host.objects.filter(name="kvm1").update(
        hooks={"PreFlight": {"present": True}, "Maintenance": {"present": False}}
    )

    waiting = part(page_of(operator, run), "run-next")

    assert waiting.count("1 instance stays on it") == 2
    assert "it stays in service: it has no Maintenance script." in waiting
    assert "it stays in service: PreFlight: exit status 70." in waiting
    assert waiting.count("→") == 1


@pytest.mark.parametrize(
    ("state", "columns", "says"),
    [
        (RunState.QUEUED, {}, "No host is at work yet: nothing is touched before the run begins."),
        (RunState.RUNNING, {}, "No host is at work just now. The next one starts in a moment."),
        (RunState.RUNNING, {"pausing": True}, "No host is at work. The run pauses in a moment."),
        (RunState.PAUSED, {}, "No host is at work. Nothing starts until somebody resumes."),
        (RunState.STOPPING, {}, "No host is at work any more. The run ends in a moment."),
    ],
)
def test_between_two_hosts_the_part_of_those_at_work_stays_and_says_why_it_is_empty(
    operator, inventory, state, columns, says
):
    run = in_state(start_run(inventory, "c1"), state, **columns)
    put_host(run, "kvm1", TargetState.DONE)
    for name in ("kvm2", "kvm3"):
        put_host(run, name, TargetState.READY)

    now = part(page_of(operator, run), "run-now")

    assert " hidden" not in now.partition(">")[0]
    assert says in now


@pytest.mark.parametrize("state", sorted(TARGET_BEGUN | {TargetState.CHECKING}))
def test_in_each_stage_the_host_at_work_is_shown(operator, inventory, state):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    target = put_host(run, "kvm2", state)

    now = part(page_of(operator, run), "run-now")

    assert " hidden" not in now.partition(">")[0]
    assert f'id="now-{target.id}"' in now


def test_when_the_run_is_over_nobody_is_said_to_be_at_work(operator, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.SUCCEEDED, finished_at=timezone.now())
    for name in ("kvm1", "kvm2", "kvm3"):
        put_host(run, name, TargetState.DONE)

    page = page_of(operator, run)

    assert " hidden" in part(page, "run-now").partition(">")[0]
    assert "Done, by time" not in page


def test_buttons_say_what_they_do(operator, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    target = put_host(run, "kvm1", TargetState.WORKING)
    run_step(target, "Maintenance")

    steering = part(page_of(operator, run), "run-steering")

    assert "Pause after this host" in steering
    assert "kvm1 finishes and returns to service" in steering
    assert "kvm1 is returned to service first. 2 hosts stay untouched." in steering
    assert f'formaction="/rolling/{run.id}/cancel/"' in steering


@pytest.mark.parametrize("state", [TargetState.PREPARING, TargetState.VERIFYING])
def test_a_host_in_service_stays_there_when_the_run_is_stopped(operator, inventory, state):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    put_host(run, "kvm3", state)

    steering = part(page_of(operator, run), "run-steering")

    assert "Its script is ended; kvm3 is in service and stays there. 2 hosts stay untouched." in steering
    assert "kvm3 is in service and finishes its way. Then nothing starts" in steering
    assert "returned to service" not in steering


@pytest.mark.parametrize(("known", "is_told"), [(ON_THE_WAY, True), (["Maintenance", "Return"], False)])
def test_how_long_a_pause_takes_is_told_where_every_stage_to_come_is_known(
    operator, inventory, monkeypatch, known, is_told
):
    monkeypatch.setattr(
        "dashboard.screens.runs.usual.usual_stage_times", lambda: dict.fromkeys(known, (10, 20))
    )
    forget()
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    run_step(put_host(run, "kvm1", TargetState.WORKING), "Maintenance", ago_s=1)

    steering = part(page_of(operator, run), "run-steering")
    forget()

    assert ("kvm1 finishes and returns to service, about" in steering) == is_told


def test_a_run_whose_hosts_in_turn_are_all_held_says_so_and_promises_no_end(operator, inventory, monkeypatch):
    monkeypatch.setattr(
        "dashboard.screens.runs.usual.usual_stage_times", lambda: dict.fromkeys(ON_THE_WAY, (10, 20))
    )
    forget()
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    for name in ("kvm1", "kvm2", "kvm3"):
        put_host(run, name, TargetState.READY)
    held = put_host(run, "kvm1", TargetState.READY, detail="no room in the cluster for web-1")
    run_step(held, "PreMaintenance", state="Pending")

    said = sentence(page_of(operator, run))
    forget()

    assert said == "Held: kvm1 waits. No room in the cluster for web-1."


def test_a_host_held_by_hand_is_returned_or_stopped_and_nothing_else(operator, inventory, monkeypatch):
    monkeypatch.setattr(
        "dashboard.screens.runs.usual.usual_stage_times", lambda: dict.fromkeys(ON_THE_WAY, (10, 20))
    )
    forget()
    run = in_state(prepare_host(inventory.hosts["kvm2"].id, actor="ada"), RunState.RUNNING)
    target = put_host(run, "kvm2", TargetState.IN_MAINTENANCE, out_at=timezone.now())
    end_step(target, "Drain", script="")

    page = page_of(operator, run)
    steering, now = part(page, "run-steering"), part(page, "run-now")
    forget()

    assert sentence(page) == "kvm2 is out of service. It is held until a person returns it."
    assert f'formaction="/hosts/{target.host_id}/return/"' in steering
    assert "kvm2 is returned to service; the run counts as cancelled." in steering
    assert "Pause" not in steering
    assert "script is ended" not in steering
    assert re.findall(r'<li data-state="(\w+)".*?<b>(\w+)</b>', now)[:3] == [
        ("Skipped", "Checking"), ("Skipped", "Preparing"), ("Done", "Draining"),
    ]  # fmt: skip


def test_whoever_may_only_look_sees_the_buttons_disabled_with_the_reason(viewer, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)

    page = page_of(viewer, run)

    assert "Your role is viewer. Operators and administrators can do this." in part(page, "run-steering")
    assert f"/rolling/{run.id}/pause/" not in page
    assert "/skip/" not in page
