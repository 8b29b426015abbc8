"""The order of management servers that each agent is given, by CloudStack's own test vectors and families."""

import random
from collections import Counter, defaultdict
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maintenance.domain.agent_lists import (
    COUNTED_STATES,
    AgentKey,
    BadAlgorithm,
    BadHostSetting,
    addresses_of,
    is_same,
    lists_for,
)

ZONE, OTHER_ZONE = UUID(int=1), UUID(int=2)
ABC = ("A", "B", "C")
VECTOR = {1: "ABC", 5: "BCA", 10: "CAB", 20: "ABC", 50: "BCA", 60: "CAB", 70: "ABC", 80: "BCA"}


def agent(
    number: int | None, *, zone: UUID = ZONE, state: str = "Enabled", name: int | None = None
) -> AgentKey:
    return AgentKey(UUID(int=name or number or 0), number, zone, state)


def listed(agents: list[AgentKey], hosts: tuple[str, ...] = ABC, algorithm: str = "roundrobin") -> list[str]:
    """The lists as words, in the order of the agents."""
    lists = lists_for(agents, hosts, algorithm, seed=7)
    return ["".join(lists[one.id]) for one in agents]


# ---- round robin ----------------------------------------------------------------------------------------------------


def test_round_robin_gives_cloudstacks_own_vector() -> None:
    assert listed([agent(number) for number in VECTOR]) == list(VECTOR.values())


def test_a_new_agent_goes_on_where_the_last_one_ended_and_the_next_new_one_after_it() -> None:
    known = [agent(number) for number in VECTOR]
    assert listed([*known, agent(None, name=901)])[-1:] == ["CAB"]
    assert listed([*known, agent(None, name=901), agent(None, name=902)])[-2:] == ["CAB", "ABC"]


def test_the_order_is_that_of_the_clouds_numbers_whatever_order_agents_are_given_in() -> None:
    agents = [agent(number) for number in VECTOR]
    random.Random(3).shuffle(agents)
    assert listed(agents) == [VECTOR[one.host_order or 0] for one in agents]


def test_the_same_agents_are_given_the_same_lists_again() -> None:
    agents = [agent(number) for number in VECTOR]
    assert listed(agents) == listed(agents)


@pytest.mark.parametrize("state", sorted(COUNTED_STATES))
def test_agents_in_counted_states_keep_their_place(state: str) -> None:
    assert listed([agent(1), agent(2, state=state), agent(3)]) == ["ABC", "BCA", "CAB"]


@pytest.mark.parametrize("state", ["ErrorInPrepareForMaintenance", "Degraded", "Error", "Creating", ""])
def test_agents_in_other_states_are_appended(state: str) -> None:
    assert listed([agent(1), agent(2, state=state), agent(3)]) == ["ABC", "CAB", "BCA"]


def test_zones_are_independent_so_three_zones_of_one_host_all_prefer_the_first_server() -> None:
    agents = [agent(number, zone=UUID(int=100 + number)) for number in (1, 2, 3)]
    assert listed(agents) == ["ABC", "ABC", "ABC"]


agents_of_zones = st.lists(
    st.tuples(
        st.integers(1, 10_000), st.sampled_from([ZONE, OTHER_ZONE]), st.sampled_from(["Enabled", "Degraded"])
    ),
    unique_by=lambda drawn: drawn[0],
    max_size=60,
)


@given(agents_of_zones, st.integers(1, 9))
def test_in_each_zone_servers_are_preferred_equally_often_or_once_more(
    drawn: list[tuple[int, UUID, str]], servers: int
) -> None:
    hosts = tuple(f"10.0.0.{number}" for number in range(servers))
    agents = [agent(number, zone=zone, state=state) for number, zone, state in drawn]
    lists = lists_for(agents, hosts, "roundrobin", seed=0)
    preferred: defaultdict[UUID, Counter[str]] = defaultdict(lambda: Counter(dict.fromkeys(hosts, 0)))
    for one in agents:
        preferred[one.zone][lists[one.id][0]] += 1
        assert sorted(lists[one.id]) == sorted(hosts)
    for counts in preferred.values():
        assert max(counts.values()) - min(counts.values()) <= 1


# ---- static and shuffle ---------------------------------------------------------------------------------------------


def test_static_gives_everybody_the_list_as_it_is_written() -> None:
    assert listed([agent(1), agent(2), agent(None, name=9)], algorithm="static") == ["ABC", "ABC", "ABC"]


def test_shuffle_gives_everybody_the_same_addresses_in_orders_that_differ() -> None:
    lists = lists_for([agent(number) for number in range(1, 200)], ABC, "shuffle", seed=7)
    assert {frozenset(one) for one in lists.values()} == {frozenset(ABC)}
    assert len(set(lists.values())) == 6


def test_shuffle_gives_the_same_lists_for_a_seed_and_others_for_another() -> None:
    agents = [agent(number) for number in range(1, 50)]
    again = lists_for(reversed(agents), ABC, "shuffle", seed=7)
    assert lists_for(agents, ABC, "shuffle", seed=7) == again
    assert lists_for(agents, ABC, "shuffle", seed=8) != again


@pytest.mark.parametrize("algorithm", ["static", "roundrobin", "shuffle"])
def test_a_single_server_is_the_whole_list(algorithm: str) -> None:
    assert listed([agent(1), agent(2)], ("A",), algorithm) == ["A", "A"]


@pytest.mark.parametrize("algorithm", ["static", "roundrobin", "shuffle"])
def test_no_agents_have_no_lists(algorithm: str) -> None:
    assert lists_for([], ABC, algorithm, seed=0) == {}


# ---- settings -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hosts", [(), ("",), (" ", "\t")])
def test_a_host_setting_that_names_nobody_is_an_error(hosts: tuple[str, ...]) -> None:
    with pytest.raises(BadHostSetting, match="`host`"):
        lists_for([agent(1)], hosts, "static", seed=0)


def test_an_algorithm_that_does_not_exist_is_an_error_that_names_the_three() -> None:
    with pytest.raises(BadAlgorithm, match=r"'random'.*static, roundrobin, shuffle"):
        lists_for([agent(1)], ABC, "random", seed=0)


def test_spaces_and_second_mentions_are_left_out_of_the_host_setting() -> None:
    assert addresses_of(" 10.0.0.1, 10.0.0.2 ,,10.0.0.1, 10. 0.0.3") == ("10.0.0.1", "10.0.0.2", "10.0.0.3")
    assert listed([agent(1)], (" A", "B ", "A"), "static") == ["AB"]


# ---- comparing ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("algorithm", "mine", "expected", "same"),
    [
        ("static", "ABC", "ABC", True),
        ("static", "ACB", "ABC", False),
        ("static", "AB", "ABC", False),
        ("roundrobin", "BCA", "BCA", True),
        ("roundrobin", "ABC", "BCA", False),
        ("shuffle", "CAB", "ABC", True),
        ("shuffle", "AB", "ABC", False),
        ("shuffle", "ABD", "ABC", False),
        ("static", None, "ABC", False),
        ("roundrobin", None, "ABC", False),
        ("shuffle", None, "", False),
    ],
)
def test_lists_are_the_same_by_order_and_with_shuffle_by_what_is_in_them(
    algorithm: str, mine: str | None, expected: str, same: bool
) -> None:
    assert is_same(algorithm, None if mine is None else tuple(mine), tuple(expected)) is same
