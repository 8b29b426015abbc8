"""The tables about live patch in ARCHITECTURE.md: a system VM's way through a run, how it ends, what supports it."""

from maintenance.domain.outcomes import Outcome
from maintenance.domain.patch_run import LIVE_PATCH, patch_outcome
from maintenance.domain.run_view import Move, Result
from maintenance.domain.states import RunKind, Stage, TargetState
from maintenance.domain.system_vms import SERVICES, SUPPORT, WORDS, Support
from maintenance.management.server_tables import markdown

_WAY = tuple(dict.fromkeys(stage for stage, _result in LIVE_PATCH))
_ENDS = (
    (Stage.PATCH_VERIFY, Outcome.OK, TargetState.DONE),
    (Stage.PATCH_COPY, Outcome.NOT_NEEDED, TargetState.SKIPPED),
    (Stage.PATCH_COPY, Outcome.FAILED, TargetState.FAILED),
    (Stage.PATCH_VERIFY, Outcome.UNKNOWN, TargetState.NEEDS_PERSON),  # nothing in it answers
    (Stage.PATCH_ROLL_BACK, Outcome.OK, TargetState.FAILED),
    (Stage.PATCH_ROLL_BACK, Outcome.FAILED, TargetState.NEEDS_PERSON),
    (Stage.PATCH_ROLL_BACK, Outcome.TIMED_OUT, TargetState.NEEDS_PERSON),
)


def patch_sections() -> list[str]:
    """Every table under its heading."""
    return [
        f"### A system VM that is patched live (`{RunKind.LIVE_PATCH}`)",
        _way_table(),
        "#### How a live patch ends",
        markdown(
            ("Last stage", "Its end", "State", "Outcome"),
            (
                (stage, f"`{end}`", f"`{state}`", f"`{patch_outcome(stage, end, state)}`")
                for stage, end, state in _ENDS
            ),
        ),
        "#### Which images can be patched live",
        markdown(
            ("Image", "Live patch", "Remark"),
            (
                (_versions(row), "yes" if row.is_possible else "no", WORDS[row.remark] or "–")
                for row in SUPPORT
            ),
        ),
        "#### What a live patch restarts, in this order",
        markdown(("Type", "Services"), ((f"`{kind}`", ", ".join(names)) for kind, names in SERVICES.items())),
    ]


def _way_table() -> str:
    def cell(stage: Stage, result: Result) -> str:
        return move_words(LIVE_PATCH[stage, result]) if (stage, result) in LIVE_PATCH else "–"

    results = (Result.SUCCESS, Result.NOT_NEEDED, Result.FAILURE)
    rows = ((stage, *(cell(stage, result) for result in results)) for stage in _WAY)
    return markdown(("Stage", "On success", "When it is current already", "On failure"), rows)


def move_words(move: Move) -> str:
    """The next stage, or the state the VM is in from now on."""
    goes = f"**{move.then}**, VM `{move.state}`" if move.then else f"`{move.state}`"
    return f"{goes}; {move.words}" if move.words else goes


def _versions(row: Support) -> str:
    """4.14 up to, not including, 4.15."""
    below = ".".join(map(str, row.below))
    since = ".".join(map(str, row.since))
    if row.since == (0,):
        return f"before {below}"
    return f"{since} and later" if row.below >= (1000,) else f"{since} up to, not including, {below}"
