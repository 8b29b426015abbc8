"""Days that people choose begin and end where they are."""

from datetime import UTC, date, datetime

import pytest
from django.http import QueryDict

from dashboard.screens.days import day_begins, day_ends, zone_name
from dashboard.screens.events.asked import events_asked
from dashboard.screens.runs.asked import RunsAsked
from maintenance.models import Run
from tests.dashboard.console.runs import start_run
from tests.dashboard.inventory import make_inventory


@pytest.mark.parametrize(
    ("zone", "begins"),
    [
        ("Pacific/Kiritimati", datetime(2026, 11, 21, 10, tzinfo=UTC)),
        ("Asia/Kolkata", datetime(2026, 11, 21, 18, 30, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 11, 22, 5, tzinfo=UTC)),
        ("", datetime(2026, 11, 22, tzinfo=UTC)),
        ("Nowhere/At_All", datetime(2026, 11, 22, tzinfo=UTC)),
        ("../../etc/passwd", datetime(2026, 11, 22, tzinfo=UTC)),
        ("Europe", datetime(2026, 11, 22, tzinfo=UTC)),
        ("x" * 300, datetime(2026, 11, 22, tzinfo=UTC)),
    ],
)
def test_a_day_begins_in_its_zone_and_in_utc_where_that_is_none(zone, begins):
    assert day_begins(date(2026, 11, 22), zone) == begins


def test_a_day_on_which_clocks_change_ends_with_the_next_ones_beginning():
    length = day_ends(date(2026, 10, 25), "Europe/Berlin") - day_begins(date(2026, 10, 25), "Europe/Berlin")
    ends = day_ends(date(2026, 10, 25), "Europe/Berlin").astimezone(UTC)

    assert ends == datetime(2026, 10, 25, 23, tzinfo=UTC)
    assert length.days == 1


def test_a_zone_that_is_none_is_called_utc():
    assert zone_name("Asia/Kolkata") == "Asia/Kolkata"
    assert zone_name("<script>") == "UTC"


@pytest.mark.parametrize(("zone", "found"), [("Pacific/Kiritimati", True), ("UTC", False), ("", False)])
def test_runs_are_found_by_the_readers_days(db, zone, found):
    run = start_run(make_inventory(), "c1")
    Run.objects.filter(id=run.id).update(created_at=datetime(2026, 11, 21, 18, tzinfo=UTC))

    asked = RunsAsked.of({"since": "2026-11-22", "until": "2026-11-22", "zone": zone})

    assert asked.found().exists() is found


def test_events_keep_the_zone_of_their_days_in_the_address():
    asked = events_asked(QueryDict("since=2026-11-22&zone=Asia/Kolkata"))

    assert asked.zone == "Asia/Kolkata"
    assert "zone=Asia%2FKolkata" in asked.url()
    assert not events_asked(QueryDict("zone=Asia/Kolkata")).is_filtered
