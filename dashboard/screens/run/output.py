"""The page with all that a stage's script printed."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dashboard.screens.marks import UNKNOWN, Mark, mark
from dashboard.screens.run.choice import Choice
from dashboard.screens.run.terminal import output_url
from dashboard.screens.runs.name import run_url
from dashboard.screens.words import size
from maintenance.domain.hook_stages import STAGES
from maintenance.domain.outcomes import Outcome
from maintenance.domain.states import STATE_DURING, Stage, StepState
from maintenance.models import Run, Step


@dataclass(frozen=True, slots=True)
class OutputHead:
    """How the script is, and what can be done with its output. `is_open`: it still prints. `detail` is as the engine
    wrote it down."""

    number: int
    run_url: str
    host_name: str
    host_url: str
    step: UUID
    stage: str
    attempt: int
    script: str
    mark: Mark
    exit_status: str
    detail: str
    started: datetime | None
    finished: datetime | None
    printed: str
    is_open: bool
    here: str
    text_url: str
    stages: list[Choice]
    attempts: list[Choice]


def output_head(run: Run, step: Step) -> OutputHead:
    here = output_url(run, step.target.host_key, step.stage)
    mine = Step.objects.filter(target=step.target)
    ran = set(
        mine.filter(stage__in=STAGES).exclude(script="", output_bytes=0).values_list("stage", flat=True)
    )
    attempts = sorted(set(mine.filter(stage=step.stage).values_list("attempt", flat=True)))
    return OutputHead(
        number=run.number,
        run_url=run_url(run),
        host_name=step.target.name,
        host_url=reverse("host", args=[step.target.host_id]),
        step=step.id,
        stage=step.stage,
        attempt=step.attempt,
        script=PurePosixPath(step.script).name,
        mark=_mark(step),
        exit_status=_("exit status %(n)s") % {"n": step.exit_status} if step.exit_status is not None else "",
        detail=_detail(step),
        started=step.started,
        finished=step.finished,
        printed=_("%(size)s printed") % {"size": size(step.output_bytes)},
        is_open=step.state != StepState.ENDED,
        here=here,
        text_url=f"{here}?{urlencode({'attempt': step.attempt, 'text': 1})}",
        stages=[
            Choice(output_url(run, step.target.host_key, stage), stage, stage == step.stage)
            for stage in STAGES
            if stage in ran or stage == step.stage
        ],
        attempts=[
            Choice(f"{here}?{urlencode({'attempt': n})}", _("Attempt %(n)s") % {"n": n}, n == step.attempt)
            for n in attempts
        ],
    )


_ENDED_BADLY = {
    Outcome.FAILED: gettext_lazy("Failed"),
    Outcome.TIMED_OUT: gettext_lazy("Timed out"),
    Outcome.STOPPED: gettext_lazy("Stopped"),
    Outcome.REFUSED: gettext_lazy("Refused"),
}


def _mark(step: Step) -> Mark:
    if step.state != StepState.ENDED:
        return mark(STATE_DURING[Stage(step.stage)])
    match step.outcome:
        case Outcome.OK:
            return Mark("Done", _("Ended well"), "done")
        case Outcome.NOT_NEEDED:
            return Mark("Skipped", _("Not needed"), "skipped")
        case Outcome.UNKNOWN:
            return UNKNOWN
        case _:
            return Mark("Failed", _ENDED_BADLY.get(Outcome(step.outcome), _("Failed")), "failed")


def _detail(step: Step) -> str:
    """What is not said yet: the note of one at work, or how it ended where that is more than its exit status."""
    detail = "" if step.detail == f"exit status {step.exit_status}" else step.detail
    return ", ".join(part for part in (detail, "" if step.state == StepState.ENDED else step.note) if part)
