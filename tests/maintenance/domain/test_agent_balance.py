"""Agents as they should be spread, as they are, what is wrong with the settings, and who would move."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from maintenance.domain.agent_balance import AgentFacts, Balance, Drift, Servers, Spread, spread_of
from maintenance.domain.agent_lists import AgentKey
from maintenance.domain.balance_lint import Flaw, lint
from maintenance.domain.balance_preview import Flow, Preview, preview_of
from maintenance.domain.servers import ServerFacts, ServerState

ABC = ("A", "B", "C")
ROUND_ROBIN = Balance(ABC, "roundrobin", 60)
ZONE, OTHER_ZONE = UUID(int=1), UUID(int=2)
CLUSTER = UUID(int=50)


def server(number: int, state: ServerState | None = ServerState.UP) -> ServerFacts:
    return ServerFacts(UUID(int=10 + number), f"ms{number}", "ABCDEFGH"[number - 1], state)


UP = (server(1), server(2), server(3))
SECOND_IN_MAINTENANCE = (server(1), server(2, ServerState.MAINTENANCE), server(3))


def agent(
    number: int,
    listed: str | None,
    on: int | None,
    *,
    algorithm: str = "roundrobin",
    zone: UUID = ZONE,
    is_direct: bool = False,
    interval_s: int | None = 60,
) -> AgentFacts:
    return AgentFacts(
        key=AgentKey(UUID(int=100 + number), number, zone, "Enabled"),
        name=f"kvm{number}",
        server=UUID(int=10 + on) if on else None,
        listed=None if listed is None else tuple(listed),
        algorithm=algorithm,
        cluster=CLUSTER,
        is_direct=is_direct,
        interval_s=interval_s,
    )


HOME = (agent(1, "ABC", 1), agent(2, "BCA", 2), agent(3, "CAB", 3), agent(4, "ABC", 1))


def spread(
    agents: Sequence[AgentFacts] = HOME, balance: Balance = ROUND_ROBIN, servers: Sequence[ServerFacts] = UP
) -> Spread:
    return spread_of(agents, Servers(servers), balance)


def reasons(*agents: AgentFacts, **given: object) -> list[tuple[str, tuple[Drift, ...]]]:
    return [(one.agent.name, one.reasons) for one in spread(agents, **given).drifting]  # type: ignore[arg-type]


# ---- expected against actual ----------------------------------------------------------------------------------------


def test_agents_that_are_all_home_are_expected_where_they_are() -> None:
    found = spread()
    assert [(s.name, s.preferred, s.expected, s.actual) for s in found.shares] == [
        ("ms1", 2, 2, 2),
        ("ms2", 1, 1, 1),
        ("ms3", 1, 1, 1),
    ]
    assert (found.drifting, found.skew, found.untold, found.without_server) == ((), 1, 0, 0)


def test_agents_gathered_on_one_server_are_expected_on_the_others() -> None:
    found = spread([replace(one, server=UUID(int=11)) for one in HOME])
    assert [(s.expected, s.actual) for s in found.shares] == [(2, 4), (1, 0), (1, 0)]
    assert found.skew == 4
    assert [one.agent.name for one in found.drifting] == ["kvm2", "kvm3"]


def test_agents_whose_preferred_server_is_in_maintenance_are_right_where_they_went() -> None:
    away = [HOME[0], replace(HOME[1], server=UUID(int=13)), *HOME[2:]]
    found = spread(away, servers=SECOND_IN_MAINTENANCE)
    assert found.drifting == ()
    assert [(s.preferred, s.expected, s.actual) for s in found.shares] == [(2, 2, 2), (1, 0, 0), (1, 2, 2)]


def test_an_agent_still_on_a_server_that_is_not_up_belongs_on_the_next_of_its_list() -> None:
    assert reasons(HOME[0], HOME[1], servers=SECOND_IN_MAINTENANCE) == [("kvm2", (Drift.NOT_ON_PREFERRED,))]


def test_zones_have_a_skew_of_their_own_though_the_cloud_is_even() -> None:
    there = [
        agent(1, "AB", 1),
        agent(2, "BA", 1),
        agent(3, "AB", 2, zone=OTHER_ZONE),
        agent(4, "BA", 2, zone=OTHER_ZONE),
    ]
    found = spread(there, Balance(("A", "B"), "roundrobin"), UP[:2])
    assert found.skew == 0
    assert [(zone.skew, zone.expected_skew) for zone in found.zones] == [(2, 0), (2, 0)]


def test_agents_that_servers_connect_to_are_counted_and_nothing_is_expected_of_them() -> None:
    found = spread([*HOME, agent(5, None, 3, algorithm="", is_direct=True)])
    assert [(s.expected, s.actual, s.direct) for s in found.shares] == [(2, 2, 0), (1, 1, 0), (1, 2, 1)]
    assert (found.drifting, found.untold) == ((), 0)


def test_an_address_that_belongs_to_no_server_has_a_share_of_its_own() -> None:
    shares = spread(balance=Balance(("A", "X"), "roundrobin")).shares
    assert [(s.name, s.server is None, s.preferred) for s in shares] == [
        ("ms1", False, 2), ("X", True, 2), ("ms2", False, 0), ("ms3", False, 0),
    ]  # fmt: skip


@pytest.mark.parametrize("balance", [Balance((), "roundrobin"), Balance(ABC, "weighted")])
def test_with_settings_nobody_can_follow_nothing_is_expected(balance: Balance) -> None:
    found = spread(balance=balance)
    assert found.drifting == ()
    assert {s.name: (s.expected, s.actual) for s in found.shares} == {
        "ms1": (0, 2),
        "ms2": (0, 1),
        "ms3": (0, 1),
    }


# ---- drift ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("drifting", "expected"),
    [
        (agent(1, "ACB", 1), (Drift.OTHER_LIST,)),
        (agent(1, "ABC", 1, algorithm="static"), (Drift.OTHER_ALGORITHM,)),
        (agent(1, "ABC", 1, algorithm=""), (Drift.NO_ALGORITHM,)),
        (agent(1, "ABC", 1, interval_s=30), (Drift.OTHER_INTERVAL,)),
        (agent(1, "ABC", 1, interval_s=None), (Drift.OTHER_INTERVAL,)),
        (agent(1, "ABC", 2), (Drift.NOT_ON_PREFERRED,)),
        (agent(1, "ABC", None), (Drift.NO_SERVER,)),
        (agent(1, "A", 3, algorithm=""), (Drift.OTHER_LIST, Drift.NO_ALGORITHM, Drift.NOT_ON_PREFERRED)),
        (agent(1, None, 2, algorithm="", interval_s=None), (Drift.NOT_ON_PREFERRED,)),
    ],
)
def test_every_reason_for_drift_is_told(drifting: AgentFacts, expected: tuple[Drift, ...]) -> None:
    assert reasons(drifting) == [("kvm1", expected)]


def test_an_interval_is_held_against_that_of_the_agents_cluster_and_off_is_off() -> None:
    of_cluster = Balance(ABC, "roundrobin", 60, {CLUSTER: 0})
    assert reasons(agent(1, "ABC", 1, interval_s=None), balance=of_cluster) == []
    assert reasons(agent(1, "ABC", 1), balance=of_cluster) == [("kvm1", (Drift.OTHER_INTERVAL,))]


def test_an_agent_whose_list_the_cloud_does_not_tell_is_untold_and_does_not_drift_by_it() -> None:
    found = spread([agent(1, None, 1, algorithm="", interval_s=None)])
    assert (found.drifting, found.untold) == ((), 1)


def test_with_shuffle_an_agent_prefers_the_first_of_its_own_list() -> None:
    shuffled = replace(ROUND_ROBIN, algorithm="shuffle")
    agents = [agent(n, "CBA", 3, algorithm="shuffle") for n in range(1, 20)]
    assert spread(agents, shuffled).drifting == ()
    assert [s.expected for s in spread(agents, shuffled).shares] == [0, 0, 19]


# ---- lint -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("balance", "servers", "flaws"),
    [
        (ROUND_ROBIN, UP, []),
        (Balance(("", " "), "static"), UP, [Flaw.EMPTY]),
        (Balance(ABC, "weighted", 60), UP, [Flaw.BAD_ALGORITHM]),
        (Balance((*ABC, "X"), "roundrobin", 60), UP, [Flaw.UNKNOWN_ADDRESS]),
        (Balance(("A", "B"), "roundrobin", 60), UP, [Flaw.MISSING_SERVER, Flaw.FEWER_THAN_UP]),
        (Balance(("A",), "roundrobin", 60), UP[:1], [Flaw.ONE_ADDRESS]),
        (Balance(("A",), "roundrobin", 60), UP, [Flaw.MISSING_SERVER, Flaw.ONE_ADDRESS]),
        (Balance((*ABC, " A "), "roundrobin", 60), UP, [Flaw.DUPLICATE]),
        (ROUND_ROBIN, SECOND_IN_MAINTENANCE, [Flaw.NOT_UP]),
        (Balance(("B",), "static"), SECOND_IN_MAINTENANCE, [Flaw.NONE_UP, Flaw.MISSING_SERVER, Flaw.ONE_ADDRESS]),
        (Balance(ABC, "static"), UP, []),
        (Balance(ABC, "static", 60), UP, [Flaw.STATIC_GATHERS]),
        (Balance(ABC, "static", 0, {CLUSTER: 5}), UP, [Flaw.STATIC_GATHERS]),
        (Balance(ABC, "shuffle", 60), UP, [Flaw.SHUFFLE]),
        (Balance(ABC, "roundrobin"), UP, [Flaw.CHECK_IS_OFF]),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_settings_is_told(
    balance: Balance, servers: Sequence[ServerFacts], flaws: list[Flaw]
) -> None:
    assert [finding.flaw for finding in lint(balance, Servers(servers))] == flaws


def test_the_worst_finding_comes_first() -> None:
    findings = lint(Balance(("B", "X"), "weighted"), Servers(SECOND_IN_MAINTENANCE))
    flaws = [finding.flaw for finding in findings]
    assert (flaws[0], flaws[-1]) == (Flaw.BAD_ALGORITHM, Flaw.NOT_UP)


# ---- preview --------------------------------------------------------------------------------------------------------


def preview(before: Balance, after: Balance, agents: Sequence[AgentFacts] = HOME, **given: Any) -> Preview:
    return preview_of(agents, Servers(UP), before, after, **given)


def test_a_change_that_changes_nothing_moves_nobody() -> None:
    told = preview(ROUND_ROBIN, ROUND_ROBIN)
    assert (told.sent_lists, told.moving, told.flows, told.first) == (0, 0, (), ())


def test_a_preview_tells_who_goes_where_and_what_servers_hold_then() -> None:
    told = preview(ROUND_ROBIN, replace(ROUND_ROBIN, algorithm="static"))
    assert (told.sent_lists, told.moving, told.by_themselves) == (4, 2, 2)
    assert told.flows == (Flow("ms2", "ms1", 1), Flow("ms3", "ms1", 1))
    assert [(load.name, load.before, load.after) for load in told.loads] == [
        ("ms1", 2, 4),
        ("ms2", 1, 0),
        ("ms3", 1, 0),
    ]
    assert [(mover.name, mover.before, mover.after) for mover in told.first] == [
        ("kvm2", "ms2", "ms1"),
        ("kvm3", "ms3", "ms1"),
    ]
    assert [finding.flaw for finding in told.findings] == [Flaw.STATIC_GATHERS]


def test_without_a_check_interval_agents_move_only_when_they_are_sent_home() -> None:
    static = Balance(ABC, "static")
    assert (preview(ROUND_ROBIN, static).moving, preview(ROUND_ROBIN, static).by_themselves) == (2, 0)
    assert preview(ROUND_ROBIN, static, at_once=True).by_themselves == 2


def test_a_clusters_own_interval_decides_for_its_hosts() -> None:
    assert preview(ROUND_ROBIN, Balance(ABC, "static", 0, {CLUSTER: 30})).by_themselves == 2
    assert preview(ROUND_ROBIN, Balance(ABC, "static", 30, {CLUSTER: 0})).by_themselves == 0


def test_a_preview_of_a_change_to_shuffle_has_agents_move_though_their_addresses_are_the_same() -> None:
    static = replace(ROUND_ROBIN, algorithm="static")
    agents = [agent(n, "ABC", 1, algorithm="static") for n in range(1, 20)]
    assert preview(static, replace(static, algorithm="shuffle"), agents).moving > 0


def test_a_preview_of_a_shuffle_says_that_it_may_go_otherwise() -> None:
    assert preview(ROUND_ROBIN, replace(ROUND_ROBIN, algorithm="shuffle")).is_certain is False
    assert preview(ROUND_ROBIN, ROUND_ROBIN).is_certain is True


def test_another_plan_has_another_hash_and_the_same_one_has_the_same() -> None:
    static = replace(ROUND_ROBIN, algorithm="static")
    told = preview(ROUND_ROBIN, static)
    assert told.hash == preview(ROUND_ROBIN, static).hash
    others = [
        preview(replace(ROUND_ROBIN, interval_s=30), static),  # somebody changed the settings meanwhile
        preview(ROUND_ROBIN, replace(static, interval_s=30)),  # other settings are asked for
        preview(ROUND_ROBIN, static, HOME[:2]),  # other agents would move
        preview(ROUND_ROBIN, static, at_once=True),
    ]
    assert told.hash not in {other.hash for other in others}
    assert len({other.hash for other in others}) == 4


def test_the_fewest_moves_are_recommended_beside_what_lists_do() -> None:
    lonely = [agent(n, "ABC", 1, zone=UUID(int=n)) for n in range(1, 7)]
    told = preview(ROUND_ROBIN, ROUND_ROBIN, lonely)
    assert told.moving == 0  # each is alone in its zone, so each prefers the first server
    assert told.fewest.moves == 4
    assert [load.after for load in told.fewest.loads] == [2, 2, 2]
