"""How figures are said, in the installation's language: durations, ranges, counts, and the part of a host's name that
people say."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

NBSP = "\N{NO-BREAK SPACE}"  # a figure and its unit do not break apart
STEM_MIN_LENGTH = 12  # shorter names are said whole
_HAS_LETTER = re.compile(r"[^\W\d_]")


def figure(number: int) -> str:
    """2942 → 2,942."""
    return number_format(number, force_grouping=True)


def duration(seconds: float) -> str:
    """42 s · 6 m 12 s · 1 h 05 m · 2 d 3 h. Never negative: clocks differ by moments."""
    whole = max(0, round(seconds))
    minutes, s = divmod(whole, 60)
    hours, m = divmod(minutes, 60)
    days, h = divmod(hours, 24)
    # Translators: d, h, m, s are the shortest words for days, hours, minutes, seconds; also used by live.js.
    if whole < 60:
        said = _("%(s)s s") % {"s": s}
    elif minutes < 60:
        said = _("%(m)s m %(s)s s") % {"m": m, "s": f"{s:02}"}
    elif hours < 24:
        said = _("%(h)s h %(m)s m") % {"h": h, "m": f"{m:02}"}
    else:
        said = _("%(d)s d %(h)s h") % {"d": days, "h": h}
    return said.replace(" ", NBSP)


@dataclass(frozen=True, slots=True)
class Range:
    """Between two durations, as learned from what has ended."""

    low_s: float
    high_s: float

    def __str__(self) -> str:
        """5–8 m · 30–50 s · about 20 s."""
        is_long = self.high_s >= 90
        unit_s = 60 if is_long else 1
        low, high = max(1, round(self.low_s / unit_s)), max(1, round(self.high_s / unit_s))
        if low >= high:
            about = _("about %(n)s m") if is_long else _("about %(n)s s")
            return _unbroken_end(about % {"n": high})
        between = _("%(low)s–%(high)s m") if is_long else _("%(low)s–%(high)s s")
        return _unbroken_end(between % {"low": low, "high": high})

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low_s + other.low_s, self.high_s + other.high_s)


def _unbroken_end(said: str) -> str:
    """about 5 m: the figure and its unit stay together."""
    before, space, unit = said.rpartition(" ")
    return f"{before}{NBSP if space else ''}{unit}"


def size(count: int) -> str:
    """Bytes as people say them: 812 B · 18 kB · 1.2 GB."""
    units = (_("%(n)s B"), _("%(n)s kB"), _("%(n)s MB"), _("%(n)s GB"))
    value, unit = float(count), 0
    while value >= 1000 and unit < len(units) - 1:
        value, unit = value / 1000, unit + 1
    decimals = 1 if unit and value < 10 else 0
    return (units[unit] % {"n": number_format(round(value, decimals), decimals)}).replace(" ", NBSP)


# What can be counted, by the word that our code says for one of it. Whoever counts something new adds a line.
_THINGS: Mapping[str, Callable[[int], str]] = {
    "agent": lambda n: ngettext("%(n)s agent", "%(n)s agents", n),
    "cause": lambda n: ngettext("%(n)s cause", "%(n)s causes", n),
    "change": lambda n: ngettext("%(n)s change", "%(n)s changes", n),
    "cloud": lambda n: ngettext("%(n)s cloud", "%(n)s clouds", n),
    "cluster": lambda n: ngettext("%(n)s cluster", "%(n)s clusters", n),
    "day": lambda n: ngettext("%(n)s day", "%(n)s days", n),
    "digest": lambda n: ngettext("%(n)s digest", "%(n)s digests", n),
    "event": lambda n: ngettext("%(n)s event", "%(n)s events", n),
    "host": lambda n: ngettext("%(n)s host", "%(n)s hosts", n),
    "instance": lambda n: ngettext("%(n)s instance", "%(n)s instances", n),
    "job": lambda n: ngettext("%(n)s job", "%(n)s jobs", n),
    "link": lambda n: ngettext("%(n)s link", "%(n)s links", n),
    "line": lambda n: ngettext("%(n)s line", "%(n)s lines", n),
    "management server": lambda n: ngettext("%(n)s management server", "%(n)s management servers", n),
    "match": lambda n: ngettext("%(n)s match", "%(n)s matches", n),
    "move": lambda n: ngettext("%(n)s move", "%(n)s moves", n),
    "person": lambda n: ngettext("%(n)s person", "%(n)s people", n),
    "pod": lambda n: ngettext("%(n)s pod", "%(n)s pods", n),
    "router": lambda n: ngettext("%(n)s router", "%(n)s routers", n),
    "run": lambda n: ngettext("%(n)s run", "%(n)s runs", n),
    "script": lambda n: ngettext("%(n)s script", "%(n)s scripts", n),
    "stage": lambda n: ngettext("%(n)s stage", "%(n)s stages", n),
    "server": lambda n: ngettext("%(n)s server", "%(n)s servers", n),
    "system VM": lambda n: ngettext("%(n)s system VM", "%(n)s system VMs", n),
    "tenant": lambda n: ngettext("%(n)s tenant", "%(n)s tenants", n),
    "thing": lambda n: ngettext("%(n)s thing", "%(n)s things", n),
    "time": lambda n: ngettext("%(n)s time", "%(n)s times", n),
    "token": lambda n: ngettext("%(n)s token", "%(n)s tokens", n),
    "zone": lambda n: ngettext("%(n)s zone", "%(n)s zones", n),
}


def count(number: int, thing: str) -> str:
    """1 host · 1,204 hosts. Raises: KeyError for a thing that is not in the table above."""
    if thing not in _THINGS:
        raise KeyError(f"words.py cannot count {thing!r}: add a line to _THINGS")
    return (_THINGS[thing](number) % {"n": figure(number)}).replace(" ", NBSP, 1)


def spelled(number: int) -> str:
    """One … Nine as a word at the start of a sentence, larger numbers as figures."""
    # Translators: the figures themselves (1, 2, …) are right too where the word would depend on what is counted.
    words = (
        pgettext("start of a sentence", "No"),
        pgettext("start of a sentence", "One"),
        pgettext("start of a sentence", "Two"),
        pgettext("start of a sentence", "Three"),
        pgettext("start of a sentence", "Four"),
        pgettext("start of a sentence", "Five"),
        pgettext("start of a sentence", "Six"),
        pgettext("start of a sentence", "Seven"),
        pgettext("start of a sentence", "Eight"),
        pgettext("start of a sentence", "Nine"),
    )
    return words[number] if number < len(words) else figure(number)


def listing(names: Sequence[str], most: int = 3) -> str:
    """kvm1 · kvm1 and kvm2 · kvm1, kvm2 and 7 more."""
    comma = pgettext("between names", ", ")
    if len(names) > most:
        shown, more = comma.join(names[: most - 1]), figure(len(names) - most + 1)
        return _("%(names)s and %(n)s more") % {"names": shown, "n": more}
    if len(names) < 2:
        return "".join(names)
    return _("%(names)s and %(last)s") % {"names": comma.join(names[:-1]), "last": names[-1]}


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
