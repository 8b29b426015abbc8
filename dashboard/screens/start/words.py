"""What the start page says of a host's place in the plan, of the pace, and of how long it takes."""

from collections.abc import Mapping

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from dashboard.screens.marks import Mark
from dashboard.screens.words import NBSP
from maintenance.domain.plan import Verdict
from maintenance.domain.states import OnFailure

MARKS: Mapping[Verdict, Mark] = {
    Verdict.READY: Mark("Waiting", gettext_lazy("Ready"), "waiting"),
    Verdict.STAYS: Mark("Skipped", gettext_lazy("Will be skipped"), "skipped"),
    Verdict.SKIPPED: Mark("Skipped", gettext_lazy("Will be skipped"), "skipped"),
    Verdict.BLOCKED: Mark("Failed", gettext_lazy("Blocks the start"), "failed"),
    Verdict.HELD: Mark("NeedsPerson", gettext_lazy("Would wait"), "paused"),
    Verdict.LEFT_OUT: Mark("Cancelled", gettext_lazy("Left out"), "skipped"),
}
ON_FAILURE = (
    (
        OnFailure.PAUSE,
        gettext_lazy("Pause and ask me"),
        gettext_lazy("The failed host is returned to service first. The rest wait."),
    ),
    (
        OnFailure.SKIP,
        gettext_lazy("Skip it and go on"),
        gettext_lazy("It is returned to service, marked Failed, and the next host starts."),
    ),
    (
        OnFailure.STOP,
        gettext_lazy("Stop the run"),
        gettext_lazy("It is returned to service. Hosts not begun stay as they are."),
    ),
)


def verdict_word(verdict: Verdict) -> str:
    """Inside a sentence: ready, will be skipped, …"""
    return str(MARKS[verdict].word).lower()


def pace_in_clusters(clusters: int, hosts: int) -> str:
    """clusters one after another, hosts one at a time"""
    lanes = ngettext("clusters one after another", "%(n)s clusters at once", clusters)
    turns = ngettext("hosts one at a time", "up to %(n)s hosts of a cluster at a time", hosts)
    return _("%(clusters)s, %(hosts)s") % {"clusters": lanes % {"n": clusters}, "hosts": turns % {"n": hosts}}


def pace(at_once: int) -> str:
    """one at a time · up to 4 at a time"""
    return ngettext("one at a time", "up to %(n)s at a time", at_once) % {"n": at_once}


def run_length(low_min: float, high_min: float) -> str:
    """about 40 s · 43–62 min · 2.5–4 h"""
    if high_min < 2:
        text = _("about %(n)s s") % {"n": max(1, round(high_min * 60))}
    elif high_min < 120:
        text = _between(
            max(1, round(low_min)), round(high_min), _("%(low)s–%(high)s min"), _("about %(n)s min")
        )
    elif high_min < 72 * 60:
        low, high = round(low_min / 60, 1), round(high_min / 60, 1)
        text = _between(low, high, _("%(low)s–%(high)s h"), _("about %(n)s h"))
    else:
        low, high = round(low_min / 1440, 1), round(high_min / 1440, 1)
        text = _between(low, high, _("%(low)s–%(high)s days"), _("about %(n)s days"))
    before, space, unit = text.rpartition(" ")
    return f"{before}{NBSP if space else ''}{unit}"


def _between(low: float, high: float, between: str, about: str) -> str:
    return between % {"low": f"{low:g}", "high": f"{high:g}"} if low < high else about % {"n": f"{high:g}"}


def percent(ratio: float) -> str:
    return _("%(n)s %%") % {"n": f"{ratio * 100:.0f}"}
