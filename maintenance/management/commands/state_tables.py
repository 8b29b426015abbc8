"""`manage.py state_tables`: the state tables of ARCHITECTURE.md, made from the code, so that they tell the same.

Prints them; `--write FILE` puts them between the file's two marks, `--check FILE` fails when they are not there.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from maintenance.domain.decide import TABLES, next_move
from maintenance.domain.hook_stages import HookStage
from maintenance.domain.outcomes import NOT_NEEDED_STATUS, Outcome, judge
from maintenance.domain.run_view import Move, Result
from maintenance.domain.states import RUN_MOVES, RunKind, RunState, Stage, TargetState, word
from maintenance.domain.steering import legal_run_moves, legal_target_moves
from maintenance.hooks.results import HookEnd
from maintenance.management.patch_tables import patch_sections
from maintenance.management.router_tables import router_sections
from maintenance.management.server_tables import markdown, server_sections

BEGIN = "<!-- state tables: begin. Written by `manage.py state_tables --write ARCHITECTURE.md` -->"
END = "<!-- state tables: end -->"

KIND_TITLES: Mapping[RunKind, str] = {
    RunKind.ROLLING: "One host of a rolling maintenance",
    RunKind.HOST: "One host by hand",
}


class MarksMissing(CommandError):
    """The file has no place for the tables: it needs one begin mark and, after it, one end mark."""


class TablesStale(CommandError):
    """The file's tables are not those of the code."""


class Command(BaseCommand):
    help = (
        "Print the state tables as Markdown; --write puts them into a file, --check fails when it has others."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--check", type=Path, metavar="FILE")
        what.add_argument("--write", type=Path, metavar="FILE")

    def handle(self, *args: Any, check: Path | None, write: Path | None, **options: Any) -> None:
        if write is not None:
            write.write_text(with_tables(write))
        elif check is None:
            self.stdout.write(all_tables())
        elif check.read_text() != with_tables(check):
            raise TablesStale(f"{check} has old state tables: run manage.py state_tables --write {check}")


def with_tables(file: Path) -> str:
    """The file's text with the tables of now between its marks. Raises: MarksMissing."""
    before, begin, rest = file.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise MarksMissing(f"{file} needs the two marks, each on a line of its own:\n{BEGIN}\n{END}")
    return f"{before}{BEGIN}\n\n{all_tables()}\n\n{END}{after}"


def all_tables() -> str:
    """Every table under its heading."""
    hosts = [
        section
        for kind, title in KIND_TITLES.items()
        for section in (f"### {title}", host_table(kind), f"#### {title}: the way home", home_table(kind))
    ]
    return "\n\n".join(
        [
            *hosts,
            *server_sections(),
            *patch_sections(),
            *router_sections(),
            "### How a script's end is judged",
            outcome_table(),
            "### A run's states",
            run_table(),
            "### What a person may do to one host, or server, of a run",
            steering_table(),
            "### A host's, or server's, states and their words",
            word_table(),
        ]
    )


# ---- one host's way ------------------------------------------------------------------------------------------------


def host_table(kind: RunKind) -> str:
    """The table of the domain, one line a stage. Stages that run no script cannot say "not needed"."""
    table = TABLES[kind]

    def not_needed(stage: Stage) -> str:
        if (stage, Result.NOT_NEEDED) in table:
            return move_words(table[stage, Result.NOT_NEEDED])
        return "is a failure" if str(stage) in {str(script) for script in HookStage} else "–"

    return markdown(
        ("Stage", "On success", f"On “not needed” (exit {NOT_NEEDED_STATUS})", "On failure"),
        (
            (
                stage,
                move_words(table[stage, Result.SUCCESS]),
                not_needed(stage),
                move_words(table[stage, Result.FAILURE]),
            )
            for stage in _stages(kind)
        ),
    )


def home_table(kind: RunKind) -> str:
    """What a stage's success leads to in a run that is being cancelled, or for a host that has failed already or need
    not leave service; only where that differs from the table above."""
    columns: Sequence[tuple[str, Mapping[str, bool]]] = [
        ("The run is being cancelled", {"failing": False, "cancelling": True}),
        ("The host has failed", {"failing": True, "cancelling": False}),
    ]
    if kind is RunKind.ROLLING:
        stays = {"failing": False, "cancelling": False, "stays": True}
        columns = [*columns, ("It need not leave service", stays)]

    def cell(stage: Stage, how: Mapping[str, bool]) -> str:
        plain = next_move(kind, stage, Outcome.OK, failing=False, cancelling=False)
        now = next_move(kind, stage, Outcome.OK, **how)
        return "" if now == plain else move_words(now)

    rows = [(stage, *(cell(stage, how) for _, how in columns)) for stage in _stages(kind)]
    return markdown(
        ("A stage that succeeds", *(title for title, _ in columns)), (row for row in rows if any(row[1:]))
    )


def move_words(move: Move) -> str:
    """A move in a few words: the next stage, or the state the host is in from now on."""
    if move.fails_run:
        return f"`{move.state}`; {move.words}"
    goes = f"**{move.then}**, host `{move.state}`" if move.then else f"`{move.state}`"
    if move.failing:
        goes = f"**{move.then}**, then `{TargetState.FAILED}`"
    return f"{goes}; {move.words}" if move.words else goes


def _stages(kind: RunKind) -> list[Stage]:
    return [stage for stage in Stage if (stage, Result.SUCCESS) in TABLES[kind]]


# ---- scripts, runs, words ------------------------------------------------------------------------------------------


def outcome_table() -> str:
    """Every way a script can end, in every stage."""
    ends: list[tuple[str, HookEnd, int | None]] = [
        ("exit status 0", HookEnd.EXITED, 0),
        (f"exit status {NOT_NEEDED_STATUS}", HookEnd.EXITED, NOT_NEEDED_STATUS),
        ("any other exit status", HookEnd.EXITED, 1),
        ("killed by a signal", HookEnd.EXITED, None),
        *((end.replace("_", " "), end, None) for end in HookEnd if end is not HookEnd.EXITED),
    ]
    return markdown(
        ("The script's end", *HookStage),
        ((words, *(f"`{judge(stage, end, status)}`" for stage in HookStage)) for words, end, status in ends),
    )


def run_table() -> str:
    """A run's states: the word people see, what may follow, and what a person may do."""

    def steering(state: RunState) -> str:
        moves = ", ".join(sorted(legal_run_moves(state, pausing=False))) or "–"
        asked = legal_run_moves(state, pausing=True)
        if asked == legal_run_moves(state, pausing=False):
            return moves
        return f"{moves}; once a pause is asked: {', '.join(sorted(asked))}"

    return markdown(
        ("State", "Word", "May become", "A person may"),
        (
            (f"`{state}`", word(state), _states(RUN_MOVES[state], RunState) or "– (the end)", steering(state))
            for state in RunState
        ),
    )


def steering_table() -> str:
    """Retry and skip, by the host's and the run's state; states in which neither is legal are left out."""
    runs = [run for run in RunState if any(legal_target_moves(run, host) for host in TargetState)]
    hosts = [host for host in TargetState if any(legal_target_moves(run, host) for run in RunState)]
    return markdown(
        ("Host, or server", *(f"in a run that is `{run}`" for run in runs)),
        (
            (f"`{host}`", *(", ".join(sorted(legal_target_moves(run, host))) or "–" for run in runs))
            for host in hosts
        ),
    )


def word_table() -> str:
    """The machine's value and the people's word."""
    return markdown(("State", "Word"), ((f"`{state}`", word(state)) for state in TargetState))


def _states(some: Iterable[str], order: Iterable[str]) -> str:
    wanted = set(some)
    return ", ".join(f"`{state}`" for state in order if state in wanted)
