"""Management servers: which move is possible from which state, and which refusal is told first."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from maintenance.domain.servers import (
    ALGORITHMS,
    BLOCKED,
    TRANSITIONS,
    RefusalCode,
    ServerFacts,
    ServerMove,
    ServerState,
    ServersView,
    legal_moves,
    refusal_of,
    remaining_addresses,
    server_state,
    states_for,
    up_after,
)

A, B, C = (UUID(int=number) for number in (1, 2, 3))
S, M = ServerState, ServerMove


def view(*states: ServerState | None, host: str = "a,b,c", agents: bool = True) -> ServersView:
    """Servers mgmt-a, mgmt-b, mgmt-c in these states."""
    servers = tuple(
        ServerFacts(id_, f"mgmt-{name}", name, state)
        for id_, name, state in zip((A, B, C), "abc", states, strict=False)
    )
    return ServersView(servers, tuple(host.split(",")) if host else (), agents)


def code_of(move: ServerMove, server: UUID, seen: ServersView, algorithm: str | None = None) -> str:
    refusal = refusal_of(move, server, seen, algorithm=algorithm)
    return refusal.code if refusal else ""


LEGAL = {
    S.UP: {M.PREPARE, M.PREPARE_SHUTDOWN, M.TRIGGER_SHUTDOWN},
    S.PREPARING_FOR_MAINTENANCE: {M.CANCEL},
    S.MAINTENANCE: {M.CANCEL, M.TRIGGER_SHUTDOWN},
    S.PREPARING_FOR_SHUTDOWN: {M.CANCEL_SHUTDOWN, M.TRIGGER_SHUTDOWN},
    S.READY_TO_SHUTDOWN: {M.CANCEL_SHUTDOWN, M.TRIGGER_SHUTDOWN},
    S.SHUTTING_DOWN: set(),
    S.DOWN: set(),
}


@pytest.mark.parametrize("state", S)
def test_a_states_legal_moves_are_cloudstacks(state: ServerState):
    assert legal_moves(state) == LEGAL[state]


@pytest.mark.parametrize("move", M)
def test_the_states_for_a_move_are_those_that_allow_it(move: ServerMove):
    assert states_for(move) == {state for state, moves in LEGAL.items() if move in moves}


def test_the_table_has_every_row_of_the_original_and_no_other():
    rows = {(t.before, t.after, t.by) for t in TRANSITIONS}

    assert rows == {
        (S.UP, S.PREPARING_FOR_MAINTENANCE, M.PREPARE),
        (S.PREPARING_FOR_MAINTENANCE, S.MAINTENANCE, None),
        (S.PREPARING_FOR_MAINTENANCE, S.UP, M.CANCEL),
        (S.PREPARING_FOR_MAINTENANCE, S.UP, None),
        (S.MAINTENANCE, S.UP, M.CANCEL),
        (S.MAINTENANCE, S.SHUTTING_DOWN, M.TRIGGER_SHUTDOWN),
        (S.MAINTENANCE, S.MAINTENANCE, None),
        (S.UP, S.PREPARING_FOR_SHUTDOWN, M.PREPARE_SHUTDOWN),
        (S.UP, S.SHUTTING_DOWN, M.TRIGGER_SHUTDOWN),
        (S.PREPARING_FOR_SHUTDOWN, S.READY_TO_SHUTDOWN, None),
        (S.PREPARING_FOR_SHUTDOWN, S.UP, M.CANCEL_SHUTDOWN),
        (S.READY_TO_SHUTDOWN, S.UP, M.CANCEL_SHUTDOWN),
        (S.PREPARING_FOR_SHUTDOWN, S.SHUTTING_DOWN, M.TRIGGER_SHUTDOWN),
        (S.READY_TO_SHUTDOWN, S.SHUTTING_DOWN, M.TRIGGER_SHUTDOWN),
        (S.SHUTTING_DOWN, S.DOWN, None),
    }


@pytest.mark.parametrize(
    ("spelled", "state"),
    [
        ("PreparingForShutDown", S.PREPARING_FOR_SHUTDOWN),
        ("PreparingToShutDown", S.PREPARING_FOR_SHUTDOWN),
        ("ReadyToShutDown", S.READY_TO_SHUTDOWN),
        ("preparingforshutdown", None),
        ("", None),
    ],
)
def test_states_are_read_as_cloudstack_spells_them_old_spelling_included(
    spelled: str, state: ServerState | None
):
    assert server_state(spelled) is state


def test_up_and_down_are_the_only_states_in_which_a_server_does_not_refuse_new_work():
    assert frozenset(S) - BLOCKED == {S.UP, S.DOWN}


@pytest.mark.parametrize("move", M)
@pytest.mark.parametrize("state", S)
def test_an_illegal_move_is_refused_with_the_legal_ones_named(move: ServerMove, state: ServerState):
    refusal = refusal_of(move, A, view(state, S.UP, S.UP))

    if move in LEGAL[state]:
        assert refusal is None
    else:
        assert refusal is not None
        assert refusal.code is RefusalCode.WRONG_STATE
        assert set(refusal.legal) == LEGAL[state]
        assert "mgmt-a" in refusal.words
        assert state in refusal.words


def test_a_server_in_a_state_nobody_knows_may_not_be_asked_anything():
    seen = view(None, S.UP, S.UP)

    assert {code_of(move, A, seen) for move in M} == {RefusalCode.WRONG_STATE}


def test_refusals_of_a_preparation_are_told_in_cloudstacks_order():
    """Everything is wrong; one thing after another is put right, and the next is told."""
    nobody = uuid4()
    down = view(S.DOWN, S.MAINTENANCE, S.DOWN, host="a")
    one_up = view(S.UP, S.PREPARING_FOR_MAINTENANCE, S.DOWN, host="a")
    two_up = view(S.UP, S.PREPARING_FOR_MAINTENANCE, S.UP, host="a")
    arrived = view(S.UP, S.MAINTENANCE, S.UP, host="a")
    told = [
        code_of(M.PREPARE, nobody, down, "x"),
        code_of(M.PREPARE, nobody, down, "static"),
        code_of(M.PREPARE, nobody, one_up),
        code_of(M.PREPARE, nobody, two_up),
        code_of(M.PREPARE, B, two_up),
        code_of(M.PREPARE, A, two_up),
        code_of(M.PREPARE, A, arrived),
        code_of(M.PREPARE, A, replace(arrived, host_setting=("a", "c"))),
    ]

    assert told == [
        RefusalCode.BAD_ALGORITHM,
        RefusalCode.NONE_UP,
        RefusalCode.ONLY_ONE_UP,
        RefusalCode.UNKNOWN_SERVER,
        RefusalCode.WRONG_STATE,
        RefusalCode.ANOTHER_PREPARES,
        RefusalCode.NO_OTHER_IN_HOST_SETTING,
        "",
    ]


def test_a_wrong_algorithm_is_refused_naming_the_three():
    refusal = refusal_of(M.PREPARE, A, view(S.UP, S.UP), algorithm="fastest")

    assert refusal is not None
    assert all(name in refusal.words for name in ALGORITHMS)


@pytest.mark.parametrize("algorithm", [None, "", *ALGORITHMS])
def test_the_three_algorithms_and_none_are_accepted(algorithm: str | None):
    assert refusal_of(M.PREPARE, A, view(S.UP, S.UP), algorithm=algorithm) is None


def test_a_cloud_without_indirect_agents_needs_no_other_address():
    assert code_of(M.PREPARE, A, view(S.UP, S.UP, host="", agents=False)) == ""


def test_an_address_of_no_known_server_counts_as_one_that_agents_can_go_to():
    seen = view(S.UP, S.DOWN, S.UP, host="a,b,balancer")

    assert remaining_addresses(seen, leaving=A) == ["balancer"]
    assert code_of(M.PREPARE, A, seen) == ""


@pytest.mark.parametrize("move", [M.PREPARE_SHUTDOWN, M.TRIGGER_SHUTDOWN])
@pytest.mark.parametrize(
    "others", [(S.DOWN, S.DOWN), (S.MAINTENANCE, S.DOWN), (S.READY_TO_SHUTDOWN, S.MAINTENANCE)]
)
def test_the_last_server_that_is_up_does_not_go_down(
    move: ServerMove, others: tuple[ServerState, ServerState]
):
    assert code_of(move, A, view(S.UP, *others)) == RefusalCode.LAST_UP


@pytest.mark.parametrize("state", [S.MAINTENANCE, S.PREPARING_FOR_SHUTDOWN, S.READY_TO_SHUTDOWN])
def test_a_server_that_is_not_up_goes_down_while_another_is_up(state: ServerState):
    assert code_of(M.TRIGGER_SHUTDOWN, A, view(state, S.UP)) == ""
    assert code_of(M.TRIGGER_SHUTDOWN, A, view(state, S.MAINTENANCE)) == RefusalCode.LAST_UP


@pytest.mark.parametrize("preparing", [S.PREPARING_FOR_MAINTENANCE, S.PREPARING_FOR_SHUTDOWN])
@pytest.mark.parametrize("move", [M.PREPARE, M.PREPARE_SHUTDOWN, M.TRIGGER_SHUTDOWN])
def test_one_server_prepares_at_a_time(preparing: ServerState, move: ServerMove):
    assert code_of(move, A, view(S.UP, preparing, S.UP)) == RefusalCode.ANOTHER_PREPARES


@pytest.mark.parametrize("arrived", [S.MAINTENANCE, S.READY_TO_SHUTDOWN, S.SHUTTING_DOWN, S.DOWN])
def test_a_second_may_follow_once_the_first_has_arrived(arrived: ServerState):
    seen = view(S.UP, arrived, S.UP)

    assert code_of(M.PREPARE, A, seen) == ""
    assert [server.name for server in up_after(seen, [A])] == ["mgmt-c"]


@pytest.mark.parametrize(
    ("move", "state"),
    [
        (M.CANCEL, S.PREPARING_FOR_MAINTENANCE),
        (M.CANCEL, S.MAINTENANCE),
        (M.CANCEL_SHUTDOWN, S.PREPARING_FOR_SHUTDOWN),
        (M.CANCEL_SHUTDOWN, S.READY_TO_SHUTDOWN),
    ],
)
def test_a_cancel_is_possible_whatever_the_other_servers_do(move: ServerMove, state: ServerState):
    assert code_of(move, A, view(state, S.DOWN, S.PREPARING_FOR_SHUTDOWN, host="")) == ""


def test_a_server_that_nobody_knows_is_refused_for_every_move():
    assert {code_of(move, uuid4(), view(S.UP, S.UP, S.UP)) for move in M} == {RefusalCode.UNKNOWN_SERVER}
