"""A run's page where it stands still or is over: what went wrong, what can be done, the report, and every host."""

import re
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from maintenance.domain.states import RunState, TargetState
from maintenance.engine.attention import Cause, ask_for_person
from maintenance.feed import unit_of_work
from maintenance.models import Target
from tests.dashboard.console.run_page import page_of, part, sentence
from tests.dashboard.console.runs import (
    failed_and_paused,
    in_state,
    put_host,
    run_step,
    start_run,
)

EVIL = "\u202e<script>alert(1)</script>"


def test_a_paused_run_tells_cause_last_output_the_hosts_state_and_what_each_next_step_does(
    operator, inventory
):
    run = start_run(inventory, "c1")
    target = failed_and_paused(run, "kvm2", "exit status 1", b"cannot install linux-image\n")
    with unit_of_work() as work:
        ask_for_person(work, Cause.STAGE_FAILED, run=run, target=target, message="exit status 1")

    page = page_of(operator, run)
    problem = part(page, "run-problems")

    assert sentence(page) == "Paused. 1 of 3 hosts finished. kvm2 failed: exit status 1."
    assert "Maintenance: exit status 1" in problem
    assert "cannot install linux-image" in problem
    assert "In service" in problem
    assert "agent Up, Enabled, 1 instance on it" in problem
    assert "The run is resumed, and kvm2 takes its turn again, from PreMaintenance." in problem
    assert "kvm2 counts as skipped and is left as it is." in problem
    assert "Goes on with kvm1; 2 hosts still to do." in part(page, "run-steering")


def test_a_pause_by_a_person_names_the_person(operator, inventory):
    reason = {
        "code": "by-person",
        "host": None,
        "by": "grace",
        "since": timezone.now().isoformat(),
        "message": "x",
    }
    run = in_state(start_run(inventory, "c1"), RunState.PAUSED, paused_reason=reason)

    problem = part(page_of(operator, run), "run-problems")

    assert "Paused by a person" in problem
    assert "grace" in problem


def test_a_host_that_did_not_come_back_offers_to_be_returned(operator, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.FAILED, details="1 host failed")
    target = put_host(run, "kvm1", TargetState.NEEDS_PERSON, detail="not back after 900 s", is_open=False)
    with unit_of_work() as work:
        ask_for_person(work, Cause.HOST_NOT_BACK, run=run, target=target, message="not back after 900 s")

    problem = part(page_of(operator, run), "run-problems")

    assert "not back after 900 s" in problem
    assert f'formaction="/hosts/{target.host_id}/return/"' in problem


@pytest.mark.parametrize(
    ("state", "hosts", "columns", "words"),
    [
        (RunState.SUCCEEDED, {}, {}, "Done: all 3 hosts. Every one is back in service."),
        (RunState.SUCCEEDED, {"kvm2": TargetState.SKIPPED}, {}, "Done, 1 skipped. 2 hosts of 3 updated."),
        (RunState.FAILED, {"kvm3": TargetState.FAILED}, {"details": "x"}, "Failed. One host failed. 2 done."),
        (
            RunState.CANCELLED,
            {"kvm2": TargetState.CANCELLED, "kvm3": TargetState.CANCELLED},
            {},
            "Stopped by a person. 1 done, 2 not begun.",
        ),
        (
            RunState.CANCELLED,
            {"kvm1": TargetState.FAILED, "kvm2": TargetState.CANCELLED, "kvm3": TargetState.CANCELLED},
            {},
            "Stopped by a person. 0 done, 1 failed, 2 not begun.",
        ),
        (
            RunState.FAILED,
            {"kvm1": TargetState.FAILED, "kvm2": TargetState.CANCELLED, "kvm3": TargetState.CANCELLED},
            {"details": "kvm1 failed, PreFlight: exit status 1; nothing was touched"},
            "Failed. Nothing was touched. kvm1 failed, PreFlight: exit status 1.",
        ),
    ],
)
def test_at_its_end_the_page_is_the_report(operator, inventory, state, hosts, columns, words):
    run = in_state(start_run(inventory, "c1"), state, finished_at=timezone.now(), **columns)
    for name in ("kvm1", "kvm2", "kvm3"):
        put_host(run, name, hosts.get(name, TargetState.DONE), is_open=False)

    page = page_of(operator, run)

    assert sentence(page) == words
    assert f'href="/rolling/{run.id}/report.json"' in page
    assert 'id="run-steering" aria-labelledby="steering-title" hidden' in page


def test_what_scripts_hosts_and_people_wrote_is_inert(operator, inventory):
    host = inventory.hosts["kvm1"]
    host.name = "h" * 40 + "<b>x</b>"
    host.save()
    run = start_run(inventory, "c1", reason=EVIL)
    in_state(run, RunState.RUNNING)
    target = put_host(run, host.name, TargetState.WORKING, detail=EVIL)
    run_step(target, "Maintenance", printed=f"\x1b[2J{EVIL}\x00\n".encode() + b"\xff\n")
    put_host(run, "kvm2", TargetState.SKIPPED, detail=EVIL)

    page = page_of(operator, run)

    assert "<script>alert" not in page
    assert "<b>x</b>" not in page
    assert "␛[2J\\u202e&lt;script&gt;alert(1)&lt;/script&gt;␀" in page
    assert "\\xff" in page


def test_a_run_over_many_hosts_shows_counts_and_short_lists_and_asks_no_more_questions(operator, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    first = Target.objects.filter(run=run).first()
    Target.objects.bulk_create(_another(first, n) for n in range(100))
    page_of(operator, run)  # what a process remembers is remembered for both
    with CaptureQueriesContext(connection) as for_a_hundred:
        page_of(operator, run)
    Target.objects.bulk_create(_another(first, n) for n in range(100, 1200))
    page_of(operator, run)  # remembered anew: on a busy machine what was is too old by now

    with CaptureQueriesContext(connection) as for_all:
        page = page_of(operator, run)

    assert len(for_all) == len(for_a_hundred)
    assert page.count('<li class="target"') <= 16
    assert "and 595 more" in part(page, "run-next")
    assert '<ul class="tally"' in page
    assert len(page) < 200_000


def _another(like: Target, n: int) -> Target:
    return Target(
        run=like.run, host_id=uuid4(), cluster_id=like.cluster_id, name=f"host-{n}", cluster_name="c1",
        zone_name="zone1", order=n + 10, state="Ready" if n % 2 else "Done", is_open=False,
    )  # fmt: skip


def test_the_list_of_all_hosts_is_filtered_by_state_and_name(operator, inventory):
    run = in_state(start_run(inventory, "c1"), RunState.RUNNING)
    put_host(run, "kvm1", TargetState.DONE)

    done = operator.get(f"/rolling/{run.id}/hosts/?state=done").text
    named = operator.get(f"/rolling/{run.id}/hosts/?search=kvm3").text

    assert "kvm1" in done
    assert "kvm2" not in done
    assert re.findall('aria-label="Skip (kvm.)"', named) == ["kvm3"]


def test_the_list_of_runs_names_who_and_how_it_went(operator, inventory):
    run = in_state(start_run(inventory, "c1", ticket="CHG-1"), RunState.SUCCEEDED, finished_at=timezone.now())
    for name in ("kvm1", "kvm2", "kvm3"):
        put_host(run, name, TargetState.DONE, is_open=False)
    start_run(inventory, "c2")

    page = operator.get("/rolling/").text
    active = operator.get("/rolling/?state=active").text

    assert "One run is in progress." in page
    assert "CHG-1" in page
    assert "3 done" in page
    assert "CHG-1" not in active
