"""Agents of a management server that prepares: handed over, stuck and saying why, sent home again."""

from collections.abc import Iterator

import pytest

from maintenance.backends.lab import agents
from maintenance.backends.lab.cloud import LabCloud
from maintenance.backends.lab.models import Agent
from maintenance.backends.lab.seed import host_id
from maintenance.backends.lab.topology import HOSTS
from tests.maintenance.backends.lab_agents import (
    MS1,
    MS2,
    MS3,
    A,
    AgentsUnderTest,
    B,
    agent,
    agents_under_test,
    longest_gap_s,
)
from tests.maintenance.backends.lab_hosts import KVM1

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "lab"])

(ESXI,) = (host_id(host) for host in HOSTS if host.cluster == "p1-c3")


@pytest.fixture
def it(lab: LabCloud) -> Iterator[AgentsUnderTest]:
    with agents_under_test() as under_test:
        yield under_test


def test_the_demo_spreads_its_agents_evenly(it: AgentsUnderTest):
    assert it.per_server() == [5, 5, 4]
    kinds = list(Agent.objects.order_by("host_order").values_list("kind", flat=True))
    assert kinds == ["host"] * 10 + ["secondarystoragevm", "consoleproxy"] * 2


def test_a_server_that_prepares_hands_every_agent_over_and_none_is_without_a_server(it: AgentsUnderTest):
    assert it.prepare(MS1)
    assert it.left(MS1).count == 5
    assert {leaving.goes_to[-5:] for leaving in it.left(MS1).named} == {"mgmt2"}

    it.after()

    assert it.left(MS1) == agents.AgentsLeft(0, 0, 0, ())
    assert it.per_server() == [0, 10, 4]
    assert longest_gap_s() == 0


def test_an_agent_keeps_its_old_connection_until_the_new_one_stands(it: AgentsUnderTest):
    it.prepare(MS1)

    it.after(it.config.agent_move_s / 2)
    assert agent(KVM1).server_id == MS1
    it.after(it.config.agent_move_s)
    assert it.per_server()[0] < 5


def test_system_vms_go_before_hosts(it: AgentsUnderTest):
    it.prepare(MS1)
    moves = dict(Agent.objects.filter(server=MS1).values_list("kind", "moves_at"))
    first, then = moves["secondarystoragevm"], moves["host"]
    assert first is not None
    assert then is not None
    assert first < then


def test_the_moment_a_server_is_empty_is_known_before_and_after(it: AgentsUnderTest):
    def empty_at() -> object:
        return agents.empty_at(it.door, MS1, ignore_maintenance_hosts=False)

    assert empty_at() is None  # nobody told its agents to go
    it.prepare(MS1)
    foretold = empty_at()
    it.after()
    assert foretold == empty_at() == Agent.objects.filter(last_server=MS1).latest("moved_at").moved_at


def test_an_algorithm_of_the_preparation_decides_where_agents_go(it: AgentsUnderTest):
    it.prepare(MS3, algorithm="static")
    listed = set(Agent.objects.filter(server=MS3, is_direct=False).values_list("servers_listed", "algorithm"))
    assert listed == {("10.2.0.11,10.2.0.12,10.2.0.13", "static")}

    it.after()

    assert it.per_server() == [8, 6, 0]
    # The server they came to sends what the setting says.
    assert set(Agent.objects.filter(is_direct=False).values_list("algorithm", flat=True)) == {"roundrobin"}


def test_the_settings_own_algorithm_sends_no_new_lists(it: AgentsUnderTest):
    before = dict(Agent.objects.values_list("name", "servers_listed"))
    it.prepare(MS3, algorithm="roundrobin")
    assert dict(Agent.objects.values_list("name", "servers_listed")) == before


@pytest.mark.parametrize("state", ["PrepareForMaintenance", "ErrorInPrepareForMaintenance"])
def test_the_agent_of_a_host_that_empties_is_stuck_and_says_so(it: AgentsUnderTest, state: str):
    it.set_host(KVM1, resource_state=state)
    assert it.prepare(MS1)
    it.after()

    left = it.left(MS1)
    assert (left.count, left.stuck) == (1, 1)
    assert left.named[0].id == KVM1
    assert state in left.named[0].stuck
    assert agents.empty_at(it.door, MS1, ignore_maintenance_hosts=False) is None


def test_hosts_in_maintenance_states_do_not_hold_where_they_are_ignored(it: AgentsUnderTest):
    it.set_host(KVM1, resource_state="PrepareForMaintenance")
    it.prepare(MS1, ignore_maintenance_hosts=True)
    it.after()

    assert it.left(MS1, ignore_maintenance_hosts=True).count == 0
    assert agents.empty_at(it.door, MS1, ignore_maintenance_hosts=True) is not None
    assert agent(KVM1).server_id == MS1


def test_a_host_that_is_in_maintenance_is_handed_over_like_any_other(it: AgentsUnderTest):
    it.set_host(KVM1, resource_state="Maintenance")
    it.prepare(MS1)
    it.after()
    assert it.left(MS1).count == 0


def test_a_stuck_agent_goes_once_its_host_no_longer_empties(it: AgentsUnderTest):
    it.set_host(KVM1, resource_state="PrepareForMaintenance")
    it.prepare(MS1)
    it.after()
    it.set_host(KVM1, resource_state="Maintenance")

    it.after()
    it.after()

    assert agent(KVM1).server_id == MS2
    assert it.left(MS1).count == 0


def test_a_host_whose_agent_is_not_up_does_not_hold(it: AgentsUnderTest):
    it.set_host(KVM1, state="Disconnected", resource_state="PrepareForMaintenance")
    it.prepare(MS1)
    it.after()
    assert it.left(MS1).count == 0


def test_a_host_agent_that_goes_away_while_it_is_stuck_no_longer_holds(it: AgentsUnderTest):
    it.set_host(KVM1, resource_state="PrepareForMaintenance")
    it.prepare(MS1)
    it.after()
    it.set_host(KVM1, state="Down")
    assert it.left(MS1).count == 0


def test_an_agent_that_has_nowhere_to_go_says_so_with_its_list(it: AgentsUnderTest):
    it.change(hosts=(A, "10.2.0.99"))
    it.after()
    it.set_host(KVM1, resource_state="PrepareForMaintenance")
    assert it.prepare(MS1)
    it.after()

    left = it.left(MS1)
    nowhere = [leaving for leaving in left.named if leaving.is_nowhere]
    assert {leaving.stuck for leaving in nowhere} == {
        f"no other server of its list ({A}, 10.2.0.99) is Up",
        f"no other server of its list (10.2.0.99, {A}) is Up",
    }
    assert (left.nowhere, left.stuck) == (len(nowhere), len(nowhere) + 1)
    assert not next(leaving for leaving in left.named if leaving.id == KVM1).is_nowhere


def test_agents_go_once_the_missing_address_is_in_the_setting(it: AgentsUnderTest):
    it.change(hosts=(A,))
    it.prepare(MS1)
    it.after()
    assert it.left(MS1).stuck > 0

    it.change(hosts=(A, B))
    it.after()
    it.after()

    assert it.left(MS1).count == 0


def test_hosts_of_the_other_hypervisor_are_dealt_over_the_servers_that_are_up(it: AgentsUnderTest):
    assert agent(ESXI).is_direct
    assert agent(ESXI).servers_listed == ""
    before = agent(ESXI).server_id

    assert before == MS3
    it.prepare(MS3)
    it.after()

    assert agent(ESXI).server_id in {MS1, MS2}
    it.cancel(MS3)
    it.after()
    assert agent(ESXI).server_id == MS3


def test_the_hand_over_fails_when_nobody_else_is_up(it: AgentsUnderTest):
    it.kill(MS2)
    it.kill(MS3)
    it.after()
    assert not it.prepare(MS1)


def test_agents_that_had_not_left_stay_when_the_preparation_is_cancelled(it: AgentsUnderTest):
    it.prepare(MS1)
    it.cancel(MS1, rebalance=False)
    it.after()
    assert it.per_server() == [5, 5, 4]


def test_after_a_cancel_with_rebalance_all_agents_are_home_within_two_seconds(it: AgentsUnderTest):
    home = it.servers()
    it.prepare(MS1)
    it.after()

    it.cancel(MS1)
    it.after(2)

    assert it.servers() == home
    assert longest_gap_s() == 0


def test_after_a_cancel_without_rebalance_agents_stay_where_they_are(it: AgentsUnderTest):
    it.prepare(MS1)
    it.after()
    it.cancel(MS1, rebalance=False)
    it.after(3600)
    assert it.per_server() == [0, 10, 4]
