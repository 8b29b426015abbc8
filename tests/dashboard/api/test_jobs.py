"""Pending jobs by REST, and those that were cut off."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from maintenance.models import CutOffJob, Intent, PendingJob
from tests.dashboard.console.runs import put_host, run_step, start_run
from tests.dashboard.console.server_runs import add_cut_off, add_job, make_servers


@pytest.fixture
def servers(inventory):
    return make_servers(inventory, "mgmt2")


def test_a_job_has_cloudstacks_keys_its_age_and_its_server(viewer, inventory, servers):
    add_job(
        inventory,
        servers["mgmt2"],
        "StartVMCmdByAdmin",
        created=timezone.now() - timedelta(seconds=75),
        progress=40,
        resource_name="i-2-7-VM",
    )
    (job,) = viewer.get("jobs/").json()["results"]
    assert (job["cmd"], job["jobinstancetype"], job["jobinstancename"]) == (
        "StartVMCmdByAdmin",
        "VirtualMachine",
        "i-2-7-VM",
    )
    assert (job["account"], job["domainpath"], job["progress"]) == ("shop", "ROOT/retail", 40)
    assert 75 <= job["age_s"] < 100
    assert (job["managementserverid"], job["managementservername"]) == (str(servers["mgmt2"].id), "mgmt2")
    assert (job["known"], job["run"]) == (True, None)


def test_jobs_are_asked_for_by_the_servers_id_or_name(viewer, inventory, servers):
    mine = add_job(inventory, servers["mgmt2"], "StartVMCmdByAdmin")
    add_job(inventory, servers["mgmt1"], "StopVMCmd")
    for asked in ("mgmt2", servers["mgmt2"].id):
        rows = viewer.get(f"jobs/?management_server={asked}").json()["results"]
        assert [row["id"] for row in rows] == [str(mine.id)]
    assert viewer.get("jobs/?management_server=mgmt9").json()["count"] == 0
    refused = viewer.get("jobs/?management_server=")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "management_server")


def test_a_job_that_has_ended_is_in_no_list_and_the_oldest_comes_first(viewer, inventory, servers):
    add_job(inventory, servers["mgmt1"], "young")
    add_job(inventory, servers["mgmt1"], "old", created=timezone.now() - timedelta(hours=2))
    add_job(inventory, servers["mgmt1"], "ended", gone_at=timezone.now())
    assert [row["cmd"] for row in viewer.get("jobs/").json()["results"]] == ["old", "young"]


def test_a_job_of_our_own_names_its_run(viewer, inventory, servers):
    run = start_run(inventory, "c1")
    step = run_step(put_host(run, "kvm1", "Draining"), "Drain")
    job = add_job(inventory, servers["mgmt1"], "PrepareForMaintenanceCmd", resource_type="Host")
    Intent.objects.create(
        host=inventory.hosts["kvm1"], step=step, action="prepare", expires_at=timezone.now(), job_id=job.id
    )
    (shown,) = viewer.get("jobs/").json()["results"]
    assert (shown["run"]["id"], shown["run"]["number"]) == (str(run.id), run.number)


def test_jobs_that_could_not_be_read_lately_say_so(viewer, inventory, servers):
    add_job(inventory, servers["mgmt1"], "StartVMCmdByAdmin")
    long_ago = timezone.now() - timedelta(minutes=5)
    inventory.cloud.servers_read_at = long_ago
    inventory.cloud.save()
    (job,) = viewer.get("jobs/").json()["results"]
    assert not job["known"]
    assert job["seen_at"][:19] == long_ago.isoformat()[:19]


def test_a_cut_off_job_is_listed_with_its_resource_until_it_is_reconciled(viewer, inventory, servers):
    add_cut_off(inventory, servers["mgmt1"], "StartVMCmdByAdmin", gone_at=timezone.now())
    add_cut_off(inventory, servers["mgmt2"], "StopVMCmd")
    CutOffJob.objects.filter(name="StopVMCmd").update(reconciled_at=timezone.now(), reconciled_by="ada")
    (waits,) = viewer.get("jobs/cut-off/?reconciled=no").json()["results"]
    assert (waits["cmd"], waits["jobinstancename"], waits["why"]) == (
        "StartVMCmdByAdmin",
        "i-2-7-VM",
        "mgmt1 was shut down",
    )
    (done,) = viewer.get("jobs/cut-off/?reconciled=yes").json()["results"]
    assert (done["cmd"], done["reconciled_by"]) == ("StopVMCmd", "ada")
    assert viewer.get("jobs/cut-off/?management_server=mgmt1").json()["count"] == 1
    assert viewer.get("jobs/cut-off/?reconciled=maybe").status_code == 400


def test_jobs_come_in_pages(viewer, inventory, servers):
    for n in range(7):
        add_job(inventory, servers["mgmt1"], f"job{n}", created=timezone.now() - timedelta(minutes=n))
    first = viewer.get("jobs/?page_size=5").json()
    second = viewer.client.get(first["next"]).json()
    assert first["count"] == PendingJob.objects.count() == 7
    assert [row["cmd"] for row in first["results"] + second["results"]] == [
        f"job{n}" for n in range(6, -1, -1)
    ]


def test_whoever_has_looked_says_that_it_is_in_order_once(operator, viewer, inventory, servers):
    job = add_cut_off(inventory, servers["mgmt1"], "StartVMCmdByAdmin")
    path = f"jobs/cut-off/{job.id}/reconcile/"
    assert viewer.post(path).status_code == 403
    done = operator.post(path, key="k1")
    assert (done.status_code, done.json()["reconciled_by"]) == (200, "operator")
    assert operator.post(path, key="k1").json() == done.json()
    again = operator.post(path)
    assert again.status_code == 409
    assert "by operator" in again.json()["detail"]
    assert operator.post(f"jobs/cut-off/{uuid4()}/reconcile/").status_code == 404
    assert operator.post(path, {"why": "x"}).status_code == 400
