"""What was asked of a live patch or a restart of routers, and every step of it, as it went."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from dashboard.screens.marks import UNKNOWN, Mark, mark, moving
from dashboard.screens.patch_run.stops import done_words
from dashboard.screens.patch_run.words import stage_word
from dashboard.screens.router_restart.ways import way_name
from dashboard.screens.words import duration, figure
from maintenance.domain.outcomes import Outcome
from maintenance.domain.router_restart import RestartWay
from maintenance.domain.states import STATE_DURING, RunKind, Stage, StepState
from maintenance.models import Payload, Run, Step

STEPS_MAX = 300  # the reports have all of them

_MARKS = {Outcome.OK: "Done", Outcome.NOT_NEEDED: "Skipped", Outcome.STOPPED: "Cancelled"}


@dataclass(frozen=True, slots=True)
class StepLine:
    vm: str
    stage: str
    attempt: str
    mark: Mark
    detail: str
    started: datetime | None
    took: str
    since: datetime | None
    takeovers: str


@dataclass(frozen=True, slots=True)
class PatchRecord:
    """`asked`: name and value; `more` steps are only in the reports."""

    asked: Sequence[tuple[str, str]]
    steps: Sequence[StepLine]
    more: int


def patch_record(run: Run) -> PatchRecord:
    """The newest steps of many; a few queries."""
    begun = Step.objects.filter(run=run).exclude(started=None).select_related("target")
    total = begun.count()
    newest = list(begun.order_by("-started")[:STEPS_MAX])
    return PatchRecord(_asked(run), [_line(step) for step in reversed(newest)], max(0, total - STEPS_MAX))


def _asked(run: Run) -> list[tuple[str, str]]:
    """What nobody has said is not told as if they had."""
    found = [(_("Started by"), run.started_by), (_("Cloud"), run.cloud.name)]
    payload = Payload.objects.filter(id=run.payload_id).first() if run.payload_id else None
    if payload is not None:
        found.append((_("Payload"), payload.version))
        found.append((_("Signed by"), payload.signed_by))
    found += [
        (name, value) for name, value in ((_("Reason"), run.reason), (_("Ticket"), run.ticket)) if value
    ]
    found.append((_("Scope"), run.scope_words))
    found.append((_("At once in a zone"), figure(run.max_unavailable)))
    if run.kind == RunKind.ROUTER_RESTART:
        return found + _of_restart(run)
    if run.canary:
        found.append((_("First, alone"), figure(run.canary)))
    found.append((_("Services watched for"), _("%(n)s s") % {"n": figure(run.soak_s)}))
    found.append((_("Forced"), _("yes") if run.forced else _("no")))
    return found


def _of_restart(run: Run) -> list[tuple[str, str]]:
    found = [(_("Way"), way_name(run.way))]
    if run.way_words:
        found.append((_("Why this way"), run.way_words))
    if run.way != RestartWay.REAPPLY:
        found.append((_("New routers watched for"), _("%(n)s s") % {"n": figure(run.soak_s)}))
    found.append((_("Becomes redundant"), _("yes") if run.makes_redundant else _("no")))
    return found


def _line(step: Step) -> StepLine:
    is_over = step.state == StepState.ENDED
    took = (step.finished - step.started).total_seconds() if step.finished and step.started else None
    takeovers = _("taken over %(n)s ×") % {"n": figure(step.takeovers)} if step.takeovers else ""
    return StepLine(
        vm=step.target.name,
        stage=stage_word(step.stage),
        attempt=_("attempt %(n)s") % {"n": step.attempt} if step.attempt > 1 else "",
        mark=_mark(step) if is_over else moving(mark(STATE_DURING[Stage(step.stage)]).word),
        detail=(step.detail or _went_well(step)) if is_over else step.note,
        started=step.started,
        took=duration(took) if took is not None else "",
        since=None if is_over else step.started,
        takeovers=takeovers,
    )


def _went_well(step: Step) -> str:
    return done_words(step) if step.outcome == Outcome.OK else ""


def _mark(step: Step) -> Mark:
    return UNKNOWN if step.outcome == Outcome.UNKNOWN else mark(_MARKS.get(Outcome(step.outcome), "Failed"))
