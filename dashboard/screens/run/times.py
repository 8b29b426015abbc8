"""How often a host was tried and out of service, where once is not all."""

from collections.abc import Sequence

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.words import count, duration, figure
from maintenance.report import TimeOut, out_in_all_s


def times_words(attempts: int, outs: Sequence[TimeOut]) -> str:
    """in 2 attempts, out 5 m 25 s in all: of a host that was tried, or out of service, more than once."""
    if attempts < 2 and len(outs) < 2:
        return ""
    out_s = out_in_all_s(outs)
    if attempts < 2:
        times = count(len(outs), "time")
        if out_s is None:
            return _("out %(times)s") % {"times": times}
        return _("out %(times)s, %(took)s in all") % {"times": times, "took": duration(out_s)}
    tried = ngettext("in %(n)s attempt", "in %(n)s attempts", attempts) % {"n": figure(attempts)}
    if out_s is None:
        return tried
    return _("%(attempts)s, out %(took)s in all") % {"attempts": tried, "took": duration(out_s)}
