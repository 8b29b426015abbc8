"""What was asked of a run over management servers, and every step of it, as it went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from dashboard.screens.marks import UNKNOWN, Mark, mark, moving
from dashboard.screens.server_run.words import stage_word
from dashboard.screens.words import duration, figure
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import STATE_DURING, RunKind, Stage, StepState
from maintenance.models import Run, Step

STEPS_MAX = 500  # 7 stages of 70 servers; the reports have all of them

_MARKS = {Outcome.OK: "Done", Outcome.NOT_NEEDED: "Skipped", Outcome.STOPPED: "Cancelled"}


@dataclass(frozen=True, slots=True)
class StepLine:
    server: str
    stage: str
    attempt: str
    mark: Mark
    detail: str
    started: datetime | None
    took: str
    since: datetime | None
    takeovers: str


@dataclass(frozen=True, slots=True)
class Asked:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ServerRecord:
    """`more` steps are only in the reports."""

    asked: Sequence[Asked]
    steps: Sequence[StepLine]
    more: int


def server_record(run: Run) -> ServerRecord:
    """Two queries."""
    steps = Step.objects.filter(run=run).exclude(started=None).select_related("target").order_by("started")
    shown = list(steps[: STEPS_MAX + 1])
    more = steps.count() - STEPS_MAX if len(shown) > STEPS_MAX else 0
    return ServerRecord(_asked(run), [_line(step) for step in shown[:STEPS_MAX]], more)


def _asked(run: Run) -> list[Asked]:
    """What nobody has said is not told as if they had."""
    found = [Asked(_("Started by"), run.started_by), Asked(_("Cloud"), run.cloud.name)]
    if run.reason:
        found.append(Asked(_("Reason"), run.reason))
    if run.ticket:
        found.append(Asked(_("Ticket"), run.ticket))
    found.append(Asked(_("Servers, in order"), run.scope_words))
    if run.kind == RunKind.SERVER_SHUTDOWN:
        return found
    found.append(Asked(_("Agents leave by"), run.algorithm or _("the cloud's setting")))
    found.append(
        Asked(
            _("When its window ends"),
            _("on to Maintenance, forced") if run.forced else _("back to Up"),
        )
    )
    if run.kind == RunKind.SERVER_RESTART:
        found.append(Asked(_("Watched before the next"), _("%(n)s s") % {"n": figure(run.settle_s)}))
    else:
        found.append(
            Asked(
                _("Afterwards agents"),
                _("come home at once") if run.rebalance else _("come home by their own check"),
            )
        )
    return found


def _line(step: Step) -> StepLine:
    is_over = step.state == StepState.ENDED
    took = (step.finished - step.started).total_seconds() if step.finished and step.started else None
    takeovers = _("taken over %(n)s ×") % {"n": figure(step.takeovers)} if step.takeovers else ""
    return StepLine(
        server=step.target.name,
        stage=stage_word(step.stage),
        attempt=_("attempt %(n)s") % {"n": step.attempt} if step.attempt > 1 else "",
        mark=_mark(step) if is_over else moving(mark(STATE_DURING[Stage(step.stage)]).word),
        detail=step.detail if is_over else step.note,
        started=step.started,
        took=duration(took) if took is not None else "",
        since=None if is_over else step.started,
        takeovers=takeovers,
    )


def _mark(step: Step) -> Mark:
    return UNKNOWN if step.outcome == Outcome.UNKNOWN else mark(_MARKS.get(Outcome(step.outcome), "Failed"))
