"""What a script printed, whole, and the report to take away."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.utils import timezone

from maintenance.domain.states import RunState, TargetState
from maintenance.models import OutputChunk
from tests.dashboard.console.runs import end_step, in_state, put_host, run_step, start_run, was_out


def output_of(client, target, query: str = ""):
    return client.get(f"/rolling/{target.run_id}/hosts/{target.host_id}/stages/Maintenance/output/{query}")


def test_the_whole_output_is_shown_with_its_gaps_named(viewer, inventory):
    target = put_host(start_run(inventory, "c1"), "kvm1", TargetState.DONE)
    step = end_step(target, "Maintenance", printed=b"first\n", exit_status=0)
    OutputChunk.objects.create(step=step, start=5_000, content=b"last\n")
    step.output_bytes = 5_005
    step.save()

    page = output_of(viewer, target).text.replace("\N{NO-BREAK SPACE}", " ")

    assert "first\n" in page
    assert "5.0 kB not kept" in page
    assert "last\n" in page
    assert "exit status 0" in page
    assert 'id="more"' not in page


def test_a_page_that_is_open_while_the_script_prints_gets_only_the_lines_it_lacks(viewer, inventory):
    target = put_host(in_state(start_run(inventory, "c1"), RunState.RUNNING), "kvm1", TargetState.WORKING)
    step = run_step(target, "Maintenance", printed=b"one\n")
    page = output_of(viewer, target).text
    assert f'data-topic="output:{step.id}"' in page
    assert 'data-at="0" data-end="4" data-no="1"' in page

    OutputChunk.objects.create(step=step, start=4, content="zwei: größer\ndrei".encode())
    rest = output_of(viewer, target, "?attempt=1&after=4").text

    assert 'data-no="2">zwei: größer\n' in rest
    assert "drei" in rest
    assert "one" not in rest


def test_each_attempt_has_its_own_output(viewer, inventory):
    target = put_host(start_run(inventory, "c1"), "kvm1", TargetState.DONE)
    end_step(target, "Maintenance", "failed", printed=b"no luck\n", attempt=1)
    end_step(target, "Maintenance", printed=b"well done\n", attempt=2)

    assert "well done" in output_of(viewer, target).text
    first = output_of(viewer, target, "?attempt=1").text
    assert "no luck" in first
    assert "Attempt 2" in first


def test_the_output_as_text_is_a_download_that_no_browser_runs(viewer, inventory):
    target = put_host(start_run(inventory, "c1"), "kvm1", TargetState.DONE)
    end_step(target, "Maintenance", printed=b"<script>alert(1)</script>\x1b[0m\n")

    answer = output_of(viewer, target, "?text=1")

    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "attachment" in answer["Content-Disposition"]
    assert answer.text == "<script>alert(1)</script>␛[0m\n"


def test_a_stage_that_never_ran_has_no_output(viewer, inventory):
    target = put_host(start_run(inventory, "c1"), "kvm1", TargetState.DONE)

    assert output_of(viewer, target).status_code == 404
    assert (
        viewer.get(f"/rolling/{target.run_id}/hosts/{target.host_id}/stages/Drain/output/").status_code == 404
    )


def test_the_report_as_json_has_every_host_in_one_list(viewer, inventory):
    run = in_state(start_run(inventory, "c1", reason="Kernel"), RunState.FAILED, finished_at=timezone.now())
    put_host(run, "kvm1", TargetState.DONE)
    put_host(run, "kvm2", TargetState.SKIPPED, detail="no Maintenance script")
    put_host(run, "kvm3", TargetState.FAILED, detail="exit status 1")

    answer = viewer.get(f"/rolling/{run.id}/report.json")
    result = json.loads(answer.text)["result"]

    assert f'filename="run-{run.number}.json"' in answer["Content-Disposition"]
    assert [h["hostname"] for h in result["hostsupdated"]] == ["kvm1"]
    assert [h["reason"] for h in result["hostsskipped"]] == ["no Maintenance script"]
    assert [h["hostname"] for h in result["hostsfailed"]] == ["kvm3"]


def test_every_time_a_host_was_out_and_every_attempt_is_told(viewer, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.SUCCEEDED, finished_at=timezone.now())
    kvm1 = put_host(run, "kvm1", TargetState.DONE, attempt=3)
    was_out(kvm1, kvm1.out_at - timedelta(seconds=500), kvm1.out_at - timedelta(seconds=487))
    end_step(kvm1, "Maintenance", "failed", attempt=1)
    end_step(kvm1, "Return", attempt=2)  # by hand: no try of its own
    end_step(kvm1, "Maintenance", attempt=3)

    page = viewer.get(f"/rolling/{run.id}/report/").text.replace("\N{NO-BREAK SPACE}", " ")
    assert "in 2 attempts, out 5 m 25 s in all" in page
    page = viewer.get(f"/rolling/{run.id}/").text.replace("\N{NO-BREAK SPACE}", " ")
    assert "in 2 attempts, out 5 m 25 s in all" in page
    host = json.loads(viewer.get(f"/rolling/{run.id}/report.json").text)["hosts"][0]
    assert host["out_s"] == pytest.approx(325)
    assert host["attempts"] == 2
    assert [out["to"] for out in host["outs"]][1] == kvm1.back_at.isoformat()
    line = next(csv.DictReader(io.StringIO(viewer.get(f"/rolling/{run.id}/report.csv").text)))
    assert (line["out s"], line["times out"], line["attempts"]) == ("325.0", "2", "2")


def test_the_report_as_csv_has_a_line_a_host_and_no_formulas(viewer, inventory):
    run = start_run(inventory, "c1")
    put_host(run, "kvm1", TargetState.FAILED, detail='=HYPERLINK("http://evil.example","x")')
    put_host(run, "kvm2", TargetState.DONE)

    lines = list(csv.DictReader(io.StringIO(viewer.get(f"/rolling/{run.id}/report.csv").text)))

    assert [line["host"] for line in lines] == ["kvm1", "kvm2", "kvm3"]
    assert lines[0]["detail"] == '\'=HYPERLINK("http://evil.example","x")'
    assert lines[1]["out s"] == "312.0"
    assert viewer.get(f"/rolling/{run.id}/report.exe").status_code == 404
