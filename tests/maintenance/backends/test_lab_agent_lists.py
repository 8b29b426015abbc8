"""What agents keep: `host=a,b,c@roundrobin` in their files, sent on each occasion, believed when read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from maintenance.backends.base import Never
from maintenance.backends.lab import agents, folders
from maintenance.backends.lab.agents.lists import send_lists
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.grow import grow
from maintenance.backends.lab.models import Agent
from tests.maintenance.backends.lab_agents import (
    MS1,
    MS2,
    MS3,
    A,
    AgentsUnderTest,
    B,
    C,
    agent,
    agents_under_test,
)
from tests.maintenance.backends.lab_hosts import KVM1, KVM2, P1_C1, name_of

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

INTERVAL = "host.lb.check.interval"


@pytest.fixture
def it(lab: LabCloud) -> Iterator[AgentsUnderTest]:
    with agents_under_test() as under_test:
        yield under_test


def file_of(host: object) -> Path:
    return folders.properties_path(name_of(host))  # type: ignore[arg-type]


def lines_of(host: object) -> list[str]:
    return file_of(host).read_text().splitlines()


# ---- the file ---------------------------------------------------------------------------------------------------


def test_an_agent_keeps_its_list_and_algorithm_beside_what_was_in_its_file(it: AgentsUnderTest):
    assert f"host={A},{B},{C}@roundrobin" in lines_of(KVM1)
    assert f"host={B},{C},{A}@roundrobin" in lines_of(KVM2)
    assert any(line.startswith("rolling.maintenance.hooks.dir=") for line in lines_of(KVM1))
    assert lines_of(KVM1)[0].startswith("#")


def test_the_interval_is_kept_only_when_it_is_more_than_nothing(it: AgentsUnderTest):
    assert not any(line.startswith(INTERVAL) for line in lines_of(KVM1))
    it.change(check_interval_s=30)
    assert f"{INTERVAL}=30" in lines_of(KVM1)
    it.change(check_interval_s=0)
    assert not any(line.startswith(INTERVAL) for line in lines_of(KVM1))


def test_a_list_is_written_once_however_often_it_changes(it: AgentsUnderTest):
    for algorithm in ("static", "shuffle", "roundrobin"):
        it.change(algorithm=algorithm)
    assert len([line for line in lines_of(KVM1) if line.startswith("host=")]) == 1


def test_a_missing_algorithm_is_believed_and_seen_in_the_listing(lab: LabCloud, it: AgentsUnderTest):
    text = file_of(KVM1).read_text().replace("@roundrobin", "")
    file_of(KVM1).write_text(text)

    (seen,) = [one for one in lab.snapshot().agents if one.id == KVM1]

    assert (seen.servers_listed, seen.algorithm) == ((A, B, C), "")
    assert file_of(KVM1).read_text() == text


def test_an_interval_written_by_hand_is_obeyed(it: AgentsUnderTest):
    it.prepare(MS1)
    it.after()
    it.cancel(MS1, rebalance=False)
    with file_of(KVM1).open("a") as file:
        file.write(f"{INTERVAL} = 7\n")

    it.after(0)
    it.after(6)
    assert agent(KVM1).server_id == MS2
    it.after(2)

    assert agent(KVM1).server_id == MS1
    assert it.per_server() == [1, 9, 4]


@pytest.mark.parametrize("text", ["soon", "-3", ""])
def test_an_interval_that_is_none_is_never(it: AgentsUnderTest, text: str):
    with file_of(KVM1).open("a") as file:
        file.write(f"{INTERVAL}={text}\n")
    it.after(0)
    assert agent(KVM1).check_interval_s == 0


def test_drift_by_hand_ends_when_the_agent_connects_again(it: AgentsUnderTest):
    file_of(KVM1).write_text(file_of(KVM1).read_text().replace(f"host={A},{B},{C}@roundrobin", f"host={C}"))
    it.after(0)
    assert agent(KVM1).servers_listed == C

    it.set_host(KVM1, agent_session=5)
    it.after(0)

    assert agent(KVM1).server_id == MS3  # it came by the list it had
    assert f"host={A},{B},{C}@roundrobin" in lines_of(KVM1)


# ---- occasions --------------------------------------------------------------------------------------------------


def test_a_host_that_is_added_has_its_list_and_the_next_server(it: AgentsUnderTest):
    grow(it.door, hosts=4, is_virtual=True, clusters=1)
    it.after(0)

    added = Agent.objects.filter(zone__name="fleet").order_by("host_order")
    assert [one.servers_listed[-1] for one in added] == ["3", "1", "2", "3", "1", "2"]
    assert [one.server_id for one in added] == [MS1, MS2, MS3, MS1, MS2, MS3]
    assert [one.kind for one in added] == ["host"] * 4 + ["secondarystoragevm", "consoleproxy"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"algorithm": "static"}, f"host={A},{B},{C}@static"),
        ({"hosts": (C, B)}, f"host={B},{C}@roundrobin"),
        ({"hosts": (f" {C} ", B, B)}, f"host={B},{C}@roundrobin"),
    ],
)
def test_a_changed_setting_reaches_agents_at_once_and_moves_none(
    it: AgentsUnderTest, changes: dict[str, object], expected: str
):
    before = it.servers()
    it.change(**changes)
    it.after()
    assert expected in lines_of(KVM2)
    assert it.servers() == before


def test_an_agent_that_is_away_gets_the_new_list_when_it_connects(it: AgentsUnderTest):
    it.set_host(KVM2, state="Down")
    it.after()
    it.change(algorithm="static")
    assert f"host={B},{C},{A}@roundrobin" in lines_of(KVM2)

    it.set_host(KVM2, state="Up")
    it.after(0)

    assert f"host={A},{B},{C}@static" in lines_of(KVM2)


def test_a_clusters_own_interval_is_its_hosts_and_the_others_keep_the_global_one(it: AgentsUnderTest):
    it.change(check_interval_s=30, check_interval_of_cluster_s={P1_C1: 7})
    seconds: dict[str | None, int] = dict(Agent.objects.values_list("cluster__name", "check_interval_s"))
    assert (seconds["p1-c1"], seconds["p1-c2"], seconds[None]) == (7, 30, 30)

    it.change(check_interval_of_cluster_s={P1_C1: None})

    assert agent(KVM1).check_interval_s == 30
    assert agents.balance_settings(it.door, it.config).check_interval_of_cluster_s == {}


def test_a_rebalance_sends_lists_again_and_brings_everybody_home(it: AgentsUnderTest):
    home = it.servers()
    file_of(KVM1).write_text(file_of(KVM1).read_text().replace("@roundrobin", ""))
    it.kill(MS1)
    it.after()
    it.start(MS1)
    it.after()
    assert it.servers() != home

    agents.send_home(it.door, it.config, it.now)
    it.after(2)

    assert it.servers() == home
    assert f"host={A},{B},{C}@roundrobin" in lines_of(KVM1)


def test_asking_for_the_same_settings_again_sends_nothing(it: AgentsUnderTest):
    it.change(algorithm="shuffle")
    before = dict(Agent.objects.values_list("name", "servers_listed"))
    it.change(algorithm="shuffle")
    assert dict(Agent.objects.values_list("name", "servers_listed")) == before
    assert send_lists(it.door, it.config, it.now) == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"algorithm": "fair"},
        {"hosts": (" ", "")},
        {"check_interval_s": -1},
        {"maintenance_timeout_min": 0},
        {"check_interval_of_cluster_s": {MS1: 5}},
    ],
)
def test_a_setting_that_makes_no_sense_changes_nothing(it: AgentsUnderTest, changes: dict[str, object]):
    before = agents.balance_settings(it.door, it.config)
    with pytest.raises(Never):
        it.change(**changes)
    assert agents.balance_settings(it.door, it.config) == before


# ---- looking for the preferred server ---------------------------------------------------------------------------


def test_at_the_interval_agents_go_home(it: AgentsUnderTest):
    home = it.servers()
    it.change(check_interval_s=60)
    it.prepare(MS1)
    it.after()
    it.cancel(MS1, rebalance=False)
    it.after(30)
    assert it.per_server()[0] == 0

    it.after(60)

    indirect = set(Agent.objects.filter(is_direct=False).values_list("name", flat=True))
    assert {name: it.servers()[name] for name in indirect} == {name: home[name] for name in indirect}


def test_nobody_looks_for_a_preferred_server_that_is_not_up(it: AgentsUnderTest):
    it.change(check_interval_s=60)
    it.prepare(MS1)
    it.after(600)
    assert it.per_server() == [0, 10, 4]
    assert not Agent.objects.exclude(moves_to=None).exists()


def test_an_hour_that_nobody_watched_ends_as_if_it_had_been_watched(it: AgentsUnderTest):
    it.change(check_interval_s=60)
    it.kill(MS1)
    it.after()
    it.start(MS1)
    started = it.now
    it.after(3600)

    assert it.per_server() == [5, 5, 4]
    came_home = agent(KVM1).moved_at
    assert came_home is not None
    assert (came_home - started).total_seconds() <= 61
    looks_at = agent(KVM1).next_check_at
    assert looks_at is not None
    assert looks_at > it.now


def test_a_change_to_shuffle_gives_agents_orders_of_their_own(it: AgentsUnderTest):
    it.change(algorithm="static")

    it.change(algorithm="shuffle")

    kept = set(Agent.objects.filter(is_direct=False).values_list("servers_listed", flat=True))
    assert {frozenset(one.split(",")) for one in kept} == {frozenset({A, B, C})}
    assert len(kept) > 1
    assert f"host={agent(KVM1).servers_listed}@shuffle" in lines_of(KVM1)


def test_with_shuffle_agents_look_once_and_never_again(it: AgentsUnderTest):
    it.change(algorithm="shuffle", check_interval_s=60)
    it.after(61)
    it.after()

    preferred = {name: listed.split(",")[0] for name, listed in _indirect("servers_listed")}
    addresses = {MS1: A, MS2: B, MS3: C}
    assert {name: addresses[server] for name, server in _indirect("server_id")} == preferred
    assert set(Agent.objects.values_list("next_check_at", flat=True)) == {None}

    it.kill(MS1)
    it.after()
    it.start(MS1)
    it.after(3600)
    assert it.per_server()[0] == 0


def _indirect(column: str) -> list[tuple[str, Any]]:
    return list(Agent.objects.filter(is_direct=False).values_list("name", column))


def test_a_host_that_empties_is_at_work_and_looks_again_an_interval_later(it: AgentsUnderTest):
    it.change(check_interval_s=60)
    it.kill(MS1)
    it.after()
    it.set_host(KVM1, resource_state="PrepareForMaintenance")
    it.start(MS1)
    it.after(61)
    assert agent(KVM1).server_id == MS2
    it.set_host(KVM1, resource_state="Enabled")
    it.after(61)
    assert agent(KVM1).server_id == MS1
