"""Agents whose server dies, or that are away themselves: each has another within a second, or says why not."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import Agent
from tests.maintenance.backends.lab_agents import (
    MS1,
    MS2,
    MS3,
    AgentsUnderTest,
    agent,
    agents_under_test,
    longest_gap_s,
)
from tests.maintenance.backends.lab_hosts import KVM1, KVM2, KVM4

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])


@pytest.fixture
def it(lab: LabCloud) -> Iterator[AgentsUnderTest]:
    with agents_under_test() as under_test:
        yield under_test


def test_agents_of_a_dead_server_have_another_within_a_second(it: AgentsUnderTest):
    it.kill(MS1)
    it.after(1)

    assert it.per_server() == [0, 10, 4]
    assert 0 < longest_gap_s() <= 1


def test_agents_that_move_to_a_server_that_dies_go_to_the_next_one(it: AgentsUnderTest):
    it.prepare(MS1)
    it.after(it.config.agent_move_s / 2)
    it.kill(MS2)
    assert {leaving.goes_to[-5:] for leaving in it.left(MS1).named} == {"mgmt3"}

    it.after()

    assert it.per_server() == [0, 0, 14]
    assert longest_gap_s() <= 1


def test_a_server_that_has_begun_to_prepare_takes_no_agent_that_was_on_its_way(it: AgentsUnderTest):
    it.kill(MS1)
    it.after(it.config.agent_reconnect_s / 2)
    it.set_server(MS2, "PreparingForMaintenance")  # it still waits for its jobs
    it.after()

    assert it.per_server() == [0, 5, 9]
    assert longest_gap_s() <= 1


def test_an_agent_that_arrived_before_its_new_server_began_to_prepare_was_there(it: AgentsUnderTest):
    it.kill(MS1)
    it.now += timedelta(seconds=10)  # nobody looks
    it.prepare(MS2)
    it.after()

    assert it.per_server() == [0, 0, 14]
    assert longest_gap_s() == it.config.agent_reconnect_s
    assert agent(KVM1).last_server_id == MS2


def test_without_any_server_agents_say_so_and_come_back_with_the_first(it: AgentsUnderTest):
    for server in (MS1, MS2, MS3):
        it.kill(server)
    it.after()
    assert set(it.servers().values()) == {None}
    assert all(Agent.objects.values_list("stuck", flat=True))

    it.start(MS2)
    it.after(1)

    assert it.per_server() == [0, 14, 0]
    assert set(Agent.objects.values_list("stuck", flat=True)) == {""}


def test_a_server_in_maintenance_holds_nobody_who_was_ignored(it: AgentsUnderTest):
    it.set_host(KVM1, resource_state="PrepareForMaintenance")
    it.prepare(MS1, ignore_maintenance_hosts=True)
    it.after()
    it.set_server(MS1, "Maintenance")
    it.after(1)
    it.after(1)
    assert agent(KVM1).server_id == MS2


def test_an_agent_away_has_no_server_and_comes_back_to_the_first_of_its_list(it: AgentsUnderTest):
    it.set_host(KVM2, state="Disconnected")
    it.after()
    assert (agent(KVM2).server_id, agent(KVM2).last_server_id) == (None, MS2)

    it.kill(MS2)
    it.set_host(KVM2, state="Up")
    it.after(0)

    assert agent(KVM2).server_id == MS3
    assert agent(KVM2).longest_gap_s == 0


def test_an_agent_restarted_unseen_connects_anew(it: AgentsUnderTest):
    it.prepare(MS1)
    it.after()
    it.cancel(MS1, rebalance=False)
    assert agent(KVM4).server_id == MS2

    it.set_host(KVM4, agent_session=2)
    it.after(0)

    assert agent(KVM4).server_id == MS1
