"""Beneath the overview's sentence: servers, jobs, runs, hosts by cluster, events; and what stands there without."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from maintenance.domain.states import RunState, TargetState
from maintenance.models import Attention, EngineProcess, Host, ManagementServer, PendingJob
from tests.dashboard.console.runs import in_state, put_host, run_step, start_run
from tests.dashboard.walk_page import Page


@pytest.fixture(autouse=True)
def an_engine_runs(db):
    EngineProcess.objects.create(host_name="node1", pid=7, version="1")


def pieces(element):
    """Its texts, in the order of the page."""
    for child in element.children:
        if isinstance(child, str):
            yield child
        else:
            yield from pieces(child)


def part(client, name):
    """What one part says, in one line."""
    found = Page(client.get("/").text).by_id(f"overview-{name}")
    words = " ".join(pieces(found))
    return " ".join(words.replace("\N{NO-BREAK SPACE}", " ").split())


def add_job(inventory, name, ago):
    PendingJob.objects.create(
        id=uuid4(),
        name=name,
        management_server=inventory.server,
        account="shop",
        domain="ROOT/retail",
        created=timezone.now() - ago,
        changed_at=timezone.now(),
        cloud=inventory.cloud,
    )


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("verdict", "No cloud is connected yet. Nothing can be shown before one is."),
        ("runs", "No run is in progress."),
        ("needs", "Nothing."),
        ("clusters", "They appear with the first reading of the cloud."),
        ("servers", "None is listed."),
        ("jobs", "The management servers have nothing left to do."),
        ("events", "Nothing has happened yet."),
    ],
)
def test_with_nothing_connected_every_part_says_what_will_stand_there(operator, name, says):
    assert says in part(operator, name)


def test_a_cloud_that_was_never_read_is_said_to_be_so(operator, inventory):
    inventory.cloud.read_at = None
    inventory.cloud.save()

    assert part(operator, "verdict").startswith("lab has not been read yet.")


def test_management_servers_are_told_as_the_cloud_says_it_and_unknown_when_it_is_old(operator, inventory):
    ManagementServer.objects.create(
        id=uuid4(),
        name="mgmt2",
        state="PreparingForMaintenance",
        version="4.20",
        agents=1,
        cloud=inventory.cloud,
        changed_at=timezone.now(),
    )
    add_job(inventory, "CopyTemplateCmd", timedelta(seconds=20))

    servers = part(operator, "servers")
    assert "mgmt1 Up 6 agents · 1 job · 4.21" in servers
    assert "mgmt2 PreparingForMaintenance 1 agent · 0 jobs · 4.20" in servers

    inventory.was_last_read(timedelta(minutes=5))
    assert "Up" not in part(operator, "servers")
    assert part(operator, "servers").count("Unknown") == 2


def test_pending_jobs_that_are_alike_are_one_line_and_the_one_that_is_stuck_stands_on_top(
    operator, inventory
):
    for seconds in (4, 9, 12):
        add_job(inventory, "StartVMCmd", timedelta(seconds=seconds))
    add_job(inventory, "CopyTemplateCmd", timedelta(minutes=14))

    jobs = part(operator, "jobs")

    assert jobs.startswith("Pending jobs 4 All ")
    assert jobs.index("CopyTemplateCmd") < jobs.index("StartVMCmd × 3")
    assert "mgmt1 · shop · ROOT/retail" in jobs
    assert jobs.count("longer than usual") == 1


def test_a_run_in_progress_shows_its_hosts_and_who_is_at_work_in_which_stage(operator, inventory):
    run = in_state(start_run(inventory, "c1", reason="Kernel 6.1", ticket="CHG-7"), RunState.RUNNING)
    put_host(run, "kvm1", TargetState.DONE)
    run_step(put_host(run, "kvm2", TargetState.WORKING), "Maintenance")

    runs = part(operator, "runs")

    assert "Kernel 6.1" in runs
    assert "CHG-7" in runs
    assert "1 of 3" in runs
    assert "kvm2 Working" in runs


def test_hosts_stand_by_cluster_each_with_its_state_in_words(operator, inventory):
    Host.objects.filter(name="kvm2").update(resource_state="Maintenance")
    Host.objects.filter(name="kvm5").update(state="Down")

    clusters = part(operator, "clusters")

    assert "kvm2 , Taken by others" in clusters
    assert "kvm5 , Down" in clusters
    assert clusters.count("In service") == 4


def test_a_host_in_service_that_needs_a_person_is_not_drawn_as_one_that_is_well(operator, inventory):
    host = Host.objects.get(name="kvm2")
    Attention.objects.create(cause="stage-failed", title="kvm2 failed", message="exit status 3", host=host)

    clusters = part(operator, "clusters")

    assert "kvm2 , In service, needs a person" in clusters
    assert clusters.count("In service") == 6


def test_clusters_that_somebody_has_to_look_at_are_drawn_when_not_all_can_be(
    operator, inventory, monkeypatch
):
    monkeypatch.setattr("dashboard.screens.overview.clusters.CLUSTERS_MAX", 1)
    Host.objects.filter(name="kvm5").update(state="Down")

    clusters = part(operator, "clusters")

    assert "kvm5 , Down" in clusters
    assert "kvm2" not in clusters
    assert "and 1 more cluster : every host there is in service" in clusters


def test_an_engine_that_is_silent_takes_away_the_ground_from_everything_else(operator, inventory):
    EngineProcess.objects.update(seen_at=timezone.now() - timedelta(minutes=1))

    assert part(operator, "verdict").startswith("No engine answers. Nothing moves until one does.")
    assert "What to do : No engine answers: nothing moves" in part(operator, "needs")
