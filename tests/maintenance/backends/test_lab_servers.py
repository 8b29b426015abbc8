"""The lab's management servers go through every row of CloudStack's table, each at the moment it was due."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from maintenance.backends.base import Never
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import Agent, PendingJob
from maintenance.domain.servers import TRANSITIONS, ServerMove, ServerState, states_for
from tests.maintenance.backends.lab_hosts import KVM1, MS1, MS2, MS3, set_lab, soon
from tests.maintenance.backends.lab_servers import (
    begin_jobs,
    bring_into,
    cancel,
    let_pass,
    listed,
    look_at,
    moments,
    no_jobs,
    prepare,
    row_of,
    state_of,
)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

WINDOW_S = 3600
ASK: dict[ServerMove, Callable[[LabCloud, UUID], None]] = {
    ServerMove.PREPARE: lambda lab, server: prepare(lab, server),
    ServerMove.CANCEL: lambda lab, server: cancel(lab, server),
    ServerMove.PREPARE_SHUTDOWN: lambda lab, server: lab.prepare_server_shutdown(server, expires_at=soon()),
    ServerMove.TRIGGER_SHUTDOWN: lambda lab, server: lab.trigger_server_shutdown(server, expires_at=soon()),
    ServerMove.CANCEL_SHUTDOWN: lambda lab, server: lab.cancel_server_shutdown(server, expires_at=soon()),
}
ASKED_FOR = [(t.before, t.by, t.after) for t in TRANSITIONS if t.by is not None]
NOT_POSSIBLE = [
    (move, state) for move in ServerMove for state in ServerState if state not in states_for(move)
]


@pytest.mark.parametrize(("before", "move", "after"), ASKED_FOR)
def test_what_the_table_allows_is_accepted_and_brings_the_state_it_names(
    lab: LabCloud, before: ServerState, move: ServerMove, after: ServerState
):
    bring_into(lab, MS1, before)
    begin_on_blocked(MS1)  # so that it stays where the request brings it

    ASK[move](lab, MS1)

    assert state_of(lab, MS1) == after
    assert [state for _, state in moments(MS1)][-1] == after


def begin_on_blocked(server: UUID) -> None:
    """A job that never ends, also where none can begin any more."""
    job = PendingJob.objects.first()
    if job is None:
        begin_jobs(MS3, None)
        job = PendingJob.objects.get()
    PendingJob.objects.filter(id=job.id).update(management_server_id=server, ends=None, recurs=False)


@pytest.mark.parametrize(("move", "state"), NOT_POSSIBLE)
def test_what_the_table_does_not_allow_is_refused_and_changes_nothing(
    lab: LabCloud, move: ServerMove, state: ServerState
):
    bring_into(lab, MS1, state)

    with pytest.raises(Never, match=f"{state}: {move} is not possible"):
        ASK[move](lab, MS1)

    assert state_of(lab, MS1) == state


def test_a_server_without_work_arrives_in_maintenance_at_once_and_its_agents_are_elsewhere(lab: LabCloud):
    no_jobs()
    agents = agents_of(lab, MS1, MS2, MS3)
    prepare(lab, MS1)

    let_pass(60)

    assert state_of(lab, MS1) == "Maintenance"
    assert listed(lab, MS1).agents == 0
    assert agents_of(lab, MS2, MS3) == agents
    assert listed(lab, MS1).window_ends_at is None


def test_agents_begin_to_leave_when_the_last_job_has_ended_not_before(lab: LabCloud):
    no_jobs()
    begin_jobs(MS1, 40)
    before = listed(lab, MS1).agents
    prepare(lab, MS1)

    let_pass(39)
    assert (state_of(lab, MS1), listed(lab, MS1).agents) == ("PreparingForMaintenance", before)
    assert row_of(MS1).handed_over_at is None

    ends = PendingJob.objects.get().ends
    let_pass(1.5)
    assert state_of(lab, MS1) in ("PreparingForMaintenance", "Maintenance")
    handed_over = row_of(MS1).handed_over_at
    assert handed_over is not None
    assert ends is not None
    assert handed_over - ends == timedelta(seconds=-1.5), "time was moved by that much since"


def test_a_lab_that_nobody_watched_tells_the_same_story(lab: LabCloud):
    no_jobs()
    begin_jobs(MS1, 40)
    prepare(lab, MS1)
    job = PendingJob.objects.get()
    assert job.ends is not None
    lasts = job.ends - moments(MS1)[0][0]

    let_pass(3000)

    assert state_of(lab, MS1) == "Maintenance"
    (asked, _), (arrived, state) = moments(MS1)
    assert state == "Maintenance"
    assert lasts < arrived - asked < lasts + timedelta(seconds=10), "not when somebody looked"


def agents_of(lab: LabCloud, *servers: UUID) -> int:
    return sum(listed(lab, server).agents for server in servers)


def test_nothing_runs_in_the_background_of_a_server_in_maintenance(lab: LabCloud):
    set_lab(start_tasks_s=30)
    names = listed(lab, MS1).tasks
    assert all(names.values())
    assert any("8250" in name for name in names)

    bring_into(lab, MS1, "Maintenance")
    assert listed(lab, MS1).tasks == dict.fromkeys(names, False)

    cancel(lab, MS1)
    assert state_of(lab, MS1) == "Up"
    assert not any(listed(lab, MS1).tasks.values()), "they take a moment to start"
    let_pass(31)
    assert listed(lab, MS1).tasks == dict.fromkeys(names, True)


@pytest.mark.parametrize("forced", [False, True])
def test_the_window_ends_at_the_settings_minutes(lab: LabCloud, forced: bool):
    set_lab(maintenance_timeout_min=2.5)
    no_jobs()
    begin_jobs(MS1, None)
    prepare(lab, MS1, forced=forced)
    asked = moments(MS1)[0][0]
    read = listed(lab, MS1)
    assert read.window_ends_at == asked + timedelta(seconds=150)
    assert read.is_forced is forced

    let_pass(149)
    assert state_of(lab, MS1) == "PreparingForMaintenance"
    let_pass(500)

    assert state_of(lab, MS1) == ("Maintenance" if forced else "Up")
    (asked, _), (ended, _) = moments(MS1)
    assert ended - asked == timedelta(seconds=150)


def test_a_window_that_ends_without_force_leaves_the_job_and_takes_new_work_again(lab: LabCloud):
    no_jobs()
    begin_jobs(MS1, None)
    prepare(lab, MS1)

    let_pass(WINDOW_S + 1)

    assert [job.management_server_id for job in lab.read_servers().jobs] == [MS1]
    assert lab.read_servers().cut_off == ()
    begin_jobs(MS1, 10)


def test_a_window_that_ends_with_force_ends_the_jobs_by_name_and_lists_them(lab: LabCloud):
    no_jobs()
    begin_jobs(MS1, None, count=2, account="clinic")
    prepare(lab, MS1, forced=True)

    let_pass(WINDOW_S + 1)

    assert state_of(lab, MS1) == "Maintenance"
    read = lab.read_servers()
    assert read.jobs == ()
    assert {job.resource_name for job in read.cut_off} == {"clinic-1", "clinic-2"}
    for job in read.cut_off:
        assert (job.command, job.account, job.management_server_id) == ("StartVMCmdByAdmin", "clinic", MS1)
        assert job.server_name == listed(lab, MS1).name
        assert "forced" in job.why


def test_a_host_that_will_not_empty_holds_its_server_and_says_why_unless_the_setting_leaves_it_out(
    lab: LabCloud,
):
    no_jobs()
    set_lab(move_min_s=3000, move_s_per_gb=0)
    lab.read_servers()
    Agent.objects.filter(host_id=KVM1).update(server_id=MS1)
    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    prepare(lab, MS1)

    let_pass(60)
    look = look_at(lab, MS1)
    assert look.server.state == "PreparingForMaintenance"
    assert look.agents_stuck == 1
    assert [agent.id for agent in look.agents if "PrepareForMaintenance" in agent.stuck] == [KVM1]

    set_lab(ignore_maintenance_hosts=1)
    let_pass(1)
    assert state_of(lab, MS1) == "Maintenance"


def test_a_forced_window_takes_a_server_into_maintenance_whose_agent_would_not_go(lab: LabCloud):
    no_jobs()
    set_lab(move_min_s=1_000_000, move_s_per_gb=0, maintenance_timeout_min=5)
    lab.read_servers()
    Agent.objects.filter(host_id=KVM1).update(server_id=MS1)
    lab.prepare_for_maintenance(KVM1, expires_at=soon())
    prepare(lab, MS1, forced=True)
    let_pass(299)
    assert look_at(lab, MS1).agents_stuck == 1

    let_pass(2)
    assert state_of(lab, MS1) == "Maintenance"
    assert not any(listed(lab, MS1).tasks.values())
    let_pass(5)

    assert listed(lab, MS1).agents == 0, "nobody listens there: its agent connected elsewhere"
    assert not Agent.objects.filter(server=None).exists()


def test_an_algorithm_of_its_own_gives_the_agents_lists_by_it(lab: LabCloud):
    no_jobs()
    lab.read_servers()
    goers = list(Agent.objects.filter(server_id=MS1, is_direct=False).values_list("id", flat=True))
    prepare(lab, MS1, algorithm="static")

    let_pass(60)

    assert state_of(lab, MS1) == "Maintenance"
    assert set(Agent.objects.filter(id__in=goers).values_list("server_id", flat=True)) == {MS2}


@pytest.mark.parametrize("at_s", [0, 5, 9.99, 10.01, 10.5, 11, 12, 13, 20, 60])
def test_a_maintenance_may_be_cancelled_at_every_moment_and_the_agents_are_home_two_seconds_later(
    lab: LabCloud, at_s: float
):
    no_jobs()
    lab.read_servers()
    home = dict(Agent.objects.values_list("id", "server_id"))
    begin_jobs(MS1, 10)
    prepare(lab, MS1)
    let_pass(at_s)

    cancel(lab, MS1)
    assert state_of(lab, MS1) == "Up"
    let_pass(2)

    assert state_of(lab, MS1) == "Up"
    assert listed(lab, MS1).window_ends_at is None
    lab.read_servers()
    assert dict(Agent.objects.values_list("id", "server_id")) == home
    begin_jobs(MS1, 1)


def test_without_rebalance_the_agents_come_home_with_their_check_interval(lab: LabCloud):
    bring_into(lab, MS1, "Maintenance")

    cancel(lab, MS1, rebalance=False)
    let_pass(1)
    assert listed(lab, MS1).agents == 0
    let_pass(90)

    assert listed(lab, MS1).agents > 0
