"""The state tables of ARCHITECTURE.md are those of the code."""

from pathlib import Path

import pytest
from django.core.management import call_command

from maintenance.domain import states
from maintenance.domain.rolling import ROLLING
from maintenance.domain.run_view import Move, Result
from maintenance.domain.servers import TRANSITIONS
from maintenance.domain.states import Stage, TargetState
from maintenance.management.commands.state_tables import BEGIN, END, MarksMissing, TablesStale, all_tables

ARCHITECTURE = Path(__file__).resolve().parents[2] / "ARCHITECTURE.md"

RESTART_WAY = (
    Stage.SERVER_PREPARE,
    Stage.SERVER_SHUT_DOWN,
    Stage.SERVER_COME_BACK,
    Stage.SERVER_CANCEL,
    Stage.SERVER_SETTLE,
)


@pytest.fixture
def page(tmp_path):
    file = tmp_path / "page.md"
    file.write_text(f"before\n{BEGIN}\nstale lines\n{END}\nafter\n")
    return file


def test_the_architecture_page_has_the_tables_of_the_code():
    call_command("state_tables", check=ARCHITECTURE)


def test_old_tables_are_refused_with_the_command_that_mends_them(page):
    with pytest.raises(TablesStale, match="state_tables --write"):
        call_command("state_tables", check=page)

    assert "stale lines" in page.read_text()


def test_writing_changes_only_what_is_between_the_marks(page):
    call_command("state_tables", write=page)
    call_command("state_tables", check=page)

    text = page.read_text()
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"\n{END}\nafter\n")
    assert "stale lines" not in text


@pytest.mark.parametrize("text", ["no marks", f"{BEGIN} alone", f"{END}\n{BEGIN}"])
def test_a_page_without_both_marks_in_order_is_left_alone(page, text):
    page.write_text(text)

    with pytest.raises(MarksMissing):
        call_command("state_tables", write=page)
    assert page.read_text() == text


def test_another_move_in_the_code_makes_the_page_stale(page, monkeypatch):
    call_command("state_tables", write=page)
    monkeypatch.setitem(ROLLING, (Stage.RETURN, Result.FAILURE), Move(TargetState.FAILED))

    with pytest.raises(TablesStale):
        call_command("state_tables", check=page)


def test_another_word_in_the_code_makes_the_page_stale(page, monkeypatch):
    call_command("state_tables", write=page)
    monkeypatch.setitem(states.WORDS, TargetState.DRAINING, "Emptying")

    with pytest.raises(TablesStale):
        call_command("state_tables", check=page)


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_and_every_state_has_its_line(stage):
    tables = all_tables()

    assert f"\n| {stage} | " in tables
    assert all(f"`{state}`" in tables for state in [*states.RunState, *TargetState])


def test_every_change_of_a_management_server_is_in_the_table():
    written = all_tables()
    for change in TRANSITIONS:
        by = f"`{change.by}`" if change.by else "by itself"
        assert f"| `{change.before}` | `{change.after}` | {by} | {change.when} |" in written


def test_a_server_that_is_restarted_is_told_stage_after_stage():
    written = all_tables().partition("### A management server that is restarted")[2]
    places = [written.index(f"| {stage} |") for stage in RESTART_WAY]
    assert places == sorted(places)
    assert (
        "| ComeBack | **CancelMaintenance**, server `Returning` | `NeedsPerson`; flagged: needs a person |"
        in written
    )
