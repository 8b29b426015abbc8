"""Searching and paging through all that a script printed."""

import re

import pytest

from dashboard.screens.run.output_lines import LINES_MAX
from maintenance.domain.states import RunState, TargetState
from tests.dashboard.console.runs import end_step, in_state, put_host, start_run


@pytest.fixture
def printed(viewer, inventory):
    """Gives the page of an output of so many lines: line 1 …"""
    target = put_host(in_state(start_run(inventory, "c1"), RunState.RUNNING), "kvm1", TargetState.DONE)

    def make(lines: int = 5_000, more: bytes = b""):
        text = b"".join(b"line %d\n" % n for n in range(1, lines + 1)) + more
        end_step(target, "Maintenance", printed=text, exit_status=0)
        here = f"/rolling/{target.run_id}/hosts/{target.host_id}/stages/Maintenance/output/"
        return lambda query="": viewer.get(here + query).text.replace("\N{NO-BREAK SPACE}", " ")

    return make


def numbers(page: str) -> list[int]:
    return [int(number.replace(",", "")) for number in re.findall(r'data-no="([\d,]+)"', page)]


def link(page: str, rel: str) -> str:
    """Where this link leads, as a browser reads it."""
    found = re.search(rf'href="[^"]*(\?[^"]*)"[^>]*>{rel}<', page)
    assert found, f"no link {rel}"
    return found.group(1).replace("&amp;", "&")


def test_a_long_output_opens_at_its_end_and_leads_to_earlier_lines(printed):
    page_at = printed(5_000)

    last = page_at()
    before = page_at(link(last, "Earlier lines"))

    assert numbers(last)[-1] == 5_000
    assert len(numbers(last)) == LINES_MAX
    assert "lines 3,001 to 5,000 of 5,000 that are kept" in last
    assert numbers(before)[0] == 1_001
    assert numbers(page_at(link(before, "Later lines"))) == numbers(last)


def test_a_search_looks_through_lines_that_are_not_on_the_page_and_leads_from_match_to_match(printed):
    page_at = printed(5_000)

    first = page_at("?find=LINE+77")
    second = page_at(link(first, "Next"))

    assert "Line 1 of 11 with “LINE 77”, in all that is kept." in first
    assert re.search(r'data-no="77" data-hit id="hit" aria-current="true"><mark>line 77</mark>', first)
    assert re.search(r'data-no="770" data-hit id="hit" aria-current="true"><mark>line 77</mark>0', second)
    assert re.search(r'data-no="77" data-hit id="hit"', page_at(link(second, "Previous")))


def test_a_match_beyond_the_last_is_the_last(printed):
    page = printed(300)("?find=line+30&hit=99")

    assert "Line 2 of 2 with “line 30”" in page
    assert 'data-no="300" data-hit id="hit"' in page


def test_nothing_found_is_said_and_the_lines_stay(printed):
    page = printed(10)("?find=kernel+panic")

    assert "No line of all that is kept has “kernel panic”." in page
    assert numbers(page) == list(range(1, 11))


def test_what_is_searched_for_is_inert_wherever_it_is_shown(printed):
    page = printed(3, b"<script>alert(1)</script>\n")("?find=%3Cscript%3E")

    assert "<script>alert" not in page
    assert "<mark>&lt;script&gt;</mark>alert(1)&lt;/script&gt;" in page


def test_letters_that_grow_when_they_are_folded_are_found_too(printed):
    page = printed(1, "Straße gesperrt\n".encode())("?find=STRASSE")

    assert "<mark>Straße gesperrt</mark>" in page
