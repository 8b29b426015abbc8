"""Looking at runs: lists without hosts, one run with everything."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from maintenance import actions
from maintenance.models import OutputChunk, Run, Step, Target
from tests.dashboard.inventory import an_id

RUNS = "rolling-maintenances/"
STAGE_KEYS = {"stage", "state", "outcome", "exit_status", "started", "finished", "output", "output_tail"}


@pytest.fixture
def run(inventory) -> Run:
    scope = tuple(host.id for host in inventory.hosts.values())
    request = actions.StartRequest(scope_kind="hosts", scope_ids=scope)
    return actions.start_rolling_maintenance(request, actor="ada")


def end(run, host, state, detail=""):
    Target.objects.filter(run=run, name=host).update(state=state, detail=detail, is_open=False)


def add_step(run, host, stage, *, attempt=1, outcome="ok", exit_status=0, printed=b""):
    now = timezone.now()
    step = Step.objects.create(
        target=Target.objects.get(run=run, name=host),
        run=run,
        stage=stage,
        attempt=attempt,
        state="Ended",
        outcome=outcome,
        exit_status=exit_status,
        started=now - timedelta(seconds=5),
        finished=now,
        output_bytes=len(printed),
    )
    for start in range(0, len(printed), 1500):
        OutputChunk.objects.create(step=step, start=start, content=printed[start : start + 1500])
    return step


def test_a_list_leaves_hosts_and_result_out(viewer, run):
    answer = viewer.get(RUNS).json()
    assert answer["count"] == 1
    shown = answer["results"][0]
    assert {"id", "state", "paused_reason", "progress"} <= set(shown)
    assert not {"hosts", "result"} & set(shown)
    assert shown["id"] == str(run.id)


def test_a_run_has_the_shape_that_was_promised(viewer, inventory, run):
    add_step(run, "kvm1", "PreFlight", printed=b"fine\n")
    shown = viewer.get(f"{RUNS}{run.id}/").json()
    assert {"id", "state", "word", "paused_reason", "progress", "hosts", "result"} <= set(shown)
    host = shown["hosts"][0]
    assert (host["id"], host["name"]) == (inventory.id("kvm1"), "kvm1")
    assert (host["clustername"], host["clusterid"]) == ("c1", str(inventory.clusters["c1"].id))
    assert (host["state"], host["word"], host["detail"]) == ("Waiting", "Waiting", "")
    (stage,) = host["stages"]
    assert set(stage) >= STAGE_KEYS
    assert (stage["stage"], stage["state"], stage["outcome"], stage["exit_status"]) == (
        "PreFlight",
        "Ended",
        "ok",
        0,
    )
    assert stage["output"] == "fine\n"
    assert shown["result"] == {
        "success": False,
        "details": "",
        "hostsupdated": [],
        "hostsskipped": [],
        "hostsfailed": [],
    }


def test_progress_counts_every_host_once(viewer, run):
    for host, state in (
        ("kvm1", "Done"),
        ("kvm2", "Skipped"),
        ("kvm3", "NeedsPerson"),
        ("kvm4", "Draining"),
        ("kvm5", "Ready"),
    ):
        end(run, host, state)
    progress = viewer.get(f"{RUNS}{run.id}/").json()["progress"]
    assert progress == {"total": 6, "done": 1, "skipped": 1, "failed": 1, "waiting": 2, "active": 1}
    assert viewer.get(RUNS).json()["results"][0]["progress"] == progress


def test_each_ended_host_is_in_exactly_one_list_of_the_result(viewer, inventory, run):
    now = timezone.now().replace(microsecond=0)
    end(run, "kvm1", "Done")
    Target.objects.filter(name="kvm1").update(out_at=now - timedelta(seconds=9), back_at=now)
    end(run, "kvm2", "Skipped", "there is no Maintenance script")
    end(run, "kvm3", "Failed", "Maintenance: exit status 1")
    add_step(run, "kvm1", "Maintenance", printed=b"patched\n")
    result = viewer.get(f"{RUNS}{run.id}/").json()["result"]
    assert result["hostsupdated"] == [
        {
            "hostid": inventory.id("kvm1"),
            "hostname": "kvm1",
            "startdate": (now - timedelta(seconds=9)).strftime("%Y-%m-%dT%H:%M:%S+0000"),
            "enddate": now.strftime("%Y-%m-%dT%H:%M:%S+0000"),
            "output": "patched\n",
        }
    ]
    assert result["hostsskipped"] == [
        {"hostid": inventory.id("kvm2"), "hostname": "kvm2", "reason": "there is no Maintenance script"}
    ]
    assert [host["hostname"] for host in result["hostsfailed"]] == ["kvm3"]


def test_a_stage_shows_its_last_attempt(viewer, run):
    add_step(run, "kvm1", "PreMaintenance")
    add_step(run, "kvm1", "Maintenance", attempt=1, outcome="failed", exit_status=1)
    add_step(run, "kvm1", "Maintenance", attempt=2)
    stages = viewer.get(f"{RUNS}{run.id}/").json()["hosts"][0]["stages"]
    assert [(s["stage"], s["attempt"], s["outcome"]) for s in stages] == [
        ("PreMaintenance", 1, "ok"),
        ("Maintenance", 2, "ok"),
    ]


def test_a_long_output_shows_its_last_2_kb(viewer, run):
    printed = b"".join(b"%06d\n" % n for n in range(2000))
    add_step(run, "kvm1", "Maintenance", printed=printed)
    stage = viewer.get(f"{RUNS}{run.id}/").json()["hosts"][0]["stages"][0]
    assert stage["output"] == printed[-2048:].decode()
    assert stage["output_bytes"] == len(printed)


def test_what_a_script_prints_does_nothing_in_the_json(viewer, run):
    add_step(run, "kvm1", "Maintenance", printed=b"\x1b[2J\x00\xff<script>\r")
    stage = viewer.get(f"{RUNS}{run.id}/").json()["hosts"][0]["stages"][0]
    assert not set(stage["output"]) & {"\x1b", "\x00", "\r"}


def test_a_run_takes_as_many_queries_for_six_hosts_as_for_one(viewer, inventory, run):
    request = actions.StartRequest(scope_kind="hosts", scope_ids=(inventory.hosts["kvm1"].id,))
    Run.objects.filter(id=run.id).update(state="Succeeded")
    Target.objects.update(is_open=False)
    one = actions.start_rolling_maintenance(request, actor="ada")
    add_step(one, "kvm1", "Maintenance", printed=b"x")
    for host in inventory.hosts:
        add_step(run, host, "Maintenance", printed=b"x")
    taken = []
    for shown in (run, one):
        with CaptureQueriesContext(connection) as queries:
            assert viewer.get(f"{RUNS}{shown.id}/").status_code == 200
        taken.append(len(queries))
    assert taken[0] == taken[1]


def test_runs_are_filtered_and_the_newest_come_first(viewer, inventory, run):
    assert [
        r["id"] for r in viewer.get(f"{RUNS}?state=Queued&kind=rolling&started_by=ada").json()["results"]
    ] == [str(run.id)]
    assert viewer.get(f"{RUNS}?kind=host").json()["results"] == []
    assert viewer.get(f"{RUNS}?host={inventory.id('kvm1')}").json()["count"] == 1
    assert viewer.get(f"{RUNS}?host={an_id()}").json()["count"] == 0
    assert viewer.get(f"{RUNS}?state=Done").status_code == 400


def test_an_unknown_run_is_404(viewer, db):
    answer = viewer.get(f"{RUNS}{an_id()}/")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


# ---- the whole output ----------------------------------------------------------------------------------------------


def output(viewer, inventory, run, stage, query=""):
    return viewer.get(f"{RUNS}{run.id}/hosts/{inventory.id('kvm1')}/stages/{stage}/output{query}")


def test_the_whole_output_is_text_to_save_in_which_nothing_acts(viewer, inventory, run):
    add_step(run, "kvm1", "Maintenance", printed=b"<script>\x1b[2J\xff" + b"x" * 5000)
    answer = output(viewer, inventory, run, "Maintenance")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.text == "<script>␛[2J\\xff" + "x" * 5000


def test_raw_output_is_its_very_bytes(viewer, inventory, run):
    printed = b"\x1b[2J\x00\xff" * 1000
    add_step(run, "kvm1", "Maintenance", printed=printed)
    answer = output(viewer, inventory, run, "Maintenance", "?raw=1")
    assert answer.content == printed
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")


def test_a_gap_in_the_output_is_told(viewer, inventory, run):
    step = add_step(run, "kvm1", "Maintenance", printed=b"head\n")
    OutputChunk.objects.create(step=step, start=1005, content=b"tail\n")
    assert (
        output(viewer, inventory, run, "Maintenance").text == "head\n\n[… 1000 bytes were not kept …]\ntail\n"
    )


def test_an_earlier_attempt_can_be_read(viewer, inventory, run):
    add_step(run, "kvm1", "Maintenance", attempt=1, outcome="failed", printed=b"first")
    add_step(run, "kvm1", "Maintenance", attempt=2, printed=b"second")
    assert output(viewer, inventory, run, "Maintenance").text == "second"
    assert output(viewer, inventory, run, "Maintenance", "?attempt=1").text == "first"
    assert output(viewer, inventory, run, "Maintenance", "?attempt=3").status_code == 404
    assert output(viewer, inventory, run, "Maintenance", "?attempt=x").status_code == 400
    assert output(viewer, inventory, run, "Maintenance", "?raw=yes").status_code == 400


def test_the_output_of_what_is_not_there_is_404(viewer, inventory, run):
    assert output(viewer, inventory, run, "Maintenance").status_code == 404
    assert output(viewer, inventory, run, "Nonsense").status_code == 404
    assert viewer.get(f"{RUNS}{run.id}/hosts/{an_id()}/stages/PreFlight/output").status_code == 404


def test_output_is_given_whatever_the_caller_accepts(viewer, inventory, run):
    add_step(run, "kvm1", "Maintenance", printed=b"x")
    path = f"{RUNS}{run.id}/hosts/{inventory.id('kvm1')}/stages/Maintenance/output"
    assert viewer.get(path, headers={"Accept": "text/plain"}).status_code == 200
