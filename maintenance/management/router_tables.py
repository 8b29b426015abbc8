"""The tables about restarting routers in ARCHITECTURE.md: the ways there are, a router's way, and how it ends."""

from collections.abc import Mapping

from maintenance.domain.outcomes import Outcome
from maintenance.domain.router_restart import (
    FIRST_STAGE,
    ROUTER_RESTART,
    RestartWay,
    next_restart_move,
    restart_outcome,
)
from maintenance.domain.run_view import Result
from maintenance.domain.states import RunKind, Stage, TargetState
from maintenance.management.patch_tables import move_words
from maintenance.management.server_tables import markdown

_WAYS: Mapping[RestartWay, str] = {
    RestartWay.REAPPLY: "without cleanup: rules and public IPs again, nothing is replaced",
    RestartWay.PARALLEL: "with cleanup: the new router runs before the old one is stopped",
    RestartWay.SERIAL: "with cleanup, for comparison: the old router is stopped first",
    RestartWay.REDUNDANT: "with cleanup, of a pair: side by side, the backup side first",
}
_STAGES = tuple(dict.fromkeys(stage for stage, _result in ROUTER_RESTART))
_ENDS = (
    (Stage.ROUTER_VERIFY, Outcome.OK, TargetState.DONE),
    (Stage.ROUTER_ADD_BACKUP, Outcome.FAILED, TargetState.FAILED),
    (Stage.ROUTER_REAPPLY, Outcome.OK, TargetState.DONE),
    (Stage.ROUTER_REAPPLY, Outcome.FAILED, TargetState.FAILED),
    (Stage.ROUTER_SWITCH_BACK, Outcome.OK, TargetState.FAILED),
    (Stage.ROUTER_SWITCH_BACK, Outcome.FAILED, TargetState.NEEDS_PERSON),
    (Stage.ROUTER_SWITCH_BACK, Outcome.TIMED_OUT, TargetState.NEEDS_PERSON),
)


def router_sections() -> list[str]:
    """Every table under its heading."""
    return [
        f"### A router that is restarted (`{RunKind.ROUTER_RESTART}`)",
        markdown(
            ("Way", "What it is", "Begins with"),
            ((f"`{way}`", words, FIRST_STAGE[way]) for way, words in _WAYS.items()),
        ),
        "#### A router's way",
        _way_table(),
        "#### How the restart of a router ends",
        markdown(
            ("Last stage", "Its end", "State", "Outcome"),
            (
                (stage, f"`{end}`", f"`{state}`", f"`{restart_outcome(stage, end, state)}`")
                for stage, end, state in _ENDS
            ),
        ),
    ]


def _way_table() -> str:
    """One line a stage; where a run that is being cancelled goes elsewhere, that too."""

    def when_cancelled(stage: Stage) -> str:
        plain, now = (
            next_restart_move(stage, Outcome.OK, cancelling=is_cancelled, makes_redundant=False)
            for is_cancelled in (False, True)
        )
        return "" if now == plain else move_words(now)

    def when_gone(stage: Stage) -> str:
        move = ROUTER_RESTART.get((stage, Result.NOT_NEEDED))
        return move_words(move) if move else ""

    return markdown(
        (
            "Stage",
            "On success",
            "On success, the run being cancelled",
            "When there is none any more",
            "On failure",
        ),
        (
            (
                stage,
                move_words(ROUTER_RESTART[stage, Result.SUCCESS]),
                when_cancelled(stage),
                when_gone(stage),
                move_words(ROUTER_RESTART[stage, Result.FAILURE]),
            )
            for stage in _STAGES
        ),
    )
