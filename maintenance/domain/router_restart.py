"""Restarting routers as a run: the ways there are, which one a network gets, and the table of a router's way.

With cleanup a router is replaced. In parallel the new one is started while the old one serves, and only then is
traffic switched; serially the old one is stopped first, as it was done before there was another way. One way back: the
old router serves until the new one was verified, and serves again when anything fails.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from maintenance.domain.outcomes import Outcome
from maintenance.domain.run_view import Move, Result, result_of
from maintenance.domain.states import Stage, TargetState
from maintenance.domain.system_vms import version_of

T, S, R = TargetState, Stage, Result


class RestartWay(StrEnum):
    """How the routers of a network or VPC are restarted."""

    REAPPLY = "reapply"  # without cleanup: rules again, nothing is replaced
    PARALLEL = "parallel"
    SERIAL = "serial"  # for comparison: down as long as a router takes to boot
    REDUNDANT = "redundant"  # a pair, backup side first; the sides hand over by themselves


class RouterOutcome(StrEnum):
    """How the restart of one router ended; told apart everywhere, beside PatchOutcome's."""

    REPLACED = "replaced"
    REAPPLIED = "reapplied"
    FAILED_RESTORED = "failed_restored"  # the previous router serves
    FAILED_NOT_RESTORED = "failed_not_restored"
    UNCONFIRMED = "unconfirmed"
    NOTHING_CHANGED = "nothing_changed"


GONE = "the cloud has no such router any more"

ROUTER_RESTART: Mapping[tuple[Stage, Result], Move] = {
    (S.ROUTER_STOP, R.SUCCESS): Move(T.WORKING, S.ROUTER_START),
    (S.ROUTER_STOP, R.NOT_NEEDED): Move(T.SKIPPED, words=GONE),
    (S.ROUTER_STOP, R.FAILURE): Move(T.RETURNING, S.ROUTER_SWITCH_BACK, failing=True),
    (S.ROUTER_START, R.SUCCESS): Move(T.WORKING, S.ROUTER_SWITCH),
    (S.ROUTER_START, R.NOT_NEEDED): Move(T.SKIPPED, words=GONE),
    (S.ROUTER_START, R.FAILURE): Move(T.RETURNING, S.ROUTER_SWITCH_BACK, failing=True),
    (S.ROUTER_SWITCH, R.SUCCESS): Move(T.VERIFYING, S.ROUTER_VERIFY),
    (S.ROUTER_SWITCH, R.FAILURE): Move(T.RETURNING, S.ROUTER_SWITCH_BACK, failing=True),
    (S.ROUTER_VERIFY, R.SUCCESS): Move(T.DONE, words="with makeredundant: AddBackup first"),
    (S.ROUTER_VERIFY, R.FAILURE): Move(T.RETURNING, S.ROUTER_SWITCH_BACK, failing=True),
    (S.ROUTER_ADD_BACKUP, R.SUCCESS): Move(T.DONE),
    (S.ROUTER_ADD_BACKUP, R.FAILURE): Move(
        T.FAILED, words="replaced, without a second router; SwitchBack if the first fell"
    ),
    (S.ROUTER_SWITCH_BACK, R.SUCCESS): Move(T.FAILED, words="the previous router serves"),
    (S.ROUTER_SWITCH_BACK, R.FAILURE): Move(T.NEEDS_PERSON, words="not restored: needs a person"),
    (S.ROUTER_REAPPLY, R.SUCCESS): Move(T.DONE),
    (S.ROUTER_REAPPLY, R.NOT_NEEDED): Move(T.SKIPPED, words=GONE),
    (S.ROUTER_REAPPLY, R.FAILURE): Move(T.FAILED, words="nothing was replaced"),
}

FIRST_STAGE: Mapping[RestartWay, Stage] = {
    RestartWay.REAPPLY: S.ROUTER_REAPPLY,
    RestartWay.PARALLEL: S.ROUTER_START,
    RestartWay.SERIAL: S.ROUTER_STOP,
    RestartWay.REDUNDANT: S.ROUTER_START,
}


UNKNOWN_VERSION = "of an unknown version"


@dataclass(frozen=True, slots=True)
class RouterFacts:
    """A router as far as the choice needs it. `version`: of its image; `redundant_state`: PRIMARY, BACKUP or empty."""

    name: str
    version: str
    redundant_state: str = ""


@dataclass(frozen=True, slots=True)
class ChosenWay:
    """`words`: why it is not the way that a person would expect; said before the click. Empty: it is."""

    way: RestartWay
    words: str = ""


def fits_together(old: str, new: str) -> bool:
    """Whether a router of each version can be the two sides of one pair: of the same release (4.21.x with 4.21.y).
    Unknown versions do not."""
    left, right = version_of(old), version_of(new)
    return len(left) >= 2 and left[:2] == right[:2]


def way_of(routers: Sequence[RouterFacts], *, serial: bool, new_version: str) -> ChosenWay:
    """How a network's routers are replaced. `new_version`: of the image that new routers get."""
    if serial:
        return ChosenWay(RestartWay.SERIAL)
    sides = [router for router in routers if router.redundant_state]  # a VPC may have load balancers besides
    if not sides:
        return ChosenWay(RestartWay.PARALLEL)
    roles = sorted(router.redundant_state for router in sides)
    if roles != ["BACKUP", "PRIMARY"]:
        why = "one side of the pair is missing" if len(sides) == 1 else f"the sides are {', '.join(roles)}"
        return ChosenWay(RestartWay.PARALLEL, why)
    unfit = [router for router in sides if not fits_together(router.version, new_version)]
    if unfit:
        named = ", ".join(f"{router.name} is {router.version or UNKNOWN_VERSION}" for router in unfit)
        return ChosenWay(
            RestartWay.PARALLEL,
            f"the two sides cannot hand over by themselves: {named}, new routers are "
            f"{new_version or UNKNOWN_VERSION}",
        )
    return ChosenWay(RestartWay.REDUNDANT)


def next_restart_move(
    stage: Stage, outcome: Outcome, *, cancelling: bool, makes_redundant: bool, failing: bool = False
) -> Move:
    """What becomes of a router when a stage has ended. One whose restart is cancelled while the new router starts goes
    the way back; once traffic is switched it is finished. What had failed before it was cancelled has failed."""
    result = result_of(outcome)
    if result is R.NOT_NEEDED and (stage, result) not in ROUTER_RESTART:
        result = R.FAILURE
    move = ROUTER_RESTART[stage, result]
    if move.state is T.SKIPPED:
        return move
    has_failed = move.failing and outcome is not Outcome.STOPPED
    if cancelling and not has_failed and stage in {S.ROUTER_STOP, S.ROUTER_START}:
        return Move(T.RETURNING, S.ROUTER_SWITCH_BACK)
    if outcome is Outcome.STOPPED and stage is S.ROUTER_REAPPLY:
        return Move(T.CANCELLED)
    if cancelling and not failing and stage is S.ROUTER_SWITCH_BACK and move.state is T.FAILED:
        return Move(T.CANCELLED)
    if stage is S.ROUTER_VERIFY and move.state is T.DONE and makes_redundant:
        return Move(T.VERIFYING, S.ROUTER_ADD_BACKUP)
    return move


def restart_outcome(stage: Stage, outcome: Outcome, state: TargetState) -> RouterOutcome | str:
    """How the restart of a router ended, for people; empty for one that was cancelled."""
    match state:
        case T.DONE:
            return RouterOutcome.REAPPLIED if stage is S.ROUTER_REAPPLY else RouterOutcome.REPLACED
        case T.FAILED if stage is S.ROUTER_SWITCH_BACK:
            return RouterOutcome.FAILED_RESTORED
        case T.FAILED:
            return RouterOutcome.REPLACED if stage is S.ROUTER_ADD_BACKUP else RouterOutcome.NOTHING_CHANGED
        case T.NEEDS_PERSON:
            is_silent = outcome in {Outcome.UNKNOWN, Outcome.TIMED_OUT}
            return RouterOutcome.UNCONFIRMED if is_silent else RouterOutcome.FAILED_NOT_RESTORED
        case _:
            return ""
