"""Which parts an event touches, and what the frames say: plain data in, plain data out."""

import json

import pytest

from dashboard.live.frames import Ages, Frame, heartbeat, merged
from dashboard.live.render import DRAWINGS
from dashboard.live.touched import Part, touched, whole

RUN, HOST, TARGET = "run-id", "host-id", "target-id"
ABOUT = {"run": RUN, "host": HOST, "target": TARGET, "cluster": "c1", "host_name": "kvm1"}

EVENTS = [
    ("run.created", ABOUT, {}, {"state": "Queued"}),
    ("run.state", {"run": RUN}, {"state": "Queued"}, {"state": "Running"}),
    ("run.pausing", {"run": RUN}, {}, {}),
    ("target.state", ABOUT, {"state": "Ready"}, {"state": "Preparing"}),
    ("target.state", ABOUT, {"state": "Verifying"}, {"state": "Done"}),
    ("step.started", ABOUT, {}, {}),
    ("step.ended", ABOUT, {}, {"outcome": "ok"}),
    ("step.moved", {"run": RUN, "target": TARGET}, {}, {"note": "waits"}),
    ("step.output", ABOUT, {}, {}),
    ("step.taken_over", ABOUT, {}, {}),
    ("host.out", ABOUT, {}, {"instances": 3}),
    ("host.back", ABOUT, {}, {}),
    ("host.changed", ABOUT, {"cluster_id": "c2"}, {"cluster_id": "c1"}),
    ("host.changed", ABOUT, {}, {"hooks": {}}),
    ("instance.changed", {"instance": "i1", "host": HOST}, {"host_id": "other-host"}, {"host_id": HOST}),
    ("instance.changed", {"instance": "i1", "host": ""}, {}, {"gone": True}),
    ("cluster.changed", {"cluster": "c1"}, {}, {"new": True}),
    ("server.changed", {"server": "m1"}, {}, {"state": "Up"}),
    ("jobs.changed", {"job": "j1"}, {}, {"new": True}),
    ("attention.opened", {"attention": "a1", "run": RUN, "host": HOST}, {}, {}),
    ("attention.changed", {"attention": "a1", "run": RUN, "host": HOST}, {}, {"message": "no room"}),
    ("attention.resolved", {"attention": "a1", "run": "None", "host": "None"}, {}, {}),
    ("engine.started", {"engine": "e1"}, {}, {}),
    ("cloud.read", {"cloud": "c"}, {}, {"error": "away"}),
    ("something.new", {}, {}, {}),
]


@pytest.mark.parametrize(("kind", "about", "before", "after"), EVENTS)
def test_whatever_an_event_touches_can_be_drawn(kind, about, before, after):
    for part in touched(kind, about, before, after):
        assert (part.topic.partition(":")[0], part.name) in DRAWINGS


@pytest.mark.parametrize("topic", ["overview", "hosts", "runs", "run:x", "host:x"])
def test_whatever_a_snapshot_holds_can_be_drawn(topic):
    for part in whole(topic):
        assert (part.topic.partition(":")[0], part.name) in DRAWINGS


def test_a_host_whose_turn_begins_leaves_the_list_of_those_that_wait():
    parts = set(touched("target.state", ABOUT, {"state": "Ready"}, {"state": "Preparing"}))

    assert {Part("run:run-id", "now"), Part("run:run-id", "next"), Part("run:run-id", "row", TARGET)} <= parts
    assert Part("run:run-id", "finished") not in parts
    assert Part("hosts", "row", HOST) in parts
    assert Part("overview", "cluster-of-host", HOST) in parts


def test_an_agent_that_goes_away_touches_what_is_promised_of_its_host():
    parts = set(touched("host.changed", ABOUT, {"state": "Up"}, {"state": "Disconnected"}))

    assert {Part("run:*", name) for name in ("head", "progress", "steering")} <= parts
    assert Part("need:*", "story") in parts


def test_output_touches_its_own_block_and_nothing_else():
    assert set(touched("step.output", ABOUT, {}, {})) == {
        Part("run:run-id", "out", TARGET),
        Part("host:host-id", "out", TARGET),
    }


def test_an_instance_that_moved_touches_both_hosts():
    about, before = {"instance": "i1", "host": HOST}, {"host_id": "other-host"}

    rows = {part.one for part in touched("instance.changed", about, before, {}) if part.topic == "hosts"}

    assert rows == {HOST, "other-host"}


def test_a_host_that_is_back_leaves_the_words_of_those_that_took_its_instances():
    back = set(touched("target.state", ABOUT, {"state": "Returning"}, {"state": "Verifying"}))
    leaves = set(touched("target.state", ABOUT, {"state": "Preparing"}, {"state": "Draining"}))

    assert Part("host:*", "instances") in back
    assert Part(f"host:{HOST}", "instances") in leaves
    assert Part("host:*", "instances") not in leaves


def test_a_move_that_gets_stuck_is_told_among_the_instances_of_its_host():
    assert Part(f"host:{HOST}", "instances") in set(touched("step.moved", ABOUT, {}, {"note": "no room"}))


def test_a_new_kernel_is_told_in_the_history_of_its_host():
    about = {"host": HOST}

    new = set(touched("host.changed", about, {"kernel_version": "6.1"}, {"kernel_version": "6.2"}))

    assert Part(f"host:{HOST}", "history") in new


@pytest.mark.parametrize(
    ("kind", "about"),
    [("instance.changed", {"instance": "i1", "host": HOST}), ("host.changed", {"host": HOST})],
)
def test_what_a_run_says_of_a_host_and_its_instances_follows_the_cloud(kind, about):
    parts = set(touched(kind, about, {}, {}))

    assert {Part("run:*", "problems"), Part("run:*", "next"), Part(f"host:{HOST}", "head")} <= parts


def test_a_changed_attention_touches_what_an_opened_one_does():
    about = {"attention": "a1", "run": RUN, "host": HOST}

    changed = set(touched("attention.changed", about, {}, {"message": "no room"}))

    assert changed == set(touched("attention.opened", about, {}, {}))
    assert {Part("run:run-id", "problems"), Part("overview", "needs")} <= changed


def test_of_many_clusters_the_overview_draws_a_few_as_one_part_however_many_hosts_change(monkeypatch):
    monkeypatch.setattr("dashboard.live.touched.is_cut", lambda kind, place: True)
    changes = [
        touched("host.changed", {"host": f"h{n}"}, {"state": "Up"}, {"state": "Down"}) for n in range(300)
    ]
    of_clusters = {part for parts in changes for part in parts if part.name.startswith("cluster")}
    assert of_clusters & {Part("overview", "clusters")}
    assert not {part for part in of_clusters if part.name == "cluster-of-host"}


def test_the_number_of_parts_does_not_grow_with_the_fleet():
    assert all(len(list(touched(*event))) <= 70 for event in EVENTS)


def test_for_a_slow_reader_frames_become_one_and_the_newest_part_wins():
    older = Frame(4, 7, 7, {"a": "old", "b": "kept"})
    newer = Frame(7, 9, 11, {"a": "new", "c": None})

    one = merged(older, newer)

    assert json.loads(one.text) == {
        "type": "delta", "prev": 4, "seq": 9, "drawn": 11, "parts": {"a": "new", "b": "kept", "c": None},
    }  # fmt: skip


def test_a_snapshot_replaces_what_waited_and_a_change_after_it_stays_a_snapshot():
    snapshot = Frame(7, 9, 9, {"a": "whole"}, changes=3, said="Caught up, 3 changes.")

    assert merged(Frame(4, 7, 7, {"a": "old", "b": "old"}), snapshot) == snapshot
    after = json.loads(merged(snapshot, Frame(9, 10, 10, {"b": "new"})).text)
    assert after == {
        "type": "snapshot",
        "seq": 10,
        "drawn": 10,
        "changes": 3,
        "said": "Caught up, 3 changes.",
        "parts": {"a": "whole", "b": "new"},
    }


def test_a_page_that_lacks_nothing_is_only_told_so():
    assert json.loads(Frame(3, 9, 9, {}, changes=0).text) == {"type": "current", "seq": 9}


def test_the_heartbeat_tells_what_the_audience_has_and_how_old_all_of_it_is():
    ages = Ages(0.04, {"c1": 2.26, "c2": None}, None, listings={"c1": 5.01, "c2": None})
    beat = json.loads(heartbeat(9, 12, ages))

    assert (beat["seq"], beat["head"], beat["age"]) == (9, 12, 0.0)
    assert beat["clouds"] == {"c1": 2.3, "c2": None}
    assert beat["listings"] == {"c1": 5.0, "c2": None}
    assert beat["engine"] is None
    assert beat["at"].endswith("Z")
