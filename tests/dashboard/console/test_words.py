"""Figures and names as people say them."""

import pytest

from dashboard.forms import LengthField, length_words
from dashboard.screens.words import Name, Range, count, duration, listing, size, split_name


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-3, "0 s"),
        (0.4, "0 s"),
        (42, "42 s"),
        (59.6, "1 m 00 s"),
        (372, "6 m 12 s"),
        (3_900, "1 h 05 m"),
        (86_400 * 2 + 3 * 3600, "2 d 3 h"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds, words):
    assert duration(seconds).replace("\N{NO-BREAK SPACE}", " ") == words


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (300, 480, "5–8 m"),
        (30, 50, "30–50 s"),
        (19, 19.4, "about 19 s"),
        (80, 95, "1–2 m"),
        (0, 0.2, "about 1 s"),
    ],
)
def test_a_range_has_one_unit(low, high, words):
    assert str(Range(low, high)).replace("\N{NO-BREAK SPACE}", " ") == words


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("ref-trl-711-k-M7-apanic-kvm5", Name("ref-trl-711-k-M7-apanic-", "kvm5")),
        ("kvm5", Name("", "kvm5")),
        ("node-17", Name("", "node-17")),
        ("rack12-node-0017", Name("", "rack12-node-0017")),
        ("kvm5.dc1.example.org", Name("", "kvm5", ".dc1.example.org")),
        ("10.2.0.17", Name("", "10.2.0.17")),
        ("-", Name("", "-")),
        ("", Name("", "")),
        ("x" * 63, Name("", "x" * 63)),
    ],
)
def test_the_part_of_a_name_that_people_say_is_its_end_when_that_says_something(name, parts):
    assert split_name(name) == parts


def test_lists_counts_and_sizes_are_said_in_words():
    assert listing(["kvm1"]) == "kvm1"
    assert listing(["kvm1", "kvm2"]) == "kvm1 and kvm2"
    assert listing(["a", "b", "c", "d"]) == "a, b and 2 more"
    assert count(1, "host") == "1\N{NO-BREAK SPACE}host"
    assert count(1204, "host") == "1,204\N{NO-BREAK SPACE}hosts"
    assert size(999).endswith("999\N{NO-BREAK SPACE}B")
    assert size(18_200) == "18\N{NO-BREAK SPACE}kB"
    assert size(1_200_000_000) == "1.2\N{NO-BREAK SPACE}GB"


@pytest.mark.parametrize(
    ("typed", "seconds"), [("30 min", 1800), ("45s", 45), ("2 h", 7200), ("30", 1800), (" 90 sec ", 90)]
)
def test_a_length_of_time_is_read_as_people_write_it_and_written_so_that_it_is_read_again(typed, seconds):
    assert LengthField().clean(typed) == seconds
    assert LengthField().clean(length_words(seconds)) == seconds
