"""Runs over management servers, decided without a cloud: the tables, whose turn it is, and the way home."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from maintenance.domain.decide import TABLES, decide, next_move
from maintenance.domain.outcomes import Outcome
from maintenance.domain.run_view import BecomePaused, EndRun, RunView, StartStage, TargetView
from maintenance.domain.server_run import FIRST_STAGE, HOME_OF_KIND, stage_again
from maintenance.domain.states import OVER_SERVERS, RunKind, RunState, Stage, TargetState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
S, T = Stage, TargetState


def ends(kind: RunKind, stage: Stage, outcome: Outcome, **how: bool) -> tuple[TargetState, Stage | None]:
    move = next_move(kind, stage, outcome, **{"failing": False, "cancelling": False, **how})
    return move.state, move.then


def test_a_restarted_server_goes_through_maintenance_down_back_up_and_settles():
    way, stage = [], FIRST_STAGE[RunKind.SERVER_RESTART]
    while stage is not None:
        way.append(stage)
        state, stage = ends(RunKind.SERVER_RESTART, stage, Outcome.OK)

    assert way == [S.SERVER_PREPARE, S.SERVER_SHUT_DOWN, S.SERVER_COME_BACK, S.SERVER_CANCEL, S.SERVER_SETTLE]
    assert state is T.DONE


@pytest.mark.parametrize("kind", sorted(OVER_SERVERS))
@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.OK])
def test_whatever_is_not_known_to_be_good_is_never_done(kind, outcome):
    for stage in {stage for stage, _ in TABLES[kind]}:
        state, then = ends(kind, stage, outcome)

        assert state in {T.RETURNING, T.NEEDS_PERSON}
        assert then in {None, S.SERVER_CANCEL, S.SERVER_CANCEL_SHUTDOWN}


@pytest.mark.parametrize("kind", sorted(OVER_SERVERS))
def test_a_server_that_cannot_get_ready_goes_home_and_ends_failed(kind):
    state, then = ends(kind, FIRST_STAGE[kind], Outcome.FAILED)

    assert (state, then) == (T.RETURNING, HOME_OF_KIND[kind])
    assert ends(kind, then, Outcome.OK, failing=True) == (T.FAILED, None)


@pytest.mark.parametrize("kind", sorted(OVER_SERVERS))
@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.STOPPED])
def test_a_cancelled_run_takes_the_server_that_prepares_back_also_when_it_has_just_arrived(kind, outcome):
    state, then = ends(kind, FIRST_STAGE[kind], outcome, cancelling=True)

    assert (state, then) == (T.RETURNING, HOME_OF_KIND[kind])
    assert ends(kind, then, Outcome.OK, cancelling=True) == (T.CANCELLED, None)


def test_a_server_that_is_down_is_brought_back_before_a_cancelled_restart_ends():
    kind = RunKind.SERVER_RESTART

    assert ends(kind, S.SERVER_SHUT_DOWN, Outcome.OK, cancelling=True) == (T.WORKING, S.SERVER_COME_BACK)
    assert ends(kind, S.SERVER_COME_BACK, Outcome.OK, cancelling=True) == (T.RETURNING, S.SERVER_CANCEL)
    assert ends(kind, S.SERVER_CANCEL, Outcome.OK, cancelling=True) == (T.CANCELLED, None)


def test_a_server_in_doubt_after_it_went_down_is_seen_back_before_anything_else():
    for stage in (S.SERVER_COME_BACK, S.SERVER_CANCEL, S.SERVER_SETTLE):
        assert stage_again(RunKind.SERVER_RESTART, stage) is S.SERVER_COME_BACK
    assert stage_again(RunKind.SERVER_RESTART, S.SERVER_SHUT_DOWN) is S.SERVER_SHUT_DOWN


# ---- whose turn it is ------------------------------------------------------------------------------------------------


def server(state: TargetState, order: int, **more) -> TargetView:
    return TargetView(id=UUID(int=order), cluster=None, order=order, state=state, **more)


def restart(*servers: TargetView, state: RunState = RunState.RUNNING, pausing: bool = False) -> RunView:
    counts: dict[TargetState, int] = {}
    for one in servers:
        counts[one.state] = counts.get(one.state, 0) + 1
    return RunView(
        kind=RunKind.SERVER_RESTART,
        state=state,
        pausing=pausing,
        ending=None,
        max_unavailable=1,
        clusters_in_parallel=1,
        begun=tuple(s for s in servers if s.state not in {T.WAITING, T.READY, T.DONE} or s.has_open_step),
        waiting=tuple(s for s in servers if s.state in {T.WAITING, T.READY} and not s.has_open_step),
        counts=counts,
    )


def test_one_server_after_another_in_the_order_of_the_run():
    first = restart(server(T.WAITING, 1), server(T.WAITING, 2))
    second = restart(server(T.DONE, 1), server(T.WAITING, 2))

    assert decide(first, NOW) == [StartStage(UUID(int=1), S.SERVER_PREPARE)]
    assert decide(second, NOW) == [StartStage(UUID(int=2), S.SERVER_PREPARE)]


@pytest.mark.parametrize("state", [T.DRAINING, T.WORKING, T.RETURNING, T.VERIFYING])
def test_no_second_server_begins_while_one_is_on_its_way(state):
    run = restart(server(state, 1, has_open_step=True), server(T.WAITING, 2))

    assert decide(run, NOW) == []


def test_a_pause_lets_the_begun_server_finish_and_starts_no_other():
    at_work = restart(server(T.WORKING, 1, next_stage=S.SERVER_COME_BACK), server(T.WAITING, 2), pausing=True)
    at_rest = restart(server(T.DONE, 1), server(T.WAITING, 2), pausing=True)

    assert decide(at_work, NOW) == [StartStage(UUID(int=1), S.SERVER_COME_BACK)]
    assert decide(at_rest, NOW) == [BecomePaused()]


def test_the_run_ends_with_its_last_server_and_failed_when_one_needs_a_person():
    assert decide(restart(server(T.DONE, 1)), NOW) == [EndRun(RunState.SUCCEEDED)]
    failed = RunView(**{**as_dict(restart()), "counts": {T.DONE: 1, T.NEEDS_PERSON: 1}})
    assert decide(failed, NOW) == [EndRun(RunState.FAILED)]


def as_dict(run: RunView) -> dict:
    return {name: getattr(run, name) for name in RunView.__dataclass_fields__}


def test_a_held_server_is_left_alone_until_a_person_decides():
    held = TargetView(id=uuid4(), cluster=None, order=1, state=T.IN_MAINTENANCE)
    run = RunView(**{**as_dict(restart(held)), "kind": RunKind.SERVER_MAINTENANCE})

    assert decide(run, NOW) == []
