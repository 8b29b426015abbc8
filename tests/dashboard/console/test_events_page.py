"""The timeline: who did what, why, before and after; filters in the address, pages, files, and the audit's chain."""

import csv
import io
import json
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.utils import timezone

from maintenance.feed import unit_of_work
from maintenance.models import AuditEntry, FeedEvent
from tests.dashboard.console.conftest import logged_in
from tests.dashboard.walk_page import Element, Page

pytestmark = pytest.mark.django_db
ADDRESS = "/events/"


def act(actor: str, action: str = "limits changed", **told) -> None:
    """Somebody did something."""
    with unit_of_work(actor, request_id=told.pop("request_id", "")) as work:
        work.audit(action, told.pop("object", {"settings": "limits"}), **told)


def happen(kind: str, about: dict, *, before: dict | None = None, after: dict | None = None) -> None:
    """An engine or a cloud did something."""
    with unit_of_work() as work:
        work.event(kind, about, before=before, after=after)


def lines(page: Page) -> list[Element]:
    rows = page.by_id("timeline-rows")
    assert rows is not None
    return [one for one in rows.children if isinstance(one, Element)]


def rows_of(client, **asked: str) -> list[str]:
    """What each line says, newest first."""
    page = Page(client.get(ADDRESS, asked).text, ADDRESS)
    return [" ".join(li.text.split()) for li in lines(page)]


def whole(answer) -> bytes:
    """All of a file that is written while it is read."""

    async def read() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return async_to_sync(read)()


def test_a_line_says_who_what_why_before_and_after():
    act(
        "ada",
        "limits changed",
        before={"max_unavailable": 1, "timeout_s": 1800},
        after={"max_unavailable": 2, "timeout_s": 1200},
        reason="we have spare hosts",
        request_id="abc123",
    )

    (row,) = rows_of(logged_in("administrator"))

    assert "ada changed the limits" in row
    assert "we have spare hosts" in row
    assert "Hosts out of service at once, in one cluster: 1 → 2" in row
    assert "Longest run of one script: 30 m 00 s → 20 m 00 s" in row
    assert "Request abc123" in row


def test_a_host_that_changed_says_from_what_to_what(inventory):
    host = inventory.hosts["kvm1"]
    happen(
        "host.changed",
        {"host": str(host.id), "host_name": host.name},
        before={"kernel_version": "6.1.0-27"},
        after={"kernel_version": "6.1.0-28"},
    )

    assert "kernel: 6.1.0-27 → 6.1.0-28" in rows_of(logged_in("viewer"))[0]


def test_what_stayed_the_same_is_left_to_the_details():
    run = {"run": "", "run_number": 7}
    happen(
        "run.pausing",
        run,
        before={"state": "Running", "pausing": False},
        after={"state": "Running", "pausing": True},
    )

    page = Page(logged_in("viewer").get(ADDRESS).text, ADDRESS)

    (summary,) = lines(page)[0].find("summary")
    assert " ".join(summary.text.split()) == "pausing: no → yes and 1 more"


def test_filters_are_in_the_address_and_leave_only_what_matches(inventory):
    one, other = inventory.hosts["kvm1"], inventory.hosts["kvm2"]
    for host in (one, other):
        happen("host.out", {"host": str(host.id), "host_name": host.name}, after={"instances": 2})
    happen("engine.started", {}, after={"host_name": "node7"})
    act("ada", "rolling maintenance started", object={"run": "", "run_number": 7}, reason="kernel")
    act("grace", "rolling maintenance started", object={"run": "", "run_number": 8}, reason="firmware")
    viewer = logged_in("viewer")

    assert len(rows_of(viewer)) == 5
    assert len(rows_of(viewer, who="person")) == 2
    assert "grace" in rows_of(viewer, by="grace")[0]
    assert len(rows_of(viewer, host=str(one.id))) == 1
    assert len(rows_of(viewer, what="engines")) == 1
    assert "firmware" in rows_of(viewer, search="firmware")[0]
    assert rows_of(viewer, host="no such host") == []
    tomorrow = (timezone.now() + timedelta(days=1)).date().isoformat()
    assert rows_of(viewer, since=tomorrow) == []


def test_older_pages_go_on_where_the_newest_ended_and_lose_nothing():
    for number in range(120):
        act(
            "ada",
            "rolling maintenance started",
            object={"run": "", "run_number": number},
            reason=f"r{number}.",
        )
    viewer = logged_in("viewer")
    seen: list[str] = []
    address = ADDRESS
    while address and len(seen) < 200:
        page = Page(viewer.get(address).text, address)
        seen += [li.text for li in lines(page)]
        address = next((link["href"] for link in page.elements if link["rel"] == "next"), "")

    assert len(seen) == 120
    assert all(f"r{119 - place}." in text for place, text in enumerate(seen))


def test_what_is_about_people_and_settings_is_for_administrators_only():
    act("ada", "person made", object={"person_name": "grace"}, after={"role": "viewer"})

    assert rows_of(logged_in("operator")) == []
    assert rows_of(logged_in("operator"), what="people") == []
    assert b"grace" not in whole(logged_in("operator").get("/events/timeline.json"))
    assert "ada made grace" in rows_of(logged_in("administrator"))[0]


def test_a_file_holds_all_that_is_filtered_and_nothing_a_table_program_would_run():
    for number in range(60):
        act("ada", reason=f"=cmd|{number}")
    act("grace", reason="another")
    administrator = logged_in("administrator")

    table = whole(administrator.get("/events/timeline.csv?by=ada")).decode()
    told = json.loads(whole(administrator.get("/events/timeline.json?by=ada")))

    rows = list(csv.DictReader(io.StringIO(table)))
    assert len(rows) == len(told) == 60
    assert {row["who"] for row in rows} == {"ada"}
    assert all(row["why"].startswith("'=cmd") for row in rows)
    assert told[0]["why"] == "=cmd|59"


def test_the_number_of_queries_does_not_grow_with_what_has_happened(django_assert_max_num_queries):
    viewer = logged_in("viewer")
    for number in range(200):
        happen("engine.started", {}, after={"host_name": f"node{number}"})

    with django_assert_max_num_queries(40):
        assert len(rows_of(viewer)) == 50


def test_the_chain_is_whole_until_somebody_changes_an_entry_behind_our_back():
    for _ in range(3):
        act("ada")
    administrator = logged_in("administrator")

    administrator.post("/events/check/")
    assert "whole: all 3 entries" in administrator.get(ADDRESS).text

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(f"UPDATE {AuditEntry._meta.db_table} SET actor = 'mallory' WHERE number = 2")
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    administrator.post("/events/check/")

    assert "BROKEN at entry 2" in administrator.get(ADDRESS).text


def test_a_chain_that_nobody_walked_is_not_called_whole():
    act("ada")

    page = logged_in("viewer").get(ADDRESS).text

    assert "was not checked yet" in page
    assert "whole" not in page


def test_nothing_has_happened_is_said():
    FeedEvent.objects.all().delete()

    assert "Nothing has happened yet." in logged_in("viewer").get(ADDRESS).text
