"""What becomes of the hosts at work when a run is paused or stopped: who is out comes back, who is in stays."""

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from dashboard.screens.run.lateness import Away, away_now
from dashboard.screens.runs.usual import host_ends, knows_the_rest, usual_ranges
from dashboard.screens.words import duration, listing, said
from maintenance.domain.states import TARGET_BEGUN, Stage, StepState, TargetState
from maintenance.models import HostOut, Run, Step, Target

STUCK_MAX = 5
OUT_STATES = frozenset(
    {TargetState.DRAINING, TargetState.WORKING, TargetState.IN_MAINTENANCE, TargetState.RETURNING}
)


def is_out(target: Target) -> bool:
    return target.out_at is not None and target.back_at is None and target.state in OUT_STATES


def finish_words(run: Run, at_work: list[Target]) -> str:
    """What those at work still do before the pause, and how long that takes, where it is known. No full stop."""
    out = [said(t.name) for t in at_work if is_out(t)]
    inside = [said(t.name) for t in at_work if not is_out(t)]
    found = []
    if out:
        words = ngettext(
            "%(hosts)s finishes and returns to service", "%(hosts)s finish and return to service", len(out)
        )
        found.append(words % {"hosts": listing(out)})
    if inside:
        words = ngettext(
            "%(hosts)s is in service and finishes its way",
            "%(hosts)s are in service and finish their way",
            len(inside),
        )
        found.append(words % {"hosts": listing(inside)})
    about = _about(run, at_work)
    said_so = "; ".join(found)
    return _("%(what)s, about %(time)s") % {"what": said_so, "time": about} if about else said_so


def _about(run: Run, at_work: list[Target]) -> str:
    """How long until those at work are at their end, where the usual times of all stages before them are known, and
    hold."""
    if away_now(run).any:
        return ""
    steps = list(Step.objects.filter(run=run, target__in=at_work).exclude(state=StepState.ENDED))
    ends = [found.high for step in steps if knows_the_rest(step) and (found := host_ends(step)) is not None]
    if not ends or len(ends) < len(at_work):
        return ""
    return duration((max(ends) - timezone.now()).total_seconds())


def end_words(run: Run, at_work: list[Target]) -> str:
    """What becomes of those at work when the run is stopped."""
    if not at_work:
        return _("No host is out of service.")
    out = [t for t in at_work if is_out(t)]
    inside = [said(t.name) for t in at_work if not is_out(t)]
    found = []
    if out:
        found.append(_come_back(out, away_now(run)))
    if inside:
        words = ngettext(
            "Its script is ended; %(hosts)s is in service and stays there.",
            "Their scripts are ended; %(hosts)s are in service and stay there.",
            len(inside),
        )
        found.append(words % {"hosts": listing(inside)})
    return " ".join(found)


def stuck_words(run: Run) -> str:
    """Hosts that stay out whatever becomes of the run. Empty where there are none."""
    stuck = [said(name) for name in stuck_names(run)]
    words = ngettext(
        "%(hosts)s stays out of service until a person returns it.",
        "%(hosts)s stay out of service until a person returns them.",
        len(stuck),
    )
    return words % {"hosts": listing(stuck)} if stuck else ""


def stuck_names(run: Run) -> list[str]:
    """Hosts that are out because of this run, and no stage brings back: by the ledger, flagged or not."""
    out = HostOut.objects.filter(run=run, closed_at=None).values("target")
    is_stuck = Q(state=TargetState.NEEDS_PERSON) | (Q(id__in=out) & ~Q(state__in=TARGET_BEGUN))
    return list(run.targets.filter(is_stuck).order_by("order").values_list("name", flat=True)[:STUCK_MAX])


def _come_back(out: list[Target], away: Away) -> str:
    names = [said(target.name) for target in out]
    if any(target.state == TargetState.WORKING for target in out):
        words = ngettext(
            "Its script is ended and %(hosts)s is returned to service first%(usually)s.",
            "Their scripts are ended and %(hosts)s are returned to service first%(usually)s.",
            len(names),
        )
    else:
        words = ngettext(
            "%(hosts)s is returned to service first%(usually)s.",
            "%(hosts)s are returned to service first%(usually)s.",
            len(names),
        )
    usual = usual_ranges().get(Stage.RETURN)
    usually = _(", usually %(range)s") % {"range": usual} if usual and not away.any else ""
    return words % {"hosts": listing(names), "usually": usually}
