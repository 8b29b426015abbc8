"""Restarting routers, decided without a cloud: which way a network gets, the table, the way back."""

import pytest

from maintenance.domain.decide import TABLES, next_move
from maintenance.domain.outcomes import Outcome
from maintenance.domain.router_restart import (
    FIRST_STAGE,
    RestartWay,
    RouterFacts,
    RouterOutcome,
    restart_outcome,
    way_of,
)
from maintenance.domain.states import ROUTER_STAGES, RunKind, RunState, Stage, TargetState
from maintenance.domain.steering import legal_target_moves

S, T = Stage, TargetState
PRIMARY, BACKUP = RouterFacts("r-5", "4.21.0", "PRIMARY"), RouterFacts("r-6", "4.21.1", "BACKUP")
ALONE = RouterFacts("r-7", "4.13.1")


def ends(stage, outcome, *, failing=False, cancelling=False, makes_redundant=False):
    move = next_move(
        RunKind.ROUTER_RESTART, stage, outcome, failing=failing, cancelling=cancelling, makes_redundant=makes_redundant
    )  # fmt: skip
    return move.state, move.then


@pytest.mark.parametrize(
    ("routers", "serial", "new_version", "way", "why"),
    [
        ([ALONE], False, "4.21.0", RestartWay.PARALLEL, ""),
        ([ALONE], True, "4.21.0", RestartWay.SERIAL, ""),
        ([BACKUP, PRIMARY], False, "4.21.0", RestartWay.REDUNDANT, ""),
        ([BACKUP, PRIMARY, ALONE], False, "4.21.0", RestartWay.REDUNDANT, ""),
        ([BACKUP, PRIMARY], False, "4.22.0", RestartWay.PARALLEL, "r-5 is 4.21.0, new routers are 4.22.0"),
        ([BACKUP, PRIMARY], False, "", RestartWay.PARALLEL, "new routers are of an unknown version"),
        ([BACKUP], False, "4.21.0", RestartWay.PARALLEL, "one side of the pair is missing"),
        ([BACKUP, BACKUP], False, "4.21.0", RestartWay.PARALLEL, "the sides are BACKUP, BACKUP"),
    ],
)  # fmt: skip
def test_which_way_a_network_gets_and_why_not_the_expected_one(routers, serial, new_version, way, why):
    chosen = way_of(routers, serial=serial, new_version=new_version)

    assert chosen.way is way
    assert chosen.words.endswith(why) if why else not chosen.words


@pytest.mark.parametrize(
    ("way", "stages"),
    [
        (RestartWay.PARALLEL, [S.ROUTER_START, S.ROUTER_SWITCH, S.ROUTER_VERIFY]),
        (RestartWay.REDUNDANT, [S.ROUTER_START, S.ROUTER_SWITCH, S.ROUTER_VERIFY]),
        (RestartWay.SERIAL, [S.ROUTER_STOP, S.ROUTER_START, S.ROUTER_SWITCH, S.ROUTER_VERIFY]),
        (RestartWay.REAPPLY, [S.ROUTER_REAPPLY]),
    ],
)
def test_the_stages_of_each_way(way, stages):
    went, stage = [], FIRST_STAGE[way]
    while stage is not None:
        went.append(stage)
        state, stage = ends(stage, Outcome.OK)

    assert (went, state) == (stages, T.DONE)


def test_a_second_router_is_added_once_the_new_one_was_verified():
    assert ends(S.ROUTER_VERIFY, Outcome.OK, makes_redundant=True) == (T.VERIFYING, S.ROUTER_ADD_BACKUP)
    assert ends(S.ROUTER_ADD_BACKUP, Outcome.OK, makes_redundant=True) == (T.DONE, None)


def test_every_failure_leads_back_to_the_old_router_until_the_new_one_was_verified():
    leads_back = {S.ROUTER_STOP, S.ROUTER_START, S.ROUTER_SWITCH, S.ROUTER_VERIFY}
    for stage in ROUTER_STAGES:
        for outcome in set(Outcome) - {Outcome.OK, Outcome.NOT_NEEDED}:
            assert (ends(stage, outcome)[1] is S.ROUTER_SWITCH_BACK) == (stage in leads_back), stage
    assert {stage for stage, _ in TABLES[RunKind.ROUTER_RESTART]} == ROUTER_STAGES


def test_cancelled_while_nothing_was_switched_it_goes_back_and_afterwards_it_is_finished():
    assert ends(S.ROUTER_START, Outcome.OK, cancelling=True) == (T.RETURNING, S.ROUTER_SWITCH_BACK)
    assert ends(S.ROUTER_STOP, Outcome.STOPPED, cancelling=True) == (T.RETURNING, S.ROUTER_SWITCH_BACK)
    assert ends(S.ROUTER_SWITCH_BACK, Outcome.OK, cancelling=True) == (T.CANCELLED, None)
    assert ends(S.ROUTER_SWITCH, Outcome.OK, cancelling=True) == (T.VERIFYING, S.ROUTER_VERIFY)
    assert ends(S.ROUTER_REAPPLY, Outcome.STOPPED, cancelling=True) == (T.CANCELLED, None)


@pytest.mark.parametrize("cancelling", [False, True])
def test_a_router_that_was_gone_before_anything_was_done_is_passed_by(cancelling):
    for stage in FIRST_STAGE.values():
        assert ends(stage, Outcome.NOT_NEEDED, cancelling=cancelling) == (T.SKIPPED, None)
    assert ends(S.ROUTER_SWITCH, Outcome.NOT_NEEDED) == (T.RETURNING, S.ROUTER_SWITCH_BACK)


def test_what_had_failed_before_it_was_cancelled_has_failed():
    assert ends(S.ROUTER_SWITCH_BACK, Outcome.OK, failing=True, cancelling=True) == (T.FAILED, None)


def test_a_router_that_is_gone_is_not_tried_again_though_something_beside_it_failed():
    assert legal_target_moves(RunState.PAUSED, T.FAILED, RouterOutcome.REPLACED) == {"skip"}
    assert legal_target_moves(RunState.PAUSED, T.FAILED, RouterOutcome.FAILED_RESTORED) == {"retry", "skip"}


@pytest.mark.parametrize(
    ("stage", "outcome", "state", "told"),
    [
        (S.ROUTER_VERIFY, Outcome.OK, T.DONE, RouterOutcome.REPLACED),
        (S.ROUTER_REAPPLY, Outcome.OK, T.DONE, RouterOutcome.REAPPLIED),
        (S.ROUTER_REAPPLY, Outcome.FAILED, T.FAILED, RouterOutcome.NOTHING_CHANGED),
        (S.ROUTER_ADD_BACKUP, Outcome.FAILED, T.FAILED, RouterOutcome.REPLACED),
        (S.ROUTER_SWITCH_BACK, Outcome.OK, T.FAILED, RouterOutcome.FAILED_RESTORED),
        (S.ROUTER_SWITCH_BACK, Outcome.FAILED, T.NEEDS_PERSON, RouterOutcome.FAILED_NOT_RESTORED),
        (S.ROUTER_SWITCH_BACK, Outcome.TIMED_OUT, T.NEEDS_PERSON, RouterOutcome.UNCONFIRMED),
        (S.ROUTER_SWITCH_BACK, Outcome.OK, T.CANCELLED, ""),
    ],
)
def test_how_it_ended_is_told_apart(stage, outcome, state, told):
    assert restart_outcome(stage, outcome, state) == told
