"""The tables about management servers in ARCHITECTURE.md: their states, and their way through a run."""

from collections.abc import Iterable, Mapping, Sequence

from maintenance.domain.outcomes import Outcome
from maintenance.domain.run_view import Move, Result
from maintenance.domain.server_run import FIRST_STAGE, SERVER_TABLES, next_server_move
from maintenance.domain.servers import TRANSITIONS, ServerMove, ServerState, legal_moves
from maintenance.domain.states import RunKind, Stage, TargetState

SERVER_TITLES: Mapping[RunKind, str] = {
    RunKind.SERVER_MAINTENANCE: "A management server into maintenance and back",
    RunKind.SERVER_SHUTDOWN: "A management server made ready to shut down",
    RunKind.SERVER_RESTART: "A management server that is restarted",
}


def server_sections() -> list[str]:
    """Every table under its heading."""
    runs = [
        section
        for kind, title in SERVER_TITLES.items()
        for section in (f"### {title}", way_table(kind), f"#### {title}: the way home", home_table(kind))
    ]
    return [
        "### A management server's states",
        transition_table(),
        "### What may be asked of a management server",
        move_table(),
        *runs,
    ]


def transition_table() -> str:
    """Every legal change, as CloudStack spells the states."""
    rows = [
        (f"`{t.before}`", f"`{t.after}`", f"`{t.by}`" if t.by else "by itself", t.when) for t in TRANSITIONS
    ]
    return markdown(("From", "To", "Asked for with", "When"), rows)


def move_table() -> str:
    """By state: what is possible, as far as the state decides it."""
    return markdown(
        ("State", *(f"`{move}`" for move in ServerMove)),
        (
            (f"`{state}`", *("yes" if move in legal_moves(state) else "–" for move in ServerMove))
            for state in ServerState
        ),
    )


def way_table(kind: RunKind) -> str:
    """One line a stage, the first stage first."""
    table = SERVER_TABLES[kind]
    return markdown(
        ("Stage", "On success", "On failure"),
        (
            (stage, move_words(table[stage, Result.SUCCESS]), move_words(table[stage, Result.FAILURE]))
            for stage in _stages(kind)
        ),
    )


def home_table(kind: RunKind) -> str:
    """Where a stage's end leads elsewhere because the run is being cancelled, or the server has failed already."""

    def cell(stage: Stage, *, failing: bool, cancelling: bool) -> str:
        plain = next_server_move(kind, stage, Outcome.OK, failing=False, cancelling=False)
        now = next_server_move(kind, stage, Outcome.OK, failing=failing, cancelling=cancelling)
        return "" if now == plain else move_words(now)

    rows = [
        (
            stage,
            cell(stage, failing=False, cancelling=True),
            cell(stage, failing=True, cancelling=False),
        )
        for stage in _stages(kind)
    ]
    titles = ("A stage that succeeds", "The run is being cancelled", "The server has failed")
    return markdown(titles, (row for row in rows if any(row[1:])))


def move_words(move: Move) -> str:
    """The next stage, or the state the server is in from now on."""
    goes = f"**{move.then}**, server `{move.state}`" if move.then else f"`{move.state}`"
    if move.failing:
        goes = f"**{move.then}**, then `{TargetState.FAILED}`"
    return f"{goes}; {move.words}" if move.words else goes


def _stages(kind: RunKind) -> list[Stage]:
    """In the order in which success leads through them; what only a person chooses comes last."""
    table = SERVER_TABLES[kind]
    way, stage = [], FIRST_STAGE[kind]
    while stage not in way:
        way.append(stage)
        stage = table[stage, Result.SUCCESS].then or stage
    return [*way, *(one for one in Stage if (one, Result.SUCCESS) in table and one not in way)]


def markdown(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [titles, ["---"] * len(titles), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
