"""What each way of restarting routers has cost so far, in words. What was never measured is said to be so."""

from collections.abc import Mapping, Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.patch_run.downtime import WAYS
from dashboard.screens.words import duration, figure
from maintenance.usual_restarts import MeasuredWay

LONG_MS = 10_000


def measured_lines(measured: Mapping[str, Sequence[MeasuredWay]], way: str) -> list[str]:
    """One line a direction: ingress: 120 ms on average, 80 ms at the least, of 12 networks."""
    rows = measured.get(way, ())
    if not rows:
        return [_("Downtime: not measured yet.")]
    return [_line(row) for row in rows]


def _line(row: MeasuredWay) -> str:
    facts = {
        "direction": str(WAYS.get(row.direction, row.direction)),
        "average": lost(row.average_ms),
        "lowest": lost(row.lowest_ms),
        "n": figure(row.times),
    }
    words = ngettext(
        "%(direction)s: %(average)s lost, measured once",
        "%(direction)s: %(average)s lost on average, %(lowest)s at the least, measured %(n)s times",
        row.times,
    )
    return words % facts


def lost(ms: float) -> str:
    """120 ms · 42 s."""
    return duration(ms / 1000) if ms >= LONG_MS else _("%(n)s ms") % {"n": figure(round(ms))}
