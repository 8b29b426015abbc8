"""Live patch as a run: the table of a system VM's way, and whose turn it is.

Plain data in, plain data out. Before anything is changed a failure leaves the VM as it was; after that it is rolled
back, and a rollback that fails needs a person.
"""

from collections import Counter
from collections.abc import Mapping

from maintenance.domain.outcomes import Outcome
from maintenance.domain.run_view import Decision, Move, Result, RunView, StartStage, result_of
from maintenance.domain.states import TARGET_BEGUN, Stage, TargetState
from maintenance.domain.system_vms import PatchOutcome

T, S, R = TargetState, Stage, Result

LIVE_PATCH: Mapping[tuple[Stage, Result], Move] = {
    (S.PATCH_COPY, R.SUCCESS): Move(T.PREPARING, S.PATCH_BACK_UP),
    (S.PATCH_COPY, R.NOT_NEEDED): Move(T.SKIPPED, words="it runs this version already; nothing was done"),
    (S.PATCH_COPY, R.FAILURE): Move(T.FAILED, words="nothing was changed"),
    (S.PATCH_BACK_UP, R.SUCCESS): Move(T.WORKING, S.PATCH_APPLY),
    (S.PATCH_BACK_UP, R.FAILURE): Move(T.FAILED, words="nothing was changed"),
    (S.PATCH_APPLY, R.SUCCESS): Move(T.WORKING, S.PATCH_RESTART),
    (S.PATCH_APPLY, R.FAILURE): Move(T.RETURNING, S.PATCH_ROLL_BACK, failing=True),
    (S.PATCH_RESTART, R.SUCCESS): Move(T.VERIFYING, S.PATCH_VERIFY),
    (S.PATCH_RESTART, R.FAILURE): Move(T.RETURNING, S.PATCH_ROLL_BACK, failing=True),
    (S.PATCH_VERIFY, R.SUCCESS): Move(T.VERIFYING, S.PATCH_RULES, words="routers; others are Done"),
    (S.PATCH_VERIFY, R.FAILURE): Move(T.RETURNING, S.PATCH_ROLL_BACK, failing=True),
    (S.PATCH_RULES, R.SUCCESS): Move(T.DONE),
    (S.PATCH_RULES, R.FAILURE): Move(T.RETURNING, S.PATCH_ROLL_BACK, failing=True),
    (S.PATCH_ROLL_BACK, R.SUCCESS): Move(T.FAILED, words="the previous version is back"),
    (S.PATCH_ROLL_BACK, R.FAILURE): Move(T.NEEDS_PERSON, words="not restored: needs a person"),
}

CHANGES_NOTHING = frozenset({S.PATCH_COPY, S.PATCH_BACK_UP})
# Of these none has shown how the patch goes: a canary that was skipped is none.
NEVER_BEGUN = frozenset({T.WAITING, T.READY, T.SKIPPED, T.CANCELLED})


def next_patch_move(stage: Stage, outcome: Outcome, *, cancelling: bool, is_router: bool) -> Move:
    """What becomes of a VM when a stage has ended. A cancelled patch goes no further than what changes nothing; once
    something is changed it is finished or rolled back, never left in between."""
    result = result_of(outcome)
    if result is R.NOT_NEEDED and (stage, result) not in LIVE_PATCH:
        result = R.FAILURE
    if cancelling and stage in CHANGES_NOTHING and result is not R.NOT_NEEDED:
        return Move(T.CANCELLED)
    move = LIVE_PATCH[stage, result]
    if move.then is S.PATCH_RULES and not is_router:
        return Move(T.DONE)
    return move


def patch_turns(run: RunView) -> list[Decision]:
    """The next VMs: the canaries first and alone; then at most so many in a zone (`cluster` of the view is the zone).

    A pair of routers is never at work at once: `group` of the view is its network.
    """
    at_work = [target for target in run.begun if target.state in TARGET_BEGUN or target.has_open_step]
    begun_ever = sum(number for state, number in run.counts.items() if state not in NEVER_BEGUN)
    free = len(run.waiting)
    if begun_ever < run.canary:
        free = run.canary - begun_ever
    elif begun_ever == run.canary and at_work:
        return []  # a canary is still on its way
    in_zone = Counter(target.cluster for target in at_work)
    groups = {target.group for target in at_work if target.group is not None}
    decisions: list[Decision] = []
    for target in run.waiting:
        if len(decisions) >= free:
            break
        if in_zone[target.cluster] >= run.max_unavailable or (
            target.group is not None and target.group in groups
        ):
            continue
        in_zone[target.cluster] += 1
        if target.group is not None:
            groups.add(target.group)
        decisions.append(StartStage(target.id, run.first_stage or S.PATCH_COPY))
    return decisions


def patch_outcome(stage: Stage, outcome: Outcome, state: TargetState) -> PatchOutcome | str:
    """How the patch of a VM ended, for people; empty for one that was cancelled before anything was changed."""
    match state:
        case T.DONE:
            return PatchOutcome.PATCHED
        case T.SKIPPED:
            return PatchOutcome.ALREADY_CURRENT
        case T.FAILED:
            return (
                PatchOutcome.FAILED_RESTORED if stage is S.PATCH_ROLL_BACK else PatchOutcome.NOTHING_CHANGED
            )
        case T.NEEDS_PERSON:
            is_silent = outcome in {Outcome.UNKNOWN, Outcome.TIMED_OUT}
            return PatchOutcome.UNCONFIRMED if is_silent else PatchOutcome.FAILED_NOT_RESTORED
        case _:
            return ""
