"""Hosts at work that no usual time speaks of any more: later than usual, or their agent does not answer."""

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import ngettext

from dashboard.screens.runs.usual import late_after_s, usual_ranges
from dashboard.screens.words import listing, said
from maintenance.domain.states import TARGET_BEGUN, StepState
from maintenance.models import Host, Run, Step

UP = "Up"
LOOKED_AT_MAX = 1000  # hosts at work of one run
SHARE_THAT_COUNTS = 10  # of many at work a few are always late: then from every tenth on


@dataclass(frozen=True, slots=True)
class Away:
    """`late`, `away`: names, where they are so many that no time holds for the run; else none."""

    late: list[str]
    away: list[str]

    @property
    def any(self) -> bool:
        return bool(self.late or self.away)

    def words(self) -> str:
        """Why the end is not known."""
        if self.away:
            words = ngettext("not known: %(hosts)s is away", "not known: %(hosts)s are away", len(self.away))
            return words % {"hosts": listing([said(name) for name in self.away], 3)}
        words = ngettext(
            "not known: %(hosts)s takes longer than usual",
            "not known: %(hosts)s take longer than usual",
            len(self.late),
        )
        return words % {"hosts": listing([said(name) for name in self.late], 3)}


def away_now(run: Run) -> Away:
    """Two questions, however many are at work."""
    at_work = run.targets.filter(state__in=TARGET_BEGUN)
    steps = list(
        Step.objects.filter(target__in=at_work)
        .exclude(state=StepState.ENDED)
        .select_related("target")
        .order_by("target__order")[:LOOKED_AT_MAX]
    )
    now, usual = timezone.now(), usual_ranges()
    limits = {stage: late_after_s(found) for stage, found in usual.items()}
    late = [
        step.target.name
        for step in steps
        if limits.get(step.stage)
        and step.started
        and (now - step.started).total_seconds() > limits[step.stage]
    ]
    silent = Host.objects.filter(id__in=[step.target.host_id for step in steps], gone_at=None).exclude(
        state=UP
    )
    away = list(silent.order_by("name").values_list("name", flat=True))
    counts = len({*late, *away}) * SHARE_THAT_COUNTS >= len(steps)
    return Away(late, away) if counts else Away([], [])
