"""Live patch as a run, decided without a cloud: the table, the way back, whose turn it is."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from maintenance.domain.decide import TABLES, decide, next_move
from maintenance.domain.outcomes import Outcome
from maintenance.domain.patch_run import CHANGES_NOTHING, patch_outcome
from maintenance.domain.run_view import RunView, StartStage, TargetView
from maintenance.domain.states import RunKind, RunState, Stage, TargetState
from maintenance.domain.system_vms import PatchOutcome

NOW = datetime(2026, 1, 1, tzinfo=UTC)
S, T = Stage, TargetState
ZONE, OTHER_ZONE = UUID(int=1001), UUID(int=1002)


def ends(stage, outcome, *, cancelling=False, is_router=False):
    move = next_move(
        RunKind.LIVE_PATCH, stage, outcome, failing=False, cancelling=cancelling, is_router=is_router
    )
    return move.state, move.then


@pytest.mark.parametrize(("is_router", "last"), [(True, S.PATCH_RULES), (False, S.PATCH_VERIFY)])
def test_the_five_steps_and_for_a_router_its_rules(is_router, last):
    way, stage = [], S.PATCH_COPY
    while stage is not None:
        way.append(stage)
        state, stage = ends(stage, Outcome.OK, is_router=is_router)

    assert way[:5] == [S.PATCH_COPY, S.PATCH_BACK_UP, S.PATCH_APPLY, S.PATCH_RESTART, S.PATCH_VERIFY]
    assert (way[-1], state) == (last, T.DONE)


@pytest.mark.parametrize("outcome", [o for o in Outcome if o not in {Outcome.OK, Outcome.NOT_NEEDED}])
def test_a_failure_changes_nothing_before_the_backup_stands_and_is_rolled_back_after(outcome):
    for stage in {stage for stage, _ in TABLES[RunKind.LIVE_PATCH]} - {S.PATCH_ROLL_BACK}:
        before = stage in CHANGES_NOTHING

        assert ends(stage, outcome) == ((T.FAILED, None) if before else (T.RETURNING, S.PATCH_ROLL_BACK))


def test_a_rollback_that_fails_needs_a_person():
    assert ends(S.PATCH_ROLL_BACK, Outcome.OK) == (T.FAILED, None)
    assert ends(S.PATCH_ROLL_BACK, Outcome.FAILED) == (T.NEEDS_PERSON, None)


def test_a_vm_that_is_current_is_skipped_after_a_look():
    assert ends(S.PATCH_COPY, Outcome.NOT_NEEDED) == (T.SKIPPED, None)


def test_a_cancelled_patch_stops_only_where_nothing_was_changed():
    assert ends(S.PATCH_BACK_UP, Outcome.OK, cancelling=True) == (T.CANCELLED, None)
    assert ends(S.PATCH_APPLY, Outcome.OK, cancelling=True) == (T.WORKING, S.PATCH_RESTART)
    assert ends(S.PATCH_APPLY, Outcome.FAILED, cancelling=True) == (T.RETURNING, S.PATCH_ROLL_BACK)


@pytest.mark.parametrize(
    ("stage", "outcome", "state", "told"),
    [
        (S.PATCH_VERIFY, Outcome.OK, T.DONE, PatchOutcome.PATCHED),
        (S.PATCH_COPY, Outcome.NOT_NEEDED, T.SKIPPED, PatchOutcome.ALREADY_CURRENT),
        (S.PATCH_COPY, Outcome.FAILED, T.FAILED, PatchOutcome.NOTHING_CHANGED),
        (S.PATCH_ROLL_BACK, Outcome.OK, T.FAILED, PatchOutcome.FAILED_RESTORED),
        (S.PATCH_ROLL_BACK, Outcome.FAILED, T.NEEDS_PERSON, PatchOutcome.FAILED_NOT_RESTORED),
        (S.PATCH_ROLL_BACK, Outcome.TIMED_OUT, T.NEEDS_PERSON, PatchOutcome.UNCONFIRMED),
    ],
)
def test_how_it_ended_is_told_apart(stage, outcome, state, told):
    assert patch_outcome(stage, outcome, state) is told


# ---- whose turn it is ------------------------------------------------------------------------------------------------


def vm(order, state=T.WAITING, zone=ZONE, group=None, **more):
    return TargetView(id=UUID(int=order), cluster=zone, order=order, state=state, group=group, **more)


def started(*vms, per_zone=1, canary=0, done=0, skipped=0):
    waiting = tuple(v for v in vms if v.state is T.WAITING)
    begun = tuple(v for v in vms if v.state is not T.WAITING)
    counts = {T.WAITING: len(waiting), T.DONE: done, T.SKIPPED: skipped}
    for target in begun:
        counts[target.state] = counts.get(target.state, 0) + 1
    view = RunView(
        kind=RunKind.LIVE_PATCH, state=RunState.RUNNING, pausing=False, ending=None, max_unavailable=per_zone,
        clusters_in_parallel=1000, begun=begun, waiting=waiting, counts=counts, canary=canary,
    )  # fmt: skip
    assert all(isinstance(d, StartStage) and d.stage is S.PATCH_COPY for d in decide(view, NOW))
    return [d.target.int for d in decide(view, NOW)]


def test_at_most_so_many_in_each_zone():
    vms = [vm(1), vm(2), vm(3, zone=OTHER_ZONE), vm(4, zone=OTHER_ZONE)]

    assert started(*vms) == [1, 3]
    assert started(*vms, per_zone=2) == [1, 2, 3, 4]
    assert started(vm(1, T.WORKING), vm(2), vm(3, zone=OTHER_ZONE)) == [3]


def test_the_canary_goes_first_and_alone():
    vms = [vm(1), vm(2, zone=OTHER_ZONE), vm(3)]

    assert started(*vms, per_zone=5, canary=1) == [1]
    assert started(vm(1, T.VERIFYING), *vms[1:], per_zone=5, canary=1) == []
    assert started(*vms[1:], per_zone=5, canary=1, done=1) == [2, 3]


def test_who_was_skipped_was_no_canary():
    vms = [vm(1), vm(2, zone=OTHER_ZONE), vm(3)]

    assert started(*vms, per_zone=5, canary=1, skipped=6) == [1]
    assert started(vm(1, T.VERIFYING), *vms[1:], per_zone=5, canary=1, skipped=6) == []
    assert started(*vms[1:], per_zone=5, canary=1, skipped=6, done=1) == [2, 3]


def test_of_a_pair_one_side_at_a_time():
    pair = UUID(int=7)

    assert started(vm(1, group=pair), vm(2, group=pair), vm(3), per_zone=5) == [1, 3]
    assert started(vm(1, T.WORKING, group=pair), vm(2, group=pair), per_zone=5) == []
