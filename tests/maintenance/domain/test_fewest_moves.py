"""Rebalancing over all zones: within one of each other, and never a move too many (proved by trying all plans)."""

from collections import Counter
from itertools import product
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from maintenance.domain.fewest_moves import Placed, fewest_moves

SERVERS = [UUID(int=n) for n in range(1, 9)]
ZONES = [UUID(int=100 + n) for n in range(6)]
GONE = UUID(int=99)  # a server that agents still name, and that may not be used


def placed(*on: UUID | None, zones: int = 1) -> list[Placed]:
    return [Placed(UUID(int=1000 + n), ZONES[n % zones], server) for n, server in enumerate(on)]


def after(agents: list[Placed], servers: list[UUID]) -> dict[UUID, UUID | None]:
    where: dict[UUID, UUID | None] = {agent.agent: agent.server for agent in agents}
    for move in fewest_moves(agents, servers):
        assert where[move.agent] == move.before != move.after
        where[move.agent] = move.after
    return where


def counts(where: dict[UUID, UUID | None], servers: list[UUID]) -> list[int]:
    found = Counter(where.values())
    return [found[server] for server in servers]


def fewest_by_trying(agents: list[Placed], servers: list[UUID]) -> int:
    """Every way to put the agents; of the even ones the one that leaves most of them alone."""
    return min(
        sum(agent.server != server for agent, server in zip(agents, plan, strict=True))
        for plan in product(servers, repeat=len(agents))
        if max(found := [plan.count(server) for server in servers]) - min(found) <= 1
    )


@given(st.integers(1, 3), st.lists(st.integers(0, 4), max_size=6), st.integers(1, 3))
def test_no_plan_with_fewer_moves_makes_servers_equal(servers: int, on: list[int], zones: int) -> None:
    places = [*SERVERS[:3], GONE, None]
    agents = placed(*(places[n] for n in on), zones=zones)
    use = SERVERS[:servers]
    assert len(fewest_moves(agents, use)) == fewest_by_trying(agents, use)


@given(
    st.integers(1, 8),
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(ZONES)), max_size=120),
)
def test_counts_differ_by_at_most_one_over_the_whole_cloud(
    servers: int, drawn: list[tuple[int, UUID]]
) -> None:
    places = [*SERVERS, GONE, None]
    agents = [Placed(UUID(int=1000 + n), zone, places[on]) for n, (on, zone) in enumerate(drawn)]
    use = SERVERS[:servers]
    where = after(agents, use)
    assert set(where.values()) <= set(use)
    assert max(counts(where, use)) - min(counts(where, use)) <= 1


def test_servers_that_are_even_already_are_left_alone() -> None:
    assert fewest_moves(placed(*SERVERS[:3], *SERVERS[:2]), SERVERS[:3]) == []


def test_three_zones_of_one_host_that_all_prefer_the_first_server_are_spread_by_two_moves() -> None:
    agents = placed(*[SERVERS[0]] * 3, zones=3)
    assert len(fewest_moves(agents, SERVERS[:3])) == 2
    assert counts(after(agents, SERVERS[:3]), SERVERS[:3]) == [1, 1, 1]


def test_agents_leave_where_their_zone_is_crowded() -> None:
    first, second = SERVERS[:2]
    crowd = [Placed(UUID(int=n), ZONES[0], first) for n in range(4)]
    alone = [
        Placed(UUID(int=10 + n), ZONES[1], server) for n, server in enumerate((first, first, second, second))
    ]
    moved = {move.agent for move in fewest_moves([*alone, *crowd], [first, second])}
    assert len(moved) == 2
    assert moved <= {agent.agent for agent in crowd}


def test_without_servers_nobody_moves() -> None:
    assert fewest_moves(placed(SERVERS[0], None), []) == []
