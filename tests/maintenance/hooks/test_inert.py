"""Output made harmless: what acts becomes visible, what people wrote stays."""

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maintenance.hooks.inert import InertReader, inert, whole_characters


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b"plain\ttext\n", "plain\ttext\n"),
        ("Größe ✓ 🧰\n".encode(), "Größe ✓ 🧰\n"),
        (b"\x1b[31mred\x1b[0m", "␛[31mred␛[0m"),
        (b"\x1b]52;c;AAAA\x07", "␛]52;c;AAAA␇"),
        (b"\x1b]0;title\x1b\\", "␛]0;title␛\\"),
        (b"a\x00b", "a␀b"),
        (b"10%\r20%\r", "10%␍20%␍"),
        (b"windows\r\n", "windows\n"),
        (b"\x7f\x08", "␡␈"),
        (b"\xe9t\xe9", "\\xe9t\\xe9"),
        (b"\x9b31m", "\\x9b31m"),
        ("\u009b31m\u0085".encode(), "\\x9b31m\\x85"),
        ("abc\u202edcba\u2066".encode(), "abc\\u202edcba\\u2066"),
        ("a\u2028b\ufeff\u200b".encode(), "a\\u2028b\\ufeff\\u200b"),
        ("\U000e0041".encode(), "\\U000e0041"),
        ("👩\u200d🔧".encode(), "👩\u200d🔧"),
        (b"<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("é".encode()[1:] + b"x" + "é".encode()[:1], "\\xa9x\\xc3"),
    ],
)
def test_what_acts_is_shown_instead(data: bytes, shown: str) -> None:
    assert inert(data) == shown


@given(st.binary(max_size=300))
def test_nothing_that_acts_ever_comes_out(data: bytes) -> None:
    allowed = {"\n", "\t", "\u200c", "\u200d"}

    acting = [
        character
        for character in inert(data)
        if unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Cs"} and character not in allowed
    ]

    assert acting == []


@given(st.text(max_size=100), st.lists(st.integers(0, 400), max_size=8))
def test_cuts_anywhere_change_nothing_for_a_reader(text: str, cuts: list[int]) -> None:
    data = text.encode("utf-8", "surrogatepass")
    reader = InertReader()
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]

    read = [reader.feed(data[start:end]) for start, end in pairwise(places)]

    assert "".join([*read, reader.finish()]) == inert(data)


@pytest.mark.parametrize(
    ("data", "whole"),
    [
        (b"", 0),
        (b"abc", 3),
        ("é".encode()[:1], 0),
        ("a🧰".encode()[:-1], 1),
        ("a🧰".encode()[:-2], 1),
        ("a🧰".encode(), 5),
        (b"line\r", 4),
        (b"line\r\n", 6),
        (b"\xff\xff", 2),
        (b"\x80\x80\x80\x80", 4),
        (b"a\xf8", 2),
    ],
)
def test_a_slice_is_cut_where_characters_end(data: bytes, whole: int) -> None:
    assert whole_characters(data) == whole


def test_garbage_never_waits_for_ever() -> None:
    assert InertReader().feed(b"\xff" * 10) == "\\xff" * 10
