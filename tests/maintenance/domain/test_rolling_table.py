"""One host's way, row by row, as the table in the architecture has it."""

import pytest

from maintenance.domain.decide import TABLES, next_move
from maintenance.domain.outcomes import Outcome
from maintenance.domain.run_view import Result
from maintenance.domain.states import RunKind, Stage, TargetState

FAILURES = [Outcome.FAILED, Outcome.TIMED_OUT, Outcome.STOPPED, Outcome.REFUSED, Outcome.UNKNOWN]

T, S = TargetState, Stage
ON_SUCCESS = [
    (S.PREFLIGHT, T.READY, None),
    (S.PRE_MAINTENANCE, T.PREPARING, S.DRAIN),
    (S.DRAIN, T.WORKING, S.MAINTENANCE),
    (S.MAINTENANCE, T.RETURNING, S.RETURN),
    (S.RETURN, T.VERIFYING, S.POST_MAINTENANCE),
    (S.POST_MAINTENANCE, T.DONE, None),
]
ON_FAILURE = [
    (S.PREFLIGHT, T.FAILED, None),
    (S.PRE_MAINTENANCE, T.FAILED, None),
    (S.DRAIN, T.RETURNING, S.RETURN),
    (S.MAINTENANCE, T.RETURNING, S.RETURN),
    (S.RETURN, T.NEEDS_PERSON, None),
    (S.POST_MAINTENANCE, T.FAILED, None),
]


def move(stage, outcome, **how):
    return next_move(RunKind.ROLLING, stage, outcome, **({"failing": False, "cancelling": False} | how))


@pytest.mark.parametrize(("stage", "state", "then"), ON_SUCCESS)
def test_a_stage_that_succeeds_leads_to_the_next(stage, state, then):
    assert (move(stage, Outcome.OK).state, move(stage, Outcome.OK).then) == (state, then)


@pytest.mark.parametrize("outcome", FAILURES)
@pytest.mark.parametrize(("stage", "state", "then"), ON_FAILURE)
def test_whatever_is_not_known_to_be_good_is_a_failure(stage, state, then, outcome):
    assert (move(stage, outcome).state, move(stage, outcome).then) == (state, then)


def test_only_a_failed_preflight_ends_the_whole_run():
    stages = {stage for stage, _ in TABLES[RunKind.ROLLING]}
    ends = {stage for stage in stages if move(stage, Outcome.FAILED).fails_run}

    assert ends == {Stage.PREFLIGHT}


def test_not_needed_in_preflight_is_noted_and_premaintenance_still_runs():
    assert move(Stage.PREFLIGHT, Outcome.NOT_NEEDED).state is TargetState.READY


def test_not_needed_in_premaintenance_skips_the_host_in_service():
    assert move(Stage.PRE_MAINTENANCE, Outcome.NOT_NEEDED).state is TargetState.SKIPPED


@pytest.mark.parametrize("stage", [Stage.MAINTENANCE, Stage.POST_MAINTENANCE, Stage.DRAIN, Stage.RETURN])
def test_not_needed_once_the_host_left_service_is_a_failure(stage):
    assert move(stage, Outcome.NOT_NEEDED) == move(stage, Outcome.FAILED)


def test_a_host_that_need_not_leave_service_is_skipped_after_premaintenance():
    assert move(Stage.PRE_MAINTENANCE, Outcome.OK, stays=True).state is TargetState.SKIPPED
    assert move(Stage.PRE_MAINTENANCE, Outcome.FAILED, stays=True).state is TargetState.FAILED


@pytest.mark.parametrize("stage", [Stage.DRAIN, Stage.MAINTENANCE])
def test_a_host_that_is_out_goes_home_when_the_run_is_cancelled(stage):
    assert move(stage, Outcome.STOPPED, cancelling=True).then is Stage.RETURN


@pytest.mark.parametrize("stage", [Stage.PREFLIGHT, Stage.PRE_MAINTENANCE, Stage.POST_MAINTENANCE])
def test_a_host_in_service_is_cancelled_where_it_stands(stage):
    assert move(stage, Outcome.STOPPED, cancelling=True).state is TargetState.CANCELLED


def test_the_way_home_ends_as_the_host_left():
    assert move(Stage.RETURN, Outcome.OK, failing=True).state is TargetState.FAILED
    assert move(Stage.RETURN, Outcome.OK, cancelling=True).state is TargetState.CANCELLED
    assert move(Stage.RETURN, Outcome.OK).then is Stage.POST_MAINTENANCE


@pytest.mark.parametrize("how", [{}, {"failing": True}, {"cancelling": True}])
def test_a_host_that_does_not_come_back_always_needs_a_person(how):
    assert move(Stage.RETURN, Outcome.TIMED_OUT, **how).state is TargetState.NEEDS_PERSON


def test_one_host_by_hand_is_held_until_it_is_returned():
    held = next_move(RunKind.HOST, Stage.DRAIN, Outcome.OK, failing=False, cancelling=False)
    back = next_move(RunKind.HOST, Stage.RETURN, Outcome.OK, failing=False, cancelling=False)

    assert (held.state, held.then) == (TargetState.IN_MAINTENANCE, None)
    assert back.state is TargetState.DONE


def test_every_stage_of_a_table_has_a_row_for_success_and_failure():
    for table in TABLES.values():
        for stage in {stage for stage, _ in table}:
            assert (stage, Result.SUCCESS) in table
            assert (stage, Result.FAILURE) in table
