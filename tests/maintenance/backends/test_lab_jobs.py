"""Asynchronous jobs on the lab's management servers: begun, refused, counted, ended, replaced, cut off by name."""

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import PendingJob
from maintenance.domain.servers import BLOCKED
from tests.maintenance.backends.lab_hosts import MS1, MS2, MS3, set_lab
from tests.maintenance.backends.lab_servers import (
    begin_jobs,
    bring_into,
    kill,
    let_pass,
    listed,
    look_at,
    no_jobs,
    prepare,
    start,
    state_of,
)

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


def lab_command(*words: str) -> str:
    """What `manage.py lab` prints."""
    out = io.StringIO()
    call_command("lab", *words, stdout=out)
    return out.getvalue()


def test_jobs_begin_and_end_as_they_were_told(lab: LabCloud):
    no_jobs()
    assert "5 jobs StartVMCmdByAdmin of 30 s began on" in lab_command(
        "jobs", "start", "--server", "ms1", "--count", "5", "--seconds", "30"
    )

    let_pass(29)
    assert len(lab.read_servers().jobs) == 5
    assert listed(lab, MS1).pending_jobs == 5
    let_pass(1.1)

    assert lab.read_servers().jobs == ()
    assert listed(lab, MS1).pending_jobs == 0


@pytest.mark.parametrize("called", ["ms2", "mgmt2", "10.2.0.12", "ref-trl-711-k-M7-apanic-mgmt2", str(MS2)])
def test_a_server_is_found_by_what_people_call_it(lab: LabCloud, called: str):
    no_jobs()

    lab_command("jobs", "start", "--server", called)

    assert [job.management_server_id for job in lab.read_servers().jobs] == [MS2]


def test_a_server_nobody_knows_is_refused_naming_those_there_are(lab: LabCloud):
    with pytest.raises(
        CommandError, match=r"no management server of the lab is called 'ms9'; there are .*mgmt1"
    ):
        lab_command("server", "show", "ms9")


@pytest.mark.parametrize("state", sorted(BLOCKED))
def test_a_blocked_server_refuses_new_jobs_in_words(lab: LabCloud, state: str):
    bring_into(lab, MS1, state)
    before = PendingJob.objects.count()

    with pytest.raises(CommandError, match=r"mgmt1 is .*: new work is refused, try again in about"):
        lab_command("jobs", "start", "--server", "ms1")

    assert PendingJob.objects.count() == before


def test_a_job_that_never_ends_shows_no_progress_and_is_ended_by_hand(lab: LabCloud):
    no_jobs()
    lab_command("jobs", "start", "--server", "ms1", "--never-ends", "--command", "MigrateVolumeCmd")
    let_pass(1_000_000)
    (job,) = lab.read_servers().jobs
    assert (job.command, job.resource_type, job.progress) == ("MigrateVolumeCmd", "Volume", None)

    assert "1 jobs ended" in lab_command("jobs", "end", "--job", str(job.id))

    assert lab.read_servers().jobs == ()


def test_progress_follows_the_clock_and_is_never_complete(lab: LabCloud):
    no_jobs()
    begin_jobs(MS1, 100)
    seen = []
    for _ in range(3):
        seen.append(lab.read_servers().jobs[0].progress)
        let_pass(33)

    assert seen[0] == 0
    assert 33 <= (seen[1] or 0) < 60 < 66 <= (seen[2] or 0) <= 99


def test_a_look_at_a_server_names_its_jobs_and_the_count_agrees(lab: LabCloud):
    no_jobs()
    begin_jobs(MS1, None, count=60)
    begin_jobs(MS2, None, count=2)

    look = look_at(lab, MS1)

    assert look.server.pending_jobs == 60
    assert len(look.jobs) == look.NAMED_MAX
    assert {job.management_server_id for job in look.jobs} == {MS1}


def test_the_demos_jobs_recur_on_the_server_where_they_were(lab: LabCloud):
    before = {job.id: job for job in lab.read_servers().jobs}
    assert {job.management_server_id for job in before.values()} == {MS1, MS2, MS3}

    let_pass(3600)
    after = lab.read_servers().jobs

    assert len(after) == len(before)
    assert not {job.id for job in after} & before.keys()
    kinds = [
        sorted((j.command, j.resource_name, str(j.management_server_id)) for j in jobs)
        for jobs in (before.values(), after)
    ]
    assert kinds[0] == kinds[1]
    now = lab.read_servers().as_of
    assert all(now - timedelta(seconds=61) <= job.created <= now for job in after)


def test_a_server_that_prepares_is_free_of_the_demos_jobs_within_a_minute(lab: LabCloud):
    count = len(lab.read_servers().jobs)
    assert listed(lab, MS1).pending_jobs > 0
    prepare(lab, MS1)

    let_pass(70)

    assert state_of(lab, MS1) == "Maintenance"
    jobs = lab.read_servers().jobs
    assert len(jobs) == count, "their like began elsewhere"
    assert {job.management_server_id for job in jobs} <= {MS2, MS3}


def test_a_dead_servers_jobs_are_cut_off_by_name_and_the_like_of_those_that_recur_begins_elsewhere(
    lab: LabCloud,
):
    had = [job for job in lab.read_servers().jobs if job.management_server_id == MS1]
    count = len(lab.read_servers().jobs)

    assert "is Down" in lab_command("server", "kill", "ms1")

    read = lab.read_servers()
    assert sorted(cut.id for cut in read.cut_off) == sorted(job.id for job in had)
    assert {(c.command, c.resource_name, c.created) for c in read.cut_off} == {
        (j.command, j.resource_name, j.created) for j in had
    }
    assert all("its process died" in cut.why and cut.server_name.endswith("mgmt1") for cut in read.cut_off)
    assert len(read.jobs) == count
    assert {job.management_server_id for job in read.jobs} == {MS2, MS3}
    assert "cut off" in lab_command("jobs", "list")


def test_when_no_server_is_up_recurring_jobs_wait_and_begin_with_the_first_that_is(lab: LabCloud):
    count = len(lab.read_servers().jobs)
    for server in (MS1, MS2, MS3):
        kill(server)
    assert not PendingJob.objects.filter(waits=False).exists()

    start(MS3)

    jobs = lab.read_servers().jobs
    assert len(jobs) == count
    assert {job.management_server_id for job in jobs} == {MS3}


def test_a_servers_death_in_the_middle_of_a_preparation_ends_the_preparation(lab: LabCloud):
    no_jobs()
    begin_jobs(MS1, None, account="shop")
    prepare(lab, MS1)

    kill(MS1)

    read = listed(lab, MS1)
    assert (read.state, read.window_ends_at, read.pending_jobs, read.agents) == ("Down", None, 0, 0)
    assert [cut.resource_name for cut in lab.read_servers().cut_off] == ["shop-1"]


def test_time_that_is_scaled_ends_jobs_and_windows_sooner(lab: LabCloud):
    set_lab(time_scale=60, maintenance_timeout_min=1)
    no_jobs()
    begin_jobs(MS1, 600)
    prepare(lab, MS1)

    let_pass(1.1)
    assert state_of(lab, MS1) == "Up", "a minute's window"
    let_pass(9)

    assert lab.read_servers().jobs == ()


def test_settings_of_maintenance_may_be_called_as_the_cloud_calls_them(lab: LabCloud):
    no_jobs()
    lab_command("config", "set", "management.server.maintenance.timeout", "2")
    assert "= never" in lab_command("config", "set", "server_autostart_s", "never")
    assert "server_autostart_s = never" in lab_command("config", "list")
    begin_jobs(MS1, None)
    prepare(lab, MS1)
    read = listed(lab, MS1)
    assert read.window_ends_at is not None
    assert timedelta(minutes=1.9) < read.window_ends_at - lab.read_servers().as_of <= timedelta(minutes=2)
    let_pass(121)
    lab_command("jobs", "end", "--all")
    lab_command("server", "trigger-shutdown", "mgmt1")

    let_pass(100_000)

    assert state_of(lab, MS1) == "Down"


def test_show_tells_what_servers_do(lab: LabCloud):
    no_jobs()
    begin_jobs(MS1, None, account="studio")
    lab_command("server", "prepare", "ms1", "--algorithm", "shuffle", "--forced")

    shown = lab_command("server", "show", "ms1")

    assert "PreparingForMaintenance" in shown
    assert "studio-1" in shown
    assert "agent listener (port 8250)" in shown
    assert "window ends" in lab_command("show")
    assert "is Up" in lab_command("server", "cancel", "ms1", "--no-rebalance")
    with pytest.raises(CommandError, match="cancelMaintenance is not possible"):
        lab_command("server", "cancel", "ms1")
