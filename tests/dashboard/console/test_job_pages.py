"""The list of pending jobs, and those that were cut off: what people see, find, sort and settle."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from maintenance.actions import Conflict, NotFound
from maintenance.actions.cut_off_jobs import reconcile
from maintenance.models import AuditEntry, CutOffJob, FeedEvent, Intent, PendingJob
from tests.dashboard.console.places import text_of
from tests.dashboard.console.servers import add_job, cut_job_off, make_servers, prepare, server
from tests.dashboard.walk_page import Page


@pytest.fixture(autouse=True)
def servers(inventory) -> None:
    make_servers(inventory)


def heading(client, address: str = "/jobs/") -> str:
    return " ".join(Page(client.get(address).text, address).find("h1")[0].text.split())


def commands(client, query: str = "") -> list[str]:
    page = Page(client.get(f"/jobs/{query}").text, "/jobs/")
    return [row.find("b")[0].text for row in page.find("tr") if row["id"].startswith("job-row-")]


def rail(client) -> str:
    found = Page(client.get("/jobs/").text, "/jobs/").by_id("nav-jobs")
    assert found is not None
    return found.text.strip()


def test_the_heading_the_rail_and_the_list_count_the_same_jobs(viewer):
    add_job("mgmt1")
    add_job("mgmt2", "CopyTemplateCmd", ago_s=900)
    add_job("mgmt2", gone_at=timezone.now())

    assert commands(viewer) == ["CopyTemplateCmd", "StartVMCmdByAdmin"]
    assert heading(viewer) == "2 jobs are pending. On 2 management servers."
    assert rail(viewer) == "2"


def test_a_list_without_jobs_says_so(viewer):
    assert heading(viewer) == "No job is pending."
    assert "The management servers have nothing left to do." in viewer.get("/jobs/").text
    assert rail(viewer) == ""


def test_a_job_tells_what_it_does_for_whom_since_when_and_how_far_it_is(viewer):
    add_job("mgmt1", "CopyTemplateCmd", resource_type="Template", resource_name="rocky-9.5", progress=61)

    row = text_of(viewer.get("/jobs/").text.partition("<tbody>")[2])

    for said in ("CopyTemplateCmd", "Template", "rocky-9.5", "shop", "ROOT/retail", "mgmt1", "61 %"):
        assert said in row
    assert "not told" not in row


def test_what_runs_longer_than_usual_stands_out(viewer):
    add_job("mgmt1", ago_s=18)
    add_job("mgmt1", ago_s=900)

    assert viewer.get("/jobs/").text.count('class="late"') == 1


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?search=copy", ["CopyTemplateCmd"]),
        ("?search=web-1", ["StartVMCmdByAdmin"]),
        ("?search=retail", ["StartVMCmdByAdmin"]),
        ("?search=nobody", []),
        ("?sort=-age", ["StartVMCmdByAdmin", "CopyTemplateCmd"]),
        ("?sort=command", ["CopyTemplateCmd", "StartVMCmdByAdmin"]),
        ("?sort=-server", ["StartVMCmdByAdmin", "CopyTemplateCmd"]),
        ("?sort=-progress", ["CopyTemplateCmd", "StartVMCmdByAdmin"]),
        ("?sort=no-such-column", ["CopyTemplateCmd", "StartVMCmdByAdmin"]),
        ("?server=no-id", ["CopyTemplateCmd", "StartVMCmdByAdmin"]),
    ],
)
def test_search_and_order_stand_in_the_address(viewer, query, found):
    add_job(
        "mgmt1", "CopyTemplateCmd", ago_s=900, resource_name="", account="admin", domain="ROOT", progress=3
    )
    add_job("mgmt2")

    assert commands(viewer, query) == found


def test_the_jobs_of_one_server_can_be_shown_alone(viewer):
    add_job("mgmt1", "CopyTemplateCmd")
    add_job("mgmt2")

    assert commands(viewer, f"?server={server('mgmt1').id}") == ["CopyTemplateCmd"]
    assert commands(viewer, f"?server={uuid4()}") == []


def test_our_own_job_names_the_run_that_holds_the_server(viewer):
    ours = add_job("mgmt1", "PrepareForHostMaintenanceCmd")
    step = prepare("mgmt2")
    Intent.objects.create(
        server=server("mgmt2"), step=step, action="prepare", expires_at=timezone.now(), job_id=str(ours.id)
    )
    add_job("mgmt1")

    page = viewer.get("/jobs/").text

    assert page.count(f'href="/rolling/{step.run_id}/">run {step.run.number}</a>') == 1
    assert "it holds this server until it ends" in page


def test_ten_thousand_jobs_cost_as_many_queries_as_one(viewer):
    add_job("mgmt1")
    viewer.get("/jobs/")
    with CaptureQueriesContext(connection) as one:
        viewer.get("/jobs/")
    like = PendingJob.objects.get()
    PendingJob.objects.bulk_create(
        PendingJob(
            id=uuid4(), cloud=like.cloud, name="StartVMCmd", management_server=like.management_server,
            created=like.created + timedelta(seconds=at), changed_at=like.changed_at,
        )
        for at in range(10_000)
    )  # fmt: skip
    viewer.get("/jobs/")  # remembered anew: on a busy machine what was is too old by now

    with CaptureQueriesContext(connection) as many:
        page = viewer.get("/jobs/")

    assert len(many) == len(one)
    assert page.text.count('id="job-row-') == 50
    assert "10,001 jobs are pending." in page.text


# ---- to reconcile ---------------------------------------------------------------------------------------------------


def test_what_was_cut_off_is_listed_until_somebody_says_that_it_is_in_order(operator):
    job = cut_job_off("mgmt2", "vol-77")

    page = operator.get("/jobs/").text
    assert "1 job was cut off" in page
    assert "the server was shut down while it ran" in page
    answer = operator.post(f"/jobs/cut-off/{job.id}/reconcile/", {"back": "/jobs/"}, follow=True)

    assert "vol-77" not in answer.text
    job.refresh_from_db()
    assert job.reconciled_by == "operator"


def test_a_job_that_the_cloud_lists_no_more_is_still_to_be_reconciled(operator):
    cut_job_off("mgmt2", "vol-77", gone_at=timezone.now())

    assert "vol-77" in operator.get("/jobs/").text


def test_a_viewer_sees_what_was_cut_off_and_settles_nothing(viewer):
    job = cut_job_off("mgmt2", "vol-77")

    page = viewer.get("/jobs/").text

    assert "vol-77" in page
    assert "reconcile/" not in page
    assert viewer.post(f"/jobs/cut-off/{job.id}/reconcile/").status_code == 403


def test_reconciling_is_told_and_kept_and_a_second_time_is_refused():
    job = cut_job_off("mgmt2", "vol-77")

    reconcile(job.id, actor="ada", request_id="r-1")

    entry = AuditEntry.objects.get(action="job reconciled")
    assert (entry.actor, entry.request_id, entry.object["resource"]) == ("ada", "r-1", "vol-77")
    event = FeedEvent.objects.get(kind="cut_off.reconciled")
    assert event.object["server"] == str(server("mgmt2").id)
    with pytest.raises(Conflict, match="reconciled by ada already"):
        reconcile(job.id, actor="bob")
    assert CutOffJob.objects.get().reconciled_by == "ada"
    with pytest.raises(NotFound):
        reconcile(UUID(int=0), actor="ada")
