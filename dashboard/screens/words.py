"""How figures are said: durations, ranges, counts, and the part of a host's name that people say."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

NBSP = "\N{NO-BREAK SPACE}"  # a figure and its unit do not break apart
STEM_MIN_LENGTH = 12  # shorter names are said whole
_HAS_LETTER = re.compile(r"[^\W\d_]")


def duration(seconds: float) -> str:
    """42 s · 6 m 12 s · 1 h 05 m · 2 d 3 h. Never negative: clocks differ by moments."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}{NBSP}s"
    minutes, s = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}{NBSP}m{NBSP}{s:02}{NBSP}s"
    hours, m = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}{NBSP}h{NBSP}{m:02}{NBSP}m"
    days, h = divmod(hours, 24)
    return f"{days}{NBSP}d{NBSP}{h}{NBSP}h"


@dataclass(frozen=True, slots=True)
class Range:
    """Between two durations, as learned from what has ended."""

    low_s: float
    high_s: float

    def __str__(self) -> str:
        """5–8 m · 30–50 s · about 20 s."""
        unit_s, unit = (60, "m") if self.high_s >= 90 else (1, "s")
        low, high = max(1, round(self.low_s / unit_s)), max(1, round(self.high_s / unit_s))
        return f"about {high}{NBSP}{unit}" if low >= high else f"{low}–{high}{NBSP}{unit}"

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low_s + other.low_s, self.high_s + other.high_s)


def size(count: int) -> str:
    """Bytes as people say them: 812 B · 18 kB · 1.2 GB."""
    if count < 1000:
        return f"{count}{NBSP}B"
    value = float(count)
    for unit in ("kB", "MB", "GB"):
        value /= 1000
        if value < 1000 or unit == "GB":
            return f"{value:.0f}{NBSP}{unit}" if value >= 10 else f"{value:.1f}{NBSP}{unit}"
    raise AssertionError("the last unit takes everything")


_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def count(number: int, thing: str, things: str = "") -> str:
    """1 host · 1,204 hosts."""
    return f"{number:,}{NBSP}{thing if number == 1 else things or thing + 's'}"


def spelled(number: int) -> str:
    """One … Nine as a word at the start of a sentence, larger numbers as figures."""
    return _SMALL[number].capitalize() if number < len(_SMALL) else f"{number:,}"


def listing(names: Sequence[str], most: int = 3) -> str:
    """kvm1 · kvm1 and kvm2 · kvm1, kvm2 and 7 more."""
    if len(names) > most:
        return f"{', '.join(names[: most - 1])} and {len(names) - most + 1} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


@dataclass(frozen=True, slots=True)
class Name:
    """A host's name in three parts: the stem and the domain step back, the middle is what people say."""

    stem: str
    said: str
    domain: str = ""


def split_name(name: str) -> Name:
    """ref-trl-711-k-M7-apanic-kvm5 → kvm5 behind its stem; kvm5.example.org → kvm5 before its domain."""
    host, dot, domain = name.partition(".")
    if not host or not _HAS_LETTER.search(domain):
        host, dot, domain = name, "", ""
    stem, dash, said = host.rpartition("-")
    if len(host) < STEM_MIN_LENGTH or not stem or not _HAS_LETTER.search(said):
        return Name("", host, dot + domain)
    return Name(stem + dash, said, dot + domain)


def said(name: str) -> str:
    """The part of a host's name that people say."""
    return split_name(name).said
