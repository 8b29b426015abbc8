"""The feed in pages."""

import pytest

from maintenance.feed import unit_of_work
from maintenance.models import FeedEvent
from tests.dashboard.inventory import an_id


@pytest.fixture
def three_events(db) -> list[int]:
    with unit_of_work("ada") as work:
        work.event("run.state", {"run": str(an_id())}, before={"state": "Queued"}, after={"state": "Running"})
        work.event("host.changed", {"host": "7b9fdd0c-4b0f-4d1c-8d2c-0f7f1e2d3c4b"}, after={"state": "Down"})
        work.event("run.state", {"run": str(an_id())}, after={"state": "Failed"})
    return list(FeedEvent.objects.values_list("seq", flat=True))


def test_the_newest_come_first(viewer, three_events):
    answer = viewer.get("events/").json()
    assert set(answer) == {"next", "previous", "results"}
    assert [row["seq"] for row in answer["results"]] == three_events[::-1]
    assert set(answer["results"][0]) == {"seq", "at", "kind", "actor", "object", "before", "after"}
    assert answer["results"][0]["actor"] == "ada"


def test_after_a_place_they_come_in_order(viewer, three_events):
    answer = viewer.get(f"events/?after={three_events[0]}&page_size=1").json()
    assert [row["seq"] for row in answer["results"]] == [three_events[1]]
    assert [row["seq"] for row in viewer.client.get(answer["next"]).json()["results"]] == [three_events[2]]


def test_they_are_found_by_kind_and_by_what_they_are_about(viewer, three_events):
    assert len(viewer.get("events/?kind=run.state").json()["results"]) == 2
    found = viewer.get("events/?host=7B9FDD0C-4b0f-4d1c-8d2c-0f7f1e2d3c4b").json()["results"]
    assert [row["seq"] for row in found] == [three_events[1]]


@pytest.mark.parametrize("after", ["-1", "x", "1.5", "9" * 30, ""])
def test_a_place_that_is_none_is_400(viewer, after):
    assert viewer.get(f"events/?after={after}").status_code == 400
