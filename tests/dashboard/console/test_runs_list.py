"""The list of all runs: history, filters in the address, pages."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboard.screens.runs.asked import RunsAsked
from maintenance.domain.states import RunState, TargetState
from maintenance.models import Run
from tests.dashboard.console.runs import in_state, put_host, start_run


def list_of(client, query: str = "") -> str:
    return str(client.get(f"/rolling/{query}").text).replace("\N{NO-BREAK SPACE}", " ")


def numbers(page: str) -> list[int]:
    """The runs of the rows, in order."""
    rows = page.partition("<tbody>")[2].partition("</tbody>")[0]
    return [int(number) for number in re.findall(r'<span class="sub">Run (\d+)', rows)]


def more_runs(like: Run, how_many: int, after: int = 0) -> None:
    """As many copies, one a minute, each of them ended. Making them takes longer than a request may."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
    began = timezone.now() - timedelta(days=30)
    Run.objects.bulk_create(
        Run(
            number=like.number + n, kind=like.kind, cloud=like.cloud, state=RunState.SUCCEEDED,
            scope_kind=like.scope_kind, scope_ids=like.scope_ids, scope_words=like.scope_words,
            timeout_s=60, drain_timeout_s=60, started_by="ada", reason=f"reason {n}",
            created_at=began + timedelta(minutes=n), started_at=began + timedelta(minutes=n),
            finished_at=began + timedelta(minutes=n, seconds=30),
        )
        for n in range(after + 1, after + how_many + 1)
    )  # fmt: skip


def test_without_any_run_the_page_says_what_a_run_is_and_where_to_begin(operator, inventory):
    page = list_of(operator)

    assert "No run is in progress." in page
    assert "No run yet." in page
    assert 'href="/rolling/new/"' in page


def test_a_viewer_reads_beside_the_button_why_starting_is_not_for_them(viewer, inventory):
    page = list_of(viewer)

    assert re.search(r"<button[^>]*disabled>Start rolling maintenance…</button><p>[^<]*[Oo]perator", page)


def test_ten_thousand_runs_come_in_pages_with_as_many_questions_as_sixty(operator, inventory):
    first = in_state(start_run(inventory, "c1"), RunState.SUCCEEDED, finished_at=timezone.now())
    more_runs(first, 60)
    list_of(operator)  # what a process remembers is remembered for all
    with CaptureQueriesContext(connection) as of_sixty:
        list_of(operator)
    more_runs(first, 10_000 - 60, after=60)
    list_of(operator)  # remembered anew: on a busy machine what was is too old by now

    with CaptureQueriesContext(connection) as of_all:
        newest = list_of(operator)
    with CaptureQueriesContext(connection) as of_the_last:
        last = list_of(operator, "?page=201")

    assert len(of_all) == len(of_sixty)
    assert len(of_the_last) <= len(of_sixty)
    assert "10,001 runs" in newest
    assert numbers(newest) == [first.number + n for n in range(10_000, 9_950, -1)]
    assert numbers(last) == [first.number]
    assert 'href="?page=2"' in newest.replace("&amp;", "&")


def test_a_page_beyond_the_last_is_the_last(operator, inventory):
    run = start_run(inventory, "c1")

    assert numbers(list_of(operator, "?page=99")) == [run.number]


@pytest.mark.parametrize(
    ("query", "who"),
    [
        ("?state=active", ["c2"]),
        ("?state=done", ["c1"]),
        ("?by=ada", ["c2", "c1"]),
        ("?by=nobody", []),
        ("?place=kvm5", ["c2"]),
        ("?place=c1", ["c1"]),
        ("?search=chg-7", ["c1"]),
        ("?search=firmware", ["c1"]),
        ("?kind=host", []),
        ("?kind=rolling&sort=oldest", ["c1", "c2"]),
        ("?since=2026-01-02&until=2026-01-02", ["c1"]),
        ("?until=2026-01-01", []),
    ],
)
def test_the_address_says_which_runs_are_shown(operator, inventory, query, who):
    first = start_run(inventory, "c1", ticket="CHG-7", reason="Firmware")
    in_state(
        first, RunState.SUCCEEDED, finished_at=timezone.now(), created_at=datetime(2026, 1, 2, 12, tzinfo=UTC)
    )
    second = start_run(inventory, "c2", reason="Kernel")
    named = {"c1": first.number, "c2": second.number}

    assert numbers(list_of(operator, query)) == [named[name] for name in who]


def test_a_run_is_found_by_its_number_however_it_is_written(operator, inventory):
    run = start_run(inventory, "c1")
    start_run(inventory, "c2")

    for words in (str(run.number), f"%23{run.number}", f"Run+{run.number}"):
        assert numbers(list_of(operator, f"?search={words}")) == [run.number]


def test_when_nothing_matches_the_way_back_is_offered(operator, inventory):
    start_run(inventory, "c1")

    page = list_of(operator, "?search=nothing+like+this")

    assert "No run matches." in page
    assert "Show all" in page
    assert 'value="nothing like this"' in page


def test_a_filter_keeps_the_others_and_begins_at_the_first_page():
    asked = RunsAsked.of({"state": "failed", "by": "ada", "page": "4"})

    assert asked.query(page=5) == "?state=failed&by=ada&page=5"
    assert asked.query(state="done") == "?state=done&by=ada"
    assert asked.query(state="", by="") == "?"


def test_what_no_filter_means_is_left_out_of_the_question():
    nonsense = RunsAsked.of(
        {"state": "x", "kind": "\0", "since": "soon", "sort": "up", "page": "-1", "until": "2026-13-01"}
    )

    assert nonsense == RunsAsked()
    assert nonsense.shows_newest


def test_an_ended_run_tells_every_host_once_and_how_long_it_took(operator, inventory):
    run = start_run(inventory, "c1")
    in_state(run, RunState.FAILED)
    for name, state in (
        ("kvm1", TargetState.DONE), ("kvm2", TargetState.SKIPPED), ("kvm3", TargetState.NEEDS_PERSON),
    ):  # fmt: skip
        put_host(run, name, state, is_open=False)
    began = timezone.now() - timedelta(seconds=125)
    Run.objects.update(started_at=began, finished_at=began + timedelta(seconds=125))

    page = list_of(operator)

    assert "1 done, 1 skipped, 1 failed" in page
    assert "2 m 05 s" in page
